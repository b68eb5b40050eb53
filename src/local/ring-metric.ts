import type { Metric } from '../definition.js';
import { histogramEdges } from '../queries/query.js';
import type { Value } from '../reading.js';
import type { Readings } from '../readings.js';
import type { Columns } from './data.js';
import { SLOTS } from './ring.js';

/** What is known of a metric's values in some of the ring's slots. Sums as such would overflow, or lose digits. */
interface Summary {
  count: number;
  mean: number;
  /** The sum of squared distances from the mean. */
  squares: number;
  min: number;
  max: number;
  last: number;
  /** Non-negative differences between lines, and the smallest of all differences. */
  rises: number;
  meanRise: number;
  minDifference: number;
}

type Field = keyof Summary;

/** Of rows: from the first to before the other. */
export type Stretch = readonly [number, number];

const EMPTY: Summary = {
  count: 0,
  mean: 0,
  squares: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
  last: Number.NaN,
  rises: 0,
  meanRise: 0,
  minDifference: Number.POSITIVE_INFINITY,
};
const FIELDS = Object.keys(EMPTY) as Field[];

/** One metric in the ring: a summary a slot, and for a random value the counts of its histogram. */
export class RingMetric {
  readonly #columns: Readonly<Record<Field, Float64Array>>;
  readonly #kind: Metric['kind'];
  /** None, or 12 counts a slot: below the range, ten buckets, above. */
  readonly #edges: Float64Array;
  readonly #histogram: Uint32Array;
  #previous: Value | undefined;

