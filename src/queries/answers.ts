import type { Value } from '../reading.js';
import { histogramEdges, type Measure, type Newest, type Question, type Window, whenEmpty } from './query.js';
import { sqlHistogram, sqlLabels, sqlNewest, sqlPoints, sqlSeries, sqlValue } from './sql.js';
import type { SqlScope } from './sql-rows.js';

/**
 * Asks the embedded store and reads its answers into plain data. A value is a `number` where that is exact, else a
 * `bigint`; null is unknown. As with InfluxQL there is no answer for a series that has no row in the window.
 */
export type Rows = (sql: string) => Promise<unknown[][]>;

export interface Labels {
  readonly env?: string;
  readonly kind?: string;
}

export interface ValueAnswer extends Labels {
  readonly values: Measured<Value | null>;
}

/** Bucket for bucket: an empty one has 0 or null, as `whenEmpty` says. */
export interface SeriesAnswer extends Labels {
  /** The starts of the buckets, ms. */
  readonly times: number[];
  readonly values: Measured<(Value | null)[]>;
}

/** What was asked, under the name of its measure. */
export type Measured<T> = Readonly<Partial<Record<Measure, T>>>;

export interface PointsAnswer extends Labels {
  /** In ms, with a fraction. */
  readonly times: number[];
  readonly values: (Value | null)[];
}

/** `counts` has one entry less than `edges`; what lies outside of them is counted apart. */
export interface HistogramAnswer extends Labels {
  readonly edges: number[];
  readonly counts: number[];
  readonly below: number;
  readonly above: number;
}

export interface NewestAnswer {
  readonly env: string;
  /** In ms, with a fraction. */
  readonly time: number;
}

export async function askValue(rows: Rows, question: Question, scope: SqlScope): Promise<ValueAnswer[]> {
  const answered = await rows(sqlValue(question, scope));
  return bySeries(question, answered).map(({ labels, rows: [row = []] }) => ({
    ...labels,
    values: eachMeasure(question, (column) => plain(row[column])),
  }));
}

/** @param every the buckets' width, ms */
export async function askSeries(
  rows: Rows,
  question: Question,
  scope: SqlScope,
  every: number,
): Promise<SeriesAnswer[]> {
  const answered = await rows(sqlSeries(question, scope, every));
  const times = bucketStarts(scope.time, every);
  return bySeries(question, answered).map(({ labels, rows: buckets }) => {
    const values = eachMeasure(question, (_, measure) =>
      new Array<Value | null>(times.length).fill(emptyBucket(question, measure)),
    );
    for (const [start, ...measured] of buckets) {
      const index = (Number(start) - (times[0] as number)) / every;
      question.measures.forEach((measure, column) => {
        (values[measure] as (Value | null)[])[index] = plain(measured[column]);
      });
    }
    return { ...labels, times, values };
  });
}

export async function askPoints(
  rows: Rows,
  question: Omit<Question, 'measures'>,
  scope: SqlScope,
): Promise<PointsAnswer[]> {
  const answered = await rows(sqlPoints(question, scope));
  return bySeries(question, answered).map(({ labels, rows: points }) => ({
    ...labels,
    times: points.map(([ns]) => Number(ns) / 1e6),
    values: points.map(([, value]) => plain(value)),
  }));
}

export async function askHistogram(
  rows: Rows,
  question: Omit<Question, 'measures'>,
  range: readonly [number, number],
  scope: SqlScope,
): Promise<HistogramAnswer[]> {
  const edges = histogramEdges({ range });
  const answered = await rows(sqlHistogram(question, edges, scope));
  return bySeries(question, answered).map(({ labels, rows: [row = []] }) => {
    const counts = row.map(Number);
    return {
      ...labels,
      edges,
      below: counts[0] as number,
      counts: counts.slice(1, -1),
      above: counts.at(-1) as number,
    };
  });
}

export async function askNewest(rows: Rows, newest: Newest, scope: SqlScope): Promise<NewestAnswer[]> {
  const answered = await rows(sqlNewest(newest, scope));
  return answered.map(([env, ns]) => ({ env: String(env), time: Number(ns) / 1e6 }));
}

interface SeriesRows {
  readonly labels: Labels;
  /** Without the labels. */
  readonly rows: unknown[][];
}

/** The rows of each combination of labels; they come one series after the other. */
function bySeries({ by }: Pick<Question, 'by'>, rows: readonly unknown[][]): SeriesRows[] {
  const labels = sqlLabels(by);
  const series = new Map<string, SeriesRows>();
  for (const row of rows) {
    const own = row.slice(0, labels.length);
    const key = JSON.stringify(own);
    const known: SeriesRows = series.get(key) ?? {
      labels: Object.fromEntries(labels.map((label, index) => [label, own[index]])),
      rows: [],
    };
    known.rows.push(row.slice(labels.length));
    series.set(key, known);
  }
  return [...series.values()];
}

function eachMeasure<T>(
  { measures }: Question,
  answer: (column: number, measure: Measure) => T,
): Partial<Record<Measure, T>> {
  return Object.fromEntries(measures.map((measure, column) => [measure, answer(column, measure)]));
}

/** What an empty bucket holds. InfluxDB fills a count's with 0 whatever the statement's `fill` is. */
export function emptyBucket(question: Question, measure: Measure): 0 | null {
  return measure === 'count' || measure === 'repeats' ? 0 : whenEmpty(question);
}

/** Every bucket that overlaps the window; they are aligned to the epoch, as InfluxDB's are. */
function bucketStarts({ fromMs, toMs }: Window, every: number): number[] {
  const first = Math.floor(fromMs / every);
  const count = Math.max(0, Math.floor(toMs / every) - first + 1);
  return Array.from({ length: count }, (_, index) => (first + index) * every);
}

/** A number that JSON can hold, or an integer too long for one; what lies beyond a double is unknown. */
function plain(value: unknown): Value | null {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
