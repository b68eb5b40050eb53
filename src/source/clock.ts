import { type FileHandle, open } from 'node:fs/promises';

/** The clocks of the machine; a test gives its own. */
export interface Time {
  /** Wall clock, milliseconds since the epoch; may be set back or forth at any moment. */
  wall(): number;
  /** Nanoseconds since some moment; never goes back. */
  monotonic(): bigint;
}

export interface ClockOptions {
  readonly time?: Time;
  /** Told once when the mark cannot be saved, as on a full disk, and again only after it could be. */
  readonly onFailure?: (error: unknown) => void;
}

const SYSTEM_TIME: Time = { wall: Date.now, monotonic: process.hrtime.bigint };

const NS_PER_MS = 1_000_000n;
/** How far the wall clock and our reckoning may lie apart before the wall clock is believed. */
const STEP_NS = 2n * NS_PER_MS;
/** A mark above this is rubbish: in the year 2200 somebody may look at it again. */
const LATEST_NS = 7_258_118_400n * 1_000_000_000n;
/** How far ahead of the newest timestamp the mark is set, so that not every batch has to move it. */
const RESERVE_NS = 100n * NS_PER_MS;

/**
 * Gives each reading a timestamp of its own, in ns, strictly rising for the life of the state directory.
 *
 * - The wall clock is read to the millisecond and continued by the monotonic clock in between.
 * - While the wall clock is behind what has already been given out (it was set back, or a machine without a
 *   battery woke up in the past), time goes on at half speed from there until the wall clock has caught up:
 *   order and rough distances stay true, and the error shrinks.
 * - The newest timestamp is kept in a file, the mark, which is on disk before any batch that it covers is
 *   stored; a restarted run begins above it. Where the file is unreadable, the wall clock is all there is.
 */
export class Clock {
  readonly #time: Time;
  readonly #mark: FileHandle | undefined;
  readonly #onFailure: (error: unknown) => void;
  #failed = false;
  #marked: bigint;
  /** The newest timestamp given out, and when that was. */
  #last: bigint;
  #lastAt: bigint;
  /** The wall clock in ns at a moment of the monotonic clock. */
  #anchor: { readonly wall: bigint; readonly at: bigint };

  private constructor({ time = SYSTEM_TIME, onFailure }: ClockOptions, mark?: FileHandle, marked = 0n) {
    this.#time = time;
    this.#onFailure = onFailure ?? (() => {});
    this.#mark = mark;
    this.#marked = marked;
    this.#last = marked;
    this.#lastAt = time.monotonic();
    this.#anchor = { wall: BigInt(time.wall()) * NS_PER_MS, at: this.#lastAt };
  }

  /** Opens the clock whose mark is in `file`; without one it is strictly rising for this process only. */
  static async open(file: string | undefined, options: ClockOptions = {}): Promise<Clock> {
    if (file === undefined) return new Clock(options);
    const mark = await open(file, 'a+', 0o600).then(async (made) => {
      await made.close();
      return open(file, 'r+');
    });
    const text = (await mark.readFile('utf8')).trim();
    const marked = /^\d{1,19}$/.test(text) ? BigInt(text) : 0n;
    return new Clock(options, mark, marked < LATEST_NS ? marked : 0n);
  }

  /** The first of `count` timestamps, each 1 ns after the one before, for lines that were read together. */
  stamp(count = 1): bigint {
    const now = this.#time.monotonic();
    const wall = this.#wallNs(now);
    const slow = this.#last + (now - this.#lastAt) / 2n;
    const first = wall > this.#last ? wall : slow > this.#last ? slow : this.#last + 1n;
    this.#last = first + BigInt(count) - 1n;
    this.#lastAt = now;
    return first;
  }

  /** How far the timestamps are ahead of the wall clock, in ms; 0 as long as it has not been set back. */
  get aheadMs(): number {
    const ahead = this.#last - this.#wallNs(this.#time.monotonic());
    return ahead > 0n ? Number(ahead / NS_PER_MS) : 0;
  }

  /**
   * Puts the mark on disk above every timestamp given so far; to be awaited before they are stored. It never
   * rejects: a reading with a good timestamp is worth more than the mark.
   */
  async persist(): Promise<void> {
    if (this.#mark === undefined || this.#last < this.#marked) return;
    const marked = this.#last + RESERVE_NS;
    try {
      await this.#mark.write(`${String(marked).padStart(19, '0')}\n`, 0);
      await this.#mark.datasync();
      this.#marked = marked;
      this.#failed = false;
    } catch (error) {
      if (!this.#failed) this.#onFailure(error);
      this.#failed = true;
    }
  }

  async close(): Promise<void> {
    await this.#mark?.close();
  }

  #wallNs(now: bigint): bigint {
    const wall = BigInt(this.#time.wall()) * NS_PER_MS;
    const reckoned = this.#anchor.wall + (now - this.#anchor.at);
    const apart = reckoned - wall;
    // `wall` is cut to the millisecond: a true reckoning lies up to 1 ms above it.
    if (apart > -STEP_NS && apart < STEP_NS) return reckoned;
    this.#anchor = { wall, at: now };
    return wall;
  }
}
