import type { Metric } from './definition.js';
import type { Reading, Value } from './reading.js';
import { BEHIND_TEXT, type Epoch, Readings } from './readings.js';

const LEAST_ROWS = 16;
/** Within it, an offset is exact as a double. */
const LONGEST_EPOCH_NS = Number.MAX_SAFE_INTEGER / 2;

/** Readings that are still being collected; see {@link Readings} for what the arrays hold. */
export class ReadingsBuilder {
  readonly columns: number;
  text: Buffer;
  spans: Int32Array;
  numbers: Float64Array;
  length = 0;
  defects = 0;
  readonly #integer: readonly boolean[];
  #textLength = 0;
  #epochs: Epoch[] = [];
  #offsets: Float64Array;
  #isDefect: Uint8Array;
  /** The first row that has no timestamp yet. */
  #unstamped = 0;

  /** For readings of these metrics; `rows` and `bytes` are what is likely to come. */
  constructor(metrics: readonly Pick<Metric, 'type'>[], rows = 0, bytes = 0) {
    this.#integer = metrics.map(({ type }) => type === 'integer');
    this.columns = metrics.length;
    this.text = Buffer.allocUnsafe(bytes + BEHIND_TEXT);
    this.spans = new Int32Array(2 * this.columns * rows);
    this.numbers = new Float64Array(this.columns * rows);
    this.#offsets = new Float64Array(rows);
    this.#isDefect = new Uint8Array(rows);
  }

  /** Of the text so far. */
  get bytes(): number {
    return this.#textLength;
  }

  /** Takes a copy of some text. Returns where it begins in `text`. */
  admit(bytes: Uint8Array): number {
    const begin = this.#textLength;
    this.#textLength += bytes.length;
    if (this.#textLength + BEHIND_TEXT > this.text.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#textLength, 2 * begin) + BEHIND_TEXT);
      this.text.copy(grown, 0, 0, begin);
      this.text = grown;
    }
    this.text.set(bytes, begin);
    return begin;
  }

  /** The place of the next row's first value, for its span and its number, which are to be written before it is added. */
  room(): number {
    if (this.length === this.#offsets.length) this.#grow();
    return this.columns * this.length;
  }

  /** Adds the row whose values have been written; `line` is its place among the lines that are stamped together. */
  add(line: number, isDefect: boolean): void {
    this.#offsets[this.length] = line;
    this.#isDefect[this.length] = isDefect ? 1 : 0;
    if (isDefect) this.defects += 1;
    this.length += 1;
  }

  /** Adds a row from its values; `null` is one that could not be cast. */
  addValues(line: number, values: readonly (Value | null)[], isDefect: boolean): void {
    let at = this.room();
    for (const value of values) {
      const text = value === null ? '' : String(value);
      const bytes = Buffer.from(text);
      const begin = this.admit(bytes);
      this.spans[2 * at] = begin;
      this.spans[2 * at + 1] = begin + bytes.length;
      this.numbers[at] = value === null ? Number.NaN : Number(text);
      at += 1;
    }
    this.add(line, isDefect);
  }

  /** The rows added since the last time were read at `timestamp`, in ns, each 1 ns later for each line before it. */
  stamp(timestamp: bigint): void {
    let later = Number(timestamp - (this.#epochs.at(-1)?.first ?? 0n));
    if (this.#epochs.length === 0 || Math.abs(later) > LONGEST_EPOCH_NS) {
      this.#epochs.push({ row: this.#unstamped, first: timestamp });
      later = 0;
    }
    for (let row = this.#unstamped; row < this.length; row += 1) (this.#offsets[row] as number) += later;
    this.#unstamped = this.length;
  }

  /** All of them; nothing is to be added until `clear`. */
  build(): Readings {
    const { length } = this;
    const packed = {
      length,
      text: this.text.subarray(0, this.#textLength),
      spans: this.spans.subarray(0, 2 * this.columns * length),
      numbers: this.numbers.subarray(0, this.columns * length),
      epochs: this.#epochs,
      offsets: this.#offsets.subarray(0, length),
      defects: this.#isDefect.subarray(0, length),
    };
    return new Readings(packed, this.#integer);
  }

  /** Begins anew in the same memory: whoever has the readings must be done with them. */
  clear(): void {
    this.length = 0;
    this.defects = 0;
    this.#textLength = 0;
    this.#epochs = [];
    this.#unstamped = 0;
  }

  #grow(): void {
    const rows = Math.max(LEAST_ROWS, 2 * this.#offsets.length);
    this.spans = grown(this.spans, new Int32Array(2 * this.columns * rows));
    this.numbers = grown(this.numbers, new Float64Array(this.columns * rows));
    this.#offsets = grown(this.#offsets, new Float64Array(rows));
    this.#isDefect = grown(this.#isDefect, new Uint8Array(rows));
  }
}

function grown<T extends Int32Array | Float64Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** Packs readings that are there one by one. */
export function packReadings(
  metrics: readonly Pick<Metric, 'type'>[],
  readings: readonly Reading[],
): Readings {
  const builder = new ReadingsBuilder(metrics, readings.length);
  for (const { timestamp, values, defect } of readings) {
    builder.addValues(0, values, defect);
    builder.stamp(timestamp);
  }
  return builder.build();
}
