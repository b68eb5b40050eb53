/**
 * The last ten minutes in memory, for the live page.
 *
 * A ring of 1,200 half-second buckets, by the time of the reading: bucket `n` (half seconds since the epoch) lives
 * in slot `n mod 1200`, and a slot belongs to the newest bucket that asked for it. So memory is fixed at the start
 * and the same at one line a second and at a million, readings may come out of order within the window, and one
 * that is older than the window finds its slot taken, or is left out when the window is read.
 */
import type { Batch, Reading } from '../reading.js';
import type { Buckets, Column } from './wire.js';

export const BUCKET_MS = 500;
export const WINDOW_MS = 600_000;

const BUCKETS = WINDOW_MS / BUCKET_MS;
const BUCKET_NS = BigInt(BUCKET_MS) * 1_000_000n;
const UNUSED = -1;

export class Recent {
  readonly #metrics: number;
  #revision = 0;
  #newest = -1n;
  readonly #latest: (number | bigint | null)[];

  readonly #bucket = new Float64Array(BUCKETS).fill(UNUSED);
  readonly #changed = new Float64Array(BUCKETS);
  readonly #defects = new Float64Array(BUCKETS);

  /** One row of slots a metric, row after row. */
  readonly #count: Float64Array;
  readonly #mean: Float64Array;
  readonly #min: Float64Array;
  readonly #max: Float64Array;

  constructor(definition: { readonly metrics: readonly unknown[] }) {
    this.#metrics = definition.metrics.length;
    this.#latest = new Array(this.#metrics).fill(null);
    const cells = BUCKETS * this.#metrics;
    this.#count = new Float64Array(cells);
    this.#mean = new Float64Array(cells);
    this.#min = new Float64Array(cells);
    this.#max = new Float64Array(cells);
  }

  get revision(): number {
    return this.#revision;
  }

  add(batch: Pick<Batch, 'readings'>): void {
    if (batch.readings.length === 0) return;
    this.#revision += 1;
    for (const reading of batch.readings) this.#addReading(reading);
  }

  /** Every bucket of the ten minutes that end at `now` (milliseconds since the epoch). */
  snapshot(now: number): Buckets {
    return this.since(0, now);
  }

  /** The buckets of the ten minutes that end at `now` which a batch has touched after `revision`. */
  since(revision: number, now: number): Buckets {
    const slots = this.#slotsSince(revision, now);
    return {
      revision: this.#revision,
      time: slots.map((slot) => (this.#bucket[slot] as number) * BUCKET_MS),
      defects: slots.map((slot) => this.#defects[slot] as number),
      metrics: this.#latest.map((_, metric) => this.#column(metric, slots)),
      latest: this.#latest.map((value) => (value === null ? null : String(value))),
      lastReading: this.#newest < 0n ? null : Number(this.#newest / 1_000_000n),
    };
  }

  #addReading(reading: Reading): void {
    const slot = this.#slotOf(reading.timestamp);
    if (slot === undefined) return;
    this.#changed[slot] = this.#revision;
    const isNewest = reading.timestamp > this.#newest;
    if (isNewest) this.#newest = reading.timestamp;
    if (reading.defect) {
      (this.#defects[slot] as number) += 1;
      return;
    }
    for (let metric = 0; metric < this.#metrics; metric += 1) {
      const value = reading.values[metric];
      if (value === null || value === undefined) continue;
      if (isNewest) this.#latest[metric] = value;
      this.#addValue(metric * BUCKETS + slot, Number(value));
    }
  }

  #addValue(cell: number, value: number): void {
    const count = (this.#count[cell] as number) + 1;
    const min = count === 1 ? value : Math.min(this.#min[cell] as number, value);
    const max = count === 1 ? value : Math.max(this.#max[cell] as number, value);
    const mean = count === 1 ? value : (this.#mean[cell] as number);
    this.#count[cell] = count;
    this.#min[cell] = min;
    this.#max[cell] = max;
    // A running mean, because a sum of large floats overflows; held within the values, because its step can, too.
    this.#mean[cell] = Math.min(max, Math.max(min, mean + (value - mean) / count));
  }

  /** The slot of the bucket of this time, emptied when it held an older one; none when a newer one has it. */
  #slotOf(timestamp: bigint): number | undefined {
    const bucket = Number(timestamp / BUCKET_NS);
    const slot = bucket % BUCKETS;
    const holder = this.#bucket[slot] as number;
    if (bucket < holder) return undefined;
    if (bucket > holder) {
      this.#bucket[slot] = bucket;
      this.#defects[slot] = 0;
      for (let metric = 0; metric < this.#metrics; metric += 1) this.#count[metric * BUCKETS + slot] = 0;
    }
    return slot;
  }

  /**
   * In rising order of time. Readings may run ahead of the clock, when that was set back; the window then ends
   * with the newest of them.
   */
  #slotsSince(revision: number, now: number): number[] {
    const end = Math.max(Math.floor(now / BUCKET_MS), Number(this.#newest / BUCKET_NS));
    const slots: number[] = [];
    for (let bucket = end - BUCKETS + 1; bucket <= end; bucket += 1) {
      const slot = bucket % BUCKETS;
      if (this.#bucket[slot] === bucket && (this.#changed[slot] as number) > revision) slots.push(slot);
    }
    return slots;
  }

  #column(metric: number, slots: readonly number[]): Column {
    const cells = slots.map((slot) => metric * BUCKETS + slot);
    const valued = (values: Float64Array) =>
      cells.map((cell) => (this.#count[cell] === 0 ? null : (values[cell] as number)));
    return {
      count: cells.map((cell) => this.#count[cell] as number),
      mean: valued(this.#mean),
      min: valued(this.#min),
      max: valued(this.#max),
    };
  }
}
