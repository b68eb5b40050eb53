import type { ErrorKind } from './definition.js';
import type { Log } from './log.js';

const INTERVAL_MS = 10_000;
const EXCERPT_LENGTH = 120;

/** Says what is wrong with the lines at most every 10 s a kind: the newest example and how many there were. */
export class Complaints {
  readonly #log: Log;
  readonly #open = new Map<ErrorKind, { reason: string; line: string; count: number }>();
  readonly #saidAt = new Map<ErrorKind, number>();

  constructor(log: Log) {
    this.#log = log;
  }

  add(kind: ErrorKind, reason: string, line: string): void {
    const count = (this.#open.get(kind)?.count ?? 0) + 1;
    this.#open.set(kind, { reason, line: line.slice(0, EXCERPT_LENGTH), count });
  }

  /** `all`: also those that were told of less than 10 s ago, since there is no later. */
  flush(all: boolean): void {
    const now = performance.now();
    for (const [kind, complaint] of this.#open) {
      const due = (this.#saidAt.get(kind) ?? -INTERVAL_MS) + INTERVAL_MS;
      if (now < due && !all) continue;
      this.#log.warn({ kind, ...complaint }, 'The sensor printed what the definition does not allow');
      this.#open.delete(kind);
      this.#saidAt.set(kind, now);
    }
  }
}
