import { type Definition, type ErrorKind, errorKinds } from './definition.js';
import type { Point } from './reading.js';

/** Sensor lines, by what became of them: `read = delivered + queued + rejected + dropped`, at any moment. */
export interface Totals {
  readonly read: number;
  /** Accepted by the destination. */
  readonly delivered: number;
  /** On the way: in the batch at hand, or stored until the destination takes them. */
  readonly queued: number;
  /** Refused: the line fits the definition nowhere, or the destination will never take it. */
  readonly rejected: number;
  /** Given up for want of room, or lost to a rotten disk. */
  readonly dropped: number;
}

const EMPTY: Totals = { read: 0, delivered: 0, queued: 0, rejected: 0, dropped: 0 };

/** Accounts for every line from the moment it is read to its end, and counts everything that goes wrong. */
export class Ledger {
  #totals = { ...EMPTY };
  #defects = 0;
  #restarts = 0;
  #errors = 0;
  /** Since the last emission, a count for every kind there is. */
  readonly #pending: Map<ErrorKind, number>;

  constructor(definition: Pick<Definition, 'metrics'>) {
    this.#pending = new Map(errorKinds(definition).map((kind) => [kind, 0]));
  }

  /** From now on these are the error kinds; what has been counted stays. */
  redefine(definition: Pick<Definition, 'metrics'>): void {
    for (const kind of errorKinds(definition)) this.error(kind, 0);
  }

  /** Goes on from what a durable destination remembers of earlier runs. */
  adopt(totals: Totals): void {
    this.#totals = { ...totals };
  }

  read(lines: number, defects: number): void {
    this.#totals.read += lines;
    this.#totals.queued += lines;
    this.#defects += defects;
  }

  delivered(lines: number): void {
    this.#totals.queued -= lines;
    this.#totals.delivered += lines;
  }

  rejected(lines: number): void {
    this.#totals.queued -= lines;
    this.#totals.rejected += lines;
  }

  dropped(lines: number): void {
    this.#totals.queued -= lines;
    this.#totals.dropped += lines;
  }

  restarted(): void {
    this.#restarts += 1;
  }

  /** Counts errors; they are emitted with the next points. */
  error(kind: ErrorKind, count = 1): void {
    this.#errors += count;
    this.#pending.set(kind, (this.#pending.get(kind) ?? 0) + count);
  }

  get totals(): Totals {
    return { ...this.#totals };
  }

  /** What people watch: the totals and what went wrong since the run started. */
  get counters(): Totals & { errors: number; defects: number; restarts: number } {
    return { ...this.#totals, errors: this.#errors, defects: this.#defects, restarts: this.#restarts };
  }

  /** The errors since the last emission, a point for each kind that occurred; these counts start again. */
  takeErrors(timestamp: bigint): Point[] {
    return this.#take((count) => count > 0, timestamp);
  }

  /**
   * As {@link takeErrors}, but with a point of 0 for every kind that did not occur, and the runner's own
   * metrics, `extra` among them: written at least every 10 s, so that a missing series shows at once.
   */
  heartbeat(timestamp: bigint, extra: Readonly<Record<string, number>> = {}): Point[] {
    const runner = { measurement: 'runner', fields: { ...this.counters, ...extra }, timestamp };
    return [...this.#take(() => true, timestamp), runner];
  }

  #take(wanted: (count: number) => boolean, timestamp: bigint): Point[] {
    const taken = [...this.#pending].filter(([, count]) => wanted(count));
    for (const [kind] of taken) this.#pending.set(kind, 0);
    return taken.map(([kind, value]) => ({ measurement: kind, kind, fields: { value }, timestamp }));
  }
}
