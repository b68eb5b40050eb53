import { BLANK, LETTER_I, NEWLINE, NINE, ZERO } from '../ascii.js';
import type { Definition, Metric } from '../definition.js';
import type { Batch, Point } from '../reading.js';
import type { Readings } from '../readings.js';

/** What of a definition is written into every line. */
type Written = Pick<Definition, 'name' | 'measurement'> & {
  readonly metrics: readonly Pick<Metric, 'name' | 'type'>[];
};

/** Until the year 2286; before 2001 there are fewer. */
const TIMESTAMP_DIGITS = 19;

/** Text is written so many bytes at a time, up to seven more than it has. */
const WORD = 8;

/**
 * InfluxDB line protocol with nanosecond timestamps.
 * Rules: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
 */
export class LineProtocol {
  readonly #env: string;
  readonly #tags: string;
  /** Of healthy and of defect readings, up to the first field. */
  readonly #beginnings: readonly [Fixed, Fixed];
  /** Of the first field of a line, and of those behind it. */
  readonly #keys: readonly (readonly [Fixed, Fixed])[];
  readonly #isInteger: readonly boolean[];
  /** Made anew for each batch, it would keep the garbage collector busy. */
  #room = Buffer.alloc(0);
  /** Of a reading, without its values. */
  readonly #lineBytes: number;

  constructor({ name, measurement, metrics }: Written, env: string) {
    this.#env = env;
    this.#tags = `env=${escapeKey(env)},sensor=${escapeKey(name)}`;
    const begin = (defect: boolean) =>
      new Fixed(`${escapeMeasurement(measurement)},${this.#tags},defect=${defect} `);
    this.#beginnings = [begin(false), begin(true)];
    const keys = metrics.map((metric) => `${escapeKey(metric.name)}=`);
    this.#keys = keys.map((key) => [new Fixed(key), new Fixed(`,${key}`)]);
    this.#isInteger = metrics.map(({ type }) => type === 'integer');
    const fields = this.#keys.reduce((sum, [, key]) => sum + key.length + 'i'.length, 0);
    this.#lineBytes = this.#beginnings[0].length + fields + TIMESTAMP_DIGITS + ' \n'.length;
  }

  /** The same for another definition. */
  redefined(definition: Written): LineProtocol {
    return new LineProtocol(definition, this.#env);
  }

  /** All lines of a batch, each ended by a newline; readings first. The next call overwrites them. */
  encode({ readings, points }: Pick<Batch, 'readings' | 'points'>): Buffer {
    const tail = Buffer.from(points.map((point) => this.#point(point)).join(''));
    const most = readings.length * this.#lineBytes + readings.text.length + tail.length + WORD;
    if (this.#room.length < most) this.#room = Buffer.allocUnsafeSlow(most);
    const end = this.#writeReadings(readings, this.#room);
    this.#room.set(tail, end);
    return this.#room.subarray(0, end + tail.length);
  }

  /** A reading has at least one value: without a field there is no line. Returns where the lines end. */
  #writeReadings(readings: Readings, lines: Buffer): number {
    const { text, spans, columns, length } = readings;
    const view = new DataView(lines.buffer, lines.byteOffset, lines.length);
    const source = new DataView(text.buffer, text.byteOffset);
    const timestamp = new Timestamp();
    let at = 0;
    for (let row = 0, span = 0; row < length; row += 1) {
      at = this.#beginnings[readings.isDefect(row) ? 1 : 0].write(view, at);
      let fields = 0;
      for (let column = 0; column < columns; column += 1, span += 2) {
        const begin = spans[span] as number;
        const length = (spans[span + 1] as number) - begin;
        if (length === 0) continue;
        const [first, next] = this.#keys[column] as readonly [Fixed, Fixed];
        at = (fields === 0 ? first : next).write(view, at);
        fields += 1;
        // Four at a time: values are short. There is room to read behind them, see `Readings.text`.
        for (let byte = 0; byte < length; byte += 4) {
          view.setInt32(at + byte, source.getInt32(begin + byte));
        }
        at += length;
        if (this.#isInteger[column]) lines[at++] = LETTER_I;
      }
      lines[at++] = BLANK;
      at = timestamp.write(readings, row, view, at);
      lines[at++] = NEWLINE;
    }
    return at;
  }

  #point({ measurement, kind, fields, timestamp }: Point): string {
    const tags = kind === undefined ? this.#tags : `${this.#tags},kind=${escapeKey(kind)}`;
    const values = Object.entries(fields).map(([field, value]) => `${escapeKey(field)}=${value}i`);
    return `${escapeMeasurement(measurement)},${tags} ${values.join(',')} ${timestamp}\n`;
  }
}

function escapeMeasurement(name: string): string {
  return name.replace(/[, ]/g, '\\$&');
}

/** Tag keys, tag values and field keys. */
function escapeKey(name: string): string {
  return name.replace(/[,= ]/g, '\\$&');
}

/**
 * Text that stands in every line. It is written eight bytes at a time, in the guise of doubles; what follows overwrites
 * what is too much. For 49 bytes that was measured 1.4 to 1.7 times as fast as a call that copies them, and four times
 * as fast as byte by byte. Of all doubles only the bytes of a NaN would not stay as they are, and those of UTF-8 text
 * make none: from its end, a NaN has FF, or 7F behind F0 or more.
 */
class Fixed {
  readonly length: number;
  readonly #words: Float64Array;

  constructor(text: string) {
    const bytes = Buffer.from(text);
    this.length = bytes.length;
    const padded = Buffer.concat([bytes, Buffer.alloc(WORD)]);
    const words = Math.ceil(bytes.length / WORD);
    this.#words = Float64Array.from({ length: words }, (_, word) => padded.readDoubleLE(word * WORD));
  }

  /** Returns where it ends. At least eight bytes are to follow. */
  write(view: DataView, at: number): number {
    const words = this.#words;
    for (let word = 0; word < words.length; word += 1) {
      view.setFloat64(at + WORD * word, words[word] as number, true);
    }
    return at + this.length;
  }
}

/** Counts on from row to row in decimal digits: a bigint for each line would take as long as all the rest of it. */
class Timestamp {
  readonly #digits = Buffer.alloc(3 * WORD);
  readonly #view = new DataView(this.#digits.buffer, this.#digits.byteOffset);
  #length = 0;

  /** Returns where the timestamp ends. Seven bytes behind it may be overwritten. */
  write(readings: Readings, row: number, view: DataView, at: number): number {
    const follows = row > 0 && readings.step(row) === 1 && this.#increment();
    if (!follows) this.#length = this.#digits.write(String(readings.timestamp(row)), 'latin1');
    for (let place = 0; place < this.#length; place += WORD) {
      view.setFloat64(at + place, this.#view.getFloat64(place));
    }
    return at + this.#length;
  }

  /** False where that takes one digit more. */
  #increment(): boolean {
    const digits = this.#digits;
    let place = this.#length - 1;
    for (; digits[place] === NINE; place -= 1) digits[place] = ZERO;
    if (place < 0) return false;
    (digits[place] as number) += 1;
    return true;
  }
}
