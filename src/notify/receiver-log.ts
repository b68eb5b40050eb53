import type { Log } from '../log.js';
import { formatDuration } from '../quantity.js';
import type { Verdict } from './verdict.js';

/** While nothing changes, trouble is mentioned this often. */
const SUMMARY_MS = 60 * 60_000;
const STATUS_LENGTH = 3;

/** Says what becomes of the messages to one receiver: an outage of hours is a few lines. */
export class ReceiverLog {
  readonly #receiver: string;
  readonly #log: Log;
  #trouble: { readonly text: string; readonly since: number; saidAt: number } | undefined;

  constructor(receiver: string, log: Log) {
    this.#receiver = receiver;
    this.#log = log;
  }

  observe(verdict: Verdict, title: string, isRepeat: boolean, now: number): void {
    if (verdict.kind === 'sent') this.#tell(verdict.note, title, isRepeat, now);
    else this.#complain(verdict, title, now);
  }

  #tell(note: string | undefined, title: string, isRepeat: boolean, now: number): void {
    const receiver = this.#receiver;
    if (this.#trouble !== undefined) {
      const lasted = formatDuration(Math.max(0, Math.round((now - this.#trouble.since) / 1_000) * 1_000));
      this.#log.info({ receiver }, `${receiver} takes notifications again, after ${lasted}`);
      this.#trouble = undefined;
    }
    if (note !== undefined) this.#log.warn({ receiver }, `Told ${receiver} in part: ${note}`);
    this.#log[isRepeat ? 'debug' : 'info']({ receiver }, `Told ${receiver}: ${title}`);
  }

  #complain(verdict: Exclude<Verdict, { kind: 'sent' }>, title: string, now: number): void {
    const receiver = this.#receiver;
    const { kind, reason } = verdict;
    // A server that is busy says so in many ways; what it refuses is worth a line for each status.
    const text = kind === 'retry' ? kind : `${kind} ${reason.slice(0, STATUS_LENGTH)}`;
    const isNew = this.#trouble?.text !== text;
    if (!isNew && now - (this.#trouble?.saidAt ?? 0) < SUMMARY_MS) return;
    this.#trouble = { text, since: this.#trouble?.since ?? now, saidAt: now };
    if (kind === 'retry') {
      this.#log.warn(
        { receiver, reason },
        `${receiver} takes no notification now; it is kept and tried again`,
      );
    } else {
      const { mend } = verdict;
      this.#log.error({ receiver, reason, mend, title }, `${receiver} refuses a notification: ${mend}`);
    }
  }
}