  constructor(metric: Metric) {
    this.#kind = metric.kind;
    this.#columns = Object.fromEntries(
      FIELDS.map((field) => [field, new Float64Array(SLOTS).fill(EMPTY[field])]),
    ) as Record<Field, Float64Array>;
    this.#edges = Float64Array.from(metric.kind === 'random' ? histogramEdges(metric) : []);
    this.#histogram = new Uint32Array(this.#edges.length === 0 ? 0 : SLOTS * this.#counts);
  }

  get #counts(): number {
    return this.#edges.length + 1;
  }

  clear(slot: number): void {
    for (const field of FIELDS) this.#columns[field][slot] = EMPTY[field];
    this.#histogram.fill(0, slot * this.#counts, (slot + 1) * this.#counts);
  }

  /** Rows of one slot; defect lines are left out. In local numbers, since this is the hot path. */
  add(slot: number, readings: Readings, column: number, rows: Stretch, isNewest: boolean): void {
    if (this.#kind === 'counter') this.#addCounts(slot, readings, column, rows, isNewest);
    else this.#addValues(slot, readings, column, rows);
    if (this.#kind === 'random') this.#addToHistogram(slot, readings, column, rows);
  }

  /** One bucket of a series. */
  measures(slots: readonly number[]): { [M in keyof Columns]: number | null } {
    const all = slots.map((slot) => this.#at(slot)).reduce(merged, EMPTY);
    const { count, mean, squares, min, max, last, rises, meanRise, minDifference } = all;
    const known = (value: number) => (count > 0 && Number.isFinite(value) ? value : null);
    switch (this.#kind) {
      case 'gauge':
        return { mean: known(mean), min: known(min), max: known(max), spread: known(max - min), count };
      case 'random': {
        const stddev = count > 1 ? known(Math.sqrt(squares / (count - 1))) : null;
        // Repeats would need every value.
        return { mean: known(mean), min: known(min), max: known(max), stddev, repeats: null, count };
      }
      case 'counter':
        return {
          last: known(last),
          increase: rises > 0 ? known(meanRise) : null,
          min_difference: known(minDifference),
          count,
        };
    }
  }

  /** Below the range, in its ten buckets, above it. */
  histogram(slots: readonly number[]): number[] {
    const counts = new Array<number>(this.#counts).fill(0);
    for (const slot of slots) {
      for (let place = 0; place < this.#counts; place += 1) {
        (counts[place] as number) += this.#histogram[slot * this.#counts + place] as number;
      }
    }
    return counts;
  }

  #at(slot: number): Summary {
    return Object.fromEntries(
      FIELDS.map((field) => [field, this.#columns[field][slot]]),
    ) as unknown as Summary;
  }

  #addValues(slot: number, readings: Readings, column: number, [first, end]: Stretch): void {
    const columns = this.#columns;
    let count = columns.count[slot] as number;
    let mean = columns.mean[slot] as number;
    let squares = columns.squares[slot] as number;
    let min = columns.min[slot] as number;
    let max = columns.max[slot] as number;
    for (let row = first; row < end; row += 1) {
      const own = readings.number(row, column);
      if (Number.isNaN(own) || readings.isDefect(row)) continue;
      count += 1;
      if (own < min) min = own;
      if (own > max) max = own;
      const before = mean;
      mean = before + (own - before) / count;
      // Held within the values, because its step can overflow.
      if (!(mean >= min)) mean = min;
      else if (mean > max) mean = max;
      squares += (own - before) * (own - mean);
    }
    columns.count[slot] = count;
    columns.mean[slot] = mean;
    columns.squares[slot] = squares;
    columns.min[slot] = min;
    columns.max[slot] = max;
  }

  /** A difference is that to the newest line before, so late lines have none. */
  #addCounts(
    slot: number,
    readings: Readings,
    column: number,
    [first, end]: Stretch,
    isNewest: boolean,
  ): void {
    const columns = this.#columns;
    let count = columns.count[slot] as number;
    let last = columns.last[slot] as number;
    let rises = columns.rises[slot] as number;
    let meanRise = columns.meanRise[slot] as number;
    let smallest = columns.minDifference[slot] as number;
    let previous = this.#previous;
    for (let row = first; row < end; row += 1) {
      const own = readings.number(row, column);
      if (Number.isNaN(own) || readings.isDefect(row)) continue;
      count += 1;
      last = own;
      if (!isNewest) continue;
      // Differences of large integers are exact, too.
      const exact = Math.abs(own) > Number.MAX_SAFE_INTEGER ? (readings.value(row, column) as Value) : own;
      const difference = previous === undefined ? Number.NaN : differenceOf(previous, exact);
      previous = exact;
      if (difference < smallest) smallest = difference;
      if (difference >= 0) {
        rises += 1;
        meanRise += (difference - meanRise) / rises;
      }
    }
    columns.count[slot] = count;
    columns.last[slot] = last;
    columns.rises[slot] = rises;
    columns.meanRise[slot] = meanRise;
    columns.minDifference[slot] = smallest;
    this.#previous = previous;
  }

  #addToHistogram(slot: number, readings: Readings, column: number, [first, end]: Stretch): void {
    const counts = this.#histogram.subarray(slot * this.#counts, (slot + 1) * this.#counts);
    for (let row = first; row < end; row += 1) {
      const own = readings.number(row, column);
      if (!Number.isNaN(own) && !readings.isDefect(row)) (counts[this.#place(own)] as number) += 1;
    }
  }

  /** The top edge belongs to the last bucket. */
  #place(value: number): number {
    const edges = this.#edges;
    const top = edges.length - 1;
    if (value === edges[top]) return top;
    let place = 0;
    while (place <= top && value >= (edges[place] as number)) place += 1;
    return place;
  }
}

function differenceOf(before: Value, value: Value): number {
  if (typeof before === 'number' && typeof value === 'number') return value - before;
  // Of integers one is beyond a double here, and the other may be.
  return Number(BigInt(value) - BigInt(before));
}

/** By Chan, Golub and LeVeque. */
function merged(one: Summary, other: Summary): Summary {
  const count = one.count + other.count;
  if (one.count === 0) return other;
  if (other.count === 0) return one;
  const min = Math.min(one.min, other.min);
  const max = Math.max(one.max, other.max);
  const distance = other.mean - one.mean;
  const rises = one.rises + other.rises;
  return {
    count,
    mean: Math.min(max, Math.max(min, one.mean + distance * (other.count / count))),
    squares: one.squares + other.squares + distance ** 2 * ((one.count * other.count) / count),
    min,
    max,
    last: other.last,
    rises,
    meanRise: rises === 0 ? 0 : one.meanRise + (other.meanRise - one.meanRise) * (other.rises / rises),
    minDifference: Math.min(one.minDifference, other.minDifference),
  };
}
