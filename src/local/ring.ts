/**
 * A ring of half-second buckets, by the time of the reading: bucket `n` (half seconds since the epoch) lives in slot
 * `n mod 1200`, and a slot belongs to the newest bucket that asked for it. So memory is fixed at the start and the
 * same at one line a second and at a million, readings may come out of order within the window, and one that is
 * older than the window finds its slot taken, or is left out when the window is read.
 */
const BUCKET_MS = 500;
export const WINDOW_MS = 600_000;
export const SLOTS = WINDOW_MS / BUCKET_MS;

export const BUCKET_NS = BUCKET_MS * 1_000_000;
const UNUSED = -1;

export class Ring {
  readonly #bucket = new Float64Array(SLOTS).fill(UNUSED);
  readonly #clear: (slot: number) => void;
  #newest = UNUSED;

  /** `clear` empties what a slot held of an older bucket. */
  constructor(clear: (slot: number) => void) {
    this.#clear = clear;
  }

  /** The slot of the bucket of this time (ns), emptied when it held an older one; none when a newer one has it. */
  slotOf(timestamp: bigint): number | undefined {
    const bucket = Number(timestamp / BigInt(BUCKET_NS));
    const slot = bucket % SLOTS;
    const holder = this.#bucket[slot] as number;
    if (bucket < holder || bucket <= this.#newest - SLOTS) return undefined;
    if (bucket > holder) {
      this.#bucket[slot] = bucket;
      this.#clear(slot);
    }
    this.#newest = Math.max(this.#newest, bucket);
    return slot;
  }

  /** Of the window that ends with the newest reading, the slots from `from` to before `to` (ms), in order of time. */
  slots(from: number, to: number): number[] {
    const first = Math.max(Math.floor(from / BUCKET_MS), this.#newest - SLOTS + 1);
    const end = Math.min(Math.ceil(to / BUCKET_MS), this.#newest + 1);
    const slots: number[] = [];
    for (let bucket = first; bucket < end; bucket += 1) {
      const slot = bucket % SLOTS;
      if (this.#bucket[slot] === bucket) slots.push(slot);
    }
    return slots;
  }
}
