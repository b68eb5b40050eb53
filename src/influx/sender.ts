import pRetry from 'p-retry';
import type { Ledger } from '../ledger.js';
import type { BackOff } from './back-off.js';
import type { Link } from './link.js';
import type { LinkMonitor } from './link-monitor.js';
import { RequestSize } from './request-size.js';
import type { Verdict } from './verdict.js';

export interface SenderOptions {
  readonly link: Link;
  readonly ledger: Ledger;
  readonly monitor: LinkMonitor;
}

const TOO_MUCH: Verdict = { kind: 'split', reason: 'more than gets through at once' };

/** Sends lines, one request after the other, as often as it takes. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #backOff: BackOff;
  readonly #size: RequestSize;
  /** For what is sent together: made anew for each request, it would keep the garbage collector busy. */
  #room = Buffer.alloc(0);

  constructor(options: SenderOptions, backOff: BackOff) {
    this.#options = options;
    this.#backOff = backOff;
    this.#size = new RequestSize(options.link.timeoutMs);
  }

  /** How much is best sent together, in bytes. */
  get bytes(): number {
    return this.#size.bytes;
  }

  /**
   * Sends until there is a verdict on the lines themselves: accepted, split or refused. One that comes when all is
   * stopped already counts. What was cut off is split as well, after a while: half of it may get through.
   */
  async verdictOn(lines: readonly Buffer[], stop: AbortSignal): Promise<Verdict> {
    const bytes = lines.reduce((sum, { length }) => sum + length, 0);
    const isOne = isOneLine(lines);
    if (!isOne && this.#size.isExceededBy(bytes)) return TOO_MUCH;
    const body = this.#join(lines, bytes);
    let halves: Verdict | undefined;
    const attempt = async () => {
      stop.throwIfAborted();
      if (halves !== undefined) return halves;
      const verdict = await this.#send(body, stop);
      if (verdict.kind === 'retry') {
        const { reason, cutOff } = verdict;
        if (cutOff && !isOne && this.#size.cutOff(bytes)) halves = { kind: 'split', reason };
      }
      if (verdict.kind === 'retry' || verdict.kind === 'hold') throw new NotNow(verdict);
      return verdict;
    };
    return pRetry(attempt, {
      retries: Number.POSITIVE_INFINITY,
      // The wait is ours.
      minTimeout: 0,
      onFailedAttempt: async ({ error, attemptNumber }) => {
        if (error instanceof NotNow) await this.#backOff.after(error.verdict, attemptNumber, stop);
      },
      shouldRetry: ({ error }) => error instanceof NotNow,
    });
  }

  /** One request, and what is learnt from it. */
  async #send(body: Buffer, stop: AbortSignal): Promise<Verdict> {
    const { link, ledger, monitor } = this.#options;
    const started = performance.now();
    const verdict = await link.write(body, stop);
    const tookMs = performance.now() - started;
    if (stop.aborted && verdict.kind === 'retry') throw stop.reason;
    monitor.observe(verdict, tookMs);
    if (verdict.kind === 'accepted') this.#size.accepted(body.length, tookMs);
    if (verdict.kind === 'split') this.#size.tooLarge(body.length);
    if (verdict.kind === 'retry') ledger.error('connectivity_error');
    if (verdict.kind === 'hold') ledger.error('batch_sending_error');
    return verdict;
  }

  /** The next call overwrites what this one returns. */
  #join(lines: readonly Buffer[], bytes: number): Buffer {
    const [first] = lines;
    if (lines.length === 1 && first !== undefined) return first;
    if (this.#room.length < bytes) this.#room = Buffer.allocUnsafeSlow(bytes);
    let end = 0;
    for (const each of lines) end += each.copy(this.#room, end);
    return this.#room.subarray(0, end);
  }
}

function isOneLine([first, ...others]: readonly Buffer[]): boolean {
  return first !== undefined && others.length === 0 && first.indexOf('\n') === first.length - 1;
}

class NotNow extends Error {
  readonly verdict: Verdict;

  constructor(verdict: Verdict) {
    super(verdict.kind);
    this.verdict = verdict;
  }
}
