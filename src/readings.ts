import type { Reading, Value } from './reading.js';

/**
 * The readings of a batch, packed: not an object a line, but the text of all of them and where in it each value
 * stands, beside the numbers, which the walk over the text finds on its way. A database takes the text.
 *
 *     text       "7.5 5123123 12\n0 0 0\n7.25 x 14\n"  the lines as they were read, or as they had to be written anew
 *     spans      [0,3, 4,11, 12,14, ...]               begin and end of each value, row by row; both the same: none
 *     numbers    [7.5, 5123123, 12, ...]               the nearest double of each value; NaN: none
 *     epochs     [{ row: 0, first: 1795334400000000000n }]
 *     offsets    [0, 1, 2]                             ns after the `first` timestamp of the row's epoch
 *     defects    [0, 1, 0]
 *
 * Values are plain text: an integer as a bigint is printed, of at most 64 bits; a float such that InfluxDB and
 * JavaScript read the same number from it. There is a further epoch only where the clock has leapt so far, as on a
 * machine that learns after its start which year it is, that an offset would not be exact as a double.
 */
export class Readings implements Iterable<Reading> {
  /** How many values a reading has, the missing ones among them. */
  readonly columns: number;
  readonly length: number;
  /** Followed by some more bytes in its memory: whoever copies a value by the word may read beyond its end. */
  readonly text: Buffer;
  readonly spans: Int32Array;
  readonly #numbers: Float64Array;
  readonly #integer: readonly boolean[];
  readonly #epochs: readonly Epoch[];
  readonly #offsets: Float64Array;
  readonly #defects: Uint8Array;

  constructor(packed: Packed, integer: readonly boolean[]) {
    this.columns = integer.length;
    this.length = packed.length;
    this.text = packed.text;
    this.spans = packed.spans;
    this.#numbers = packed.numbers;
    this.#integer = integer;
    this.#epochs = packed.epochs;
    this.#offsets = packed.offsets;
    this.#defects = packed.defects;
  }

  /** Nanoseconds since the epoch, rising from row to row. */
  timestamp(row: number): bigint {
    return this.#epochOf(row).first + BigInt(this.#offsets[row] as number);
  }

  /** How many nanoseconds a row is after the one before; exact up to 104 days. */
  step(row: number): number {
    const leaps = this.#epochs.length > 1 && this.#epochOf(row) !== this.#epochOf(row - 1);
    if (leaps) return Number(this.timestamp(row) - this.timestamp(row - 1));
    return (this.#offsets[row] as number) - (this.#offsets[row - 1] as number);
  }

  isDefect(row: number): boolean {
    return this.#defects[row] === 1;
  }

  has(row: number, column: number): boolean {
    const at = 2 * (row * this.columns + column);
    return this.spans[at] !== this.spans[at + 1];
  }

  /** The nearest double; NaN where there is none. */
  number(row: number, column: number): number {
    return this.#numbers[row * this.columns + column] as number;
  }

  /** The exact value: a bigint of an integer metric, a number of others; null where it could not be cast. */
  value(row: number, column: number): Value | null {
    if (!this.has(row, column)) return null;
    const number = this.number(row, column);
    if (!this.#integer[column]) return number;
    // No other integer has the same double.
    if (Number.isSafeInteger(number)) return BigInt(number);
    const at = 2 * (row * this.columns + column);
    const [begin, end] = [this.spans[at] as number, this.spans[at + 1] as number];
    return BigInt(this.text.toString('latin1', begin, end));
  }

  *[Symbol.iterator](): Generator<Reading> {
    for (let row = 0; row < this.length; row += 1) {
      const values = this.#integer.map((_, column) => this.value(row, column));
      yield { timestamp: this.timestamp(row), values, defect: this.isDefect(row) };
    }
  }

  #epochOf(row: number): Epoch {
    let epoch = this.#epochs.length - 1;
    while ((this.#epochs[epoch] as Epoch).row > row) epoch -= 1;
    return this.#epochs[epoch] as Epoch;
  }
}

/** From a row on, timestamps are told by how far they are from `first`. */
export interface Epoch {
  readonly row: number;
  readonly first: bigint;
}

/** What a {@link Readings} is made of. */
export interface Packed {
  readonly length: number;
  /** With {@link BEHIND_TEXT} more bytes behind it. */
  readonly text: Buffer;
  readonly spans: Int32Array;
  readonly numbers: Float64Array;
  readonly epochs: readonly Epoch[];
  readonly offsets: Float64Array;
  readonly defects: Uint8Array;
}

/** As many bytes as a word has, less the one that is within the text. */
export const BEHIND_TEXT = 3;
