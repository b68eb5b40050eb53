import type { Log } from '../log.js';
import { formatDuration } from '../quantity.js';
import type { Verdict } from './verdict.js';

export type LinkState = 'connecting' | 'online' | 'offline' | 'held';

/** While nothing changes, an outage is mentioned this often. */
const SUMMARY_MS = 15 * 60_000;
/** Of a link that comes and goes, so many changes are told in the time of a summary. */
const CHANGES_TOLD = 10;

/** Knows how the link is, and says so when that changes: an outage of hours is a few lines, not thousands. */
export class LinkMonitor {
  readonly #name: string;
  readonly #log: Log;
  readonly #queued: () => number;
  #state: LinkState = 'connecting';
  /** What a person has to mend, while held. */
  #mend: string | undefined;
  /** Since when readings are delivered, or not. */
  #since = performance.now();
  #saidAt = 0;
  /** Requests in vain since the last one that was not. */
  #failed = 0;
  #changes = 0;
  #changesSince = performance.now();
  #writeMs = 0;

  /** `queued`: how many readings wait, for the log. */
  constructor(name: string, log: Log, queued: () => number) {
    this.#name = name;
    this.#log = log;
    this.#queued = queued;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** How long the newest request took, in ms. */
  get writeMs(): number {
    return this.#writeMs;
  }

  observe(verdict: Verdict, tookMs: number): void {
    const state = verdict.kind === 'retry' ? 'offline' : verdict.kind === 'hold' ? 'held' : 'online';
    const mend = verdict.kind === 'hold' ? verdict.mend : undefined;
    this.#writeMs = tookMs;
    if (state !== 'online') this.#failed += 1;
    const now = performance.now();
    if (state !== this.#state || mend !== this.#mend) {
      this.#change(state, verdict, now);
      this.#mend = mend;
    } else if (state !== 'online' && now - this.#saidAt >= SUMMARY_MS) {
      const since = formatDuration(Math.round((now - this.#since) / 60_000) * 60_000);
      this.#say('warn', verdict, `Still no delivery to ${this.#name}, for ${since} now`);
    }
    if (state === 'online') this.#failed = 0;
  }

  #change(state: LinkState, verdict: Verdict, now: number): void {
    if (now - this.#changesSince >= SUMMARY_MS) {
      this.#changes = 0;
      this.#changesSince = now;
    }
    this.#changes += 1;
    if (this.#changes <= CHANGES_TOLD) {
      this.#announce(state, verdict, formatDuration(Math.round((now - this.#since) / 1000) * 1000));
    } else if (this.#changes === CHANGES_TOLD + 1) {
      this.#say('warn', verdict, `${this.#name} comes and goes; not each time is told from now on`);
    }
    if (state === 'online' || this.#state === 'online') this.#since = now;
    this.#state = state;
  }

  #announce(state: LinkState, verdict: Verdict, lasted: string): void {
    if (state === 'offline') {
      this.#say('warn', verdict, `${this.#name} does not take readings now; they wait in the buffer`);
    } else if (state === 'held') {
      this.#say('error', verdict, `${this.#name} refuses what is sent; readings wait in the buffer`);
    } else if (verdict.kind !== 'accepted') {
      this.#say('warn', verdict, `${this.#name} answers, but does not take all lines as they are`);
    } else if (this.#state === 'connecting') {
      this.#say('info', verdict, `${this.#name} takes the readings`);
    } else {
      this.#say(
        'info',
        verdict,
        `${this.#name} takes readings again, after ${lasted}; the queue is on its way`,
      );
    }
  }

  #say(level: 'info' | 'warn' | 'error', verdict: Verdict, text: string): void {
    this.#saidAt = performance.now();
    const reason = verdict.kind === 'accepted' ? undefined : verdict.reason;
    const mend = verdict.kind === 'hold' ? verdict.mend : undefined;
    this.#log[level]({ reason, mend, failedAttempts: this.#failed, queued: this.#queued() }, text);
  }
}
