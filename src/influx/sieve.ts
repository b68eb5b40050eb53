import type { Ledger } from '../ledger.js';
import type { Entry } from './backlog.js';
import { culprits, type Line, linesOf } from './culprits.js';
import type { RejectedLines } from './rejected.js';
import type { Sender } from './sender.js';
import type { Verdict } from './verdict.js';

export interface SieveOptions {
  readonly rejected: RejectedLines;
  readonly ledger: Ledger;
}

/** Finds the lines that the server will not take, and puts them aside. */
export class Sieve {
  readonly #options: SieveOptions;
  readonly #sender: Sender;

  constructor(options: SieveOptions, sender: Sender) {
    this.#options = options;
    this.#sender = sender;
  }

  /** Returns how many readings of each entry the server refused for good; the rest is delivered. */
  async sift(entries: readonly Entry[], verdict: Verdict, stop: AbortSignal): Promise<number[]> {
    const rejected = entries.map(() => 0);
    if (verdict.kind !== 'accepted') await this.#divide(linesOf(entries), verdict, rejected, stop);
    return rejected;
  }

  /**
   * By halving: k bad ones among n cost O(k log n) requests. Where the server has taken the rest already, nothing is
   * sent again.
   */
  async #divide(lines: Line[], verdict: Verdict, rejected: number[], stop: AbortSignal): Promise<void> {
    if (verdict.kind === 'accepted') return;
    const { reason } = verdict;
    const leftOut = verdict.kind === 'refused' ? verdict.leftOut : undefined;
    const named = leftOut && culprits(lines, leftOut);
    if (named !== undefined) return this.#reject(named.lines, reason, named.count, rejected);
    if (lines.length === 1) return this.#reject(lines, reason, 1, rejected);
    for (const half of halvesOf(lines)) {
      const body = Buffer.from(half.map(({ text }) => `${text}\n`).join(''));
      await this.#divide(half, await this.#sender.verdictOn([body], stop), rejected, stop);
    }
  }

  /** `count` of these lines are refused for good; the server does not always say which. */
  async #reject(lines: Line[], reason: string, count: number, rejected: number[]): Promise<void> {
    await this.#options.rejected.write(
      lines.map(({ text }) => text),
      reason,
      count,
    );
    this.#options.ledger.error('batch_sending_error', count);
    for (const { entry } of lines.filter(({ reading }) => reading).slice(0, count)) {
      rejected[entry] = (rejected[entry] as number) + 1;
    }
  }
}

export function halvesOf<T>(all: readonly T[]): [T[], T[]] {
  const middle = Math.ceil(all.length / 2);
  return [all.slice(0, middle), all.slice(middle)];
}
