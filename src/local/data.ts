import type { Metric } from '../definition.js';
import type { Batch } from '../reading.js';
import type { Histogram, Numeric, Series, SeriesMeasure } from './api.js';
import type { Buckets } from './window.js';

/** What the page's questions are answered from: the embedded store, or the last ten minutes in memory. */
export interface Data {
  /** Of readings, in ms; null before the first. */
  readonly newest: number | null;
  readonly oldest: number | null;
  /** The newest value of each metric in full. */
  readonly latest: readonly (string | null)[];
  /** How far the sensor's lines are apart, in ms; 0 where that is not known. */
  readonly distanceMs: number;
  /** Takes note of a batch; one that is not stored yet is held, and stored before any later one. */
  add(batch: Pick<Batch, 'readings' | 'points'>, isStored: boolean): void;
  series(question: SeriesQuestion, signal: AbortSignal): Promise<SeriesAnswer>;
  /** The window holds both of its ends, in ms. */
  histogram(metric: RandomMetric, from: number, to: number, signal: AbortSignal): Promise<Histogram>;
}

export type RandomMetric = Extract<Metric, { kind: 'random' }>;

export interface SeriesQuestion {
  readonly buckets: Buckets;
  readonly metrics: readonly Metric[];
  /** Of the metrics, as far as their kind has them. */
  readonly measures: readonly SeriesMeasure[];
  /** What is asked besides. */
  readonly parts: readonly Part[];
}

export const PARTS = ['defects', 'errors', 'runner'] as const;
export type Part = (typeof PARTS)[number];

export type SeriesAnswer = Pick<Series, 'metrics' | 'defects' | 'errors' | 'runner'>;

export type Columns = Partial<Record<SeriesMeasure, Numeric[]>>;

/** The runner's totals, which are shown as increases; its other fields as the highest value of a bucket. */
export const TOTALS = ['read', 'delivered', 'rejected', 'dropped', 'restarts', 'errors', 'defects'] as const;
