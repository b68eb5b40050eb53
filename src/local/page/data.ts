/**
 * What is asked for a view: fine series for lines, which are there first; coarse ones for counts and deviations, and
 * histograms; alerts.
 */
import type { Alerts, Histogram, MetricAbout, Series, SeriesMeasure } from '../api.js';
import { ask } from './ask.js';
import type { Span } from './view.js';

export interface Data {
  readonly span: Span;
  /** About a bucket a pixel: means, extremes, values, marks. */
  readonly fine: Series;
  /** Undefined until it has been answered for the first time. */
  readonly coarse: Coarse | undefined;
  readonly alerts: Alerts;
}

/** Buckets of several values, since a spread or a deviation of one value says nothing, and wide enough for bars. */
export interface Coarse extends Series {
  /** By the server's clock: buckets that end later were still filling. */
  readonly askedAt: number;
  readonly histograms: ReadonlyMap<string, Histogram>;
}

const COARSE_MS = 10_000;
const COARSE_PIXELS = 7;
const MOST_COARSE = 120;

const FINE_MEASURES: readonly SeriesMeasure[] = ['mean', 'min', 'max', 'last', 'count'];
const COARSE_MEASURES: readonly SeriesMeasure[] = [
  'spread',
  'stddev',
  'repeats',
  'increase',
  'min_difference',
];

export function askFine(
  span: Span,
  metrics: readonly MetricAbout[],
  pixels: number,
  signal: AbortSignal,
): Promise<Series> {
  const wanted = {
    measure: FINE_MEASURES,
    metric: metrics.map(({ name }) => name),
    part: ['defects', 'errors'],
  };
  return ask('/api/series', { ...whole(span), points: pixels, ...wanted }, signal);
}

export async function askCoarse(
  span: Span,
  metrics: readonly MetricAbout[],
  pixels: number,
  askedAt: number,
  signal: AbortSignal,
): Promise<Coarse> {
  const most = Math.min(MOST_COARSE, pixels / COARSE_PIXELS, (span.to - span.from) / COARSE_MS);
  // One more, since both ends of a span lie within a bucket.
  const points = Math.max(2, Math.floor(most) + 1);
  const randoms = metrics.filter(({ kind }) => kind === 'random');
  const [series, ...histograms] = await Promise.all([
    ask<Series>('/api/series', { ...whole(span), points, measure: COARSE_MEASURES }, signal),
    ...randoms.map(({ name }) => ask<Histogram>('/api/histogram', { metric: name, ...whole(span) }, signal)),
  ]);
  return {
    ...series,
    askedAt,
    histograms: new Map(histograms.map((histogram) => [histogram.metric, histogram])),
  };
}

export function askAlerts(span: Span, signal: AbortSignal): Promise<Alerts> {
  return ask('/api/alerts', whole(span), signal);
}

function whole({ from, to }: Span): { from: number; to: number } {
  return { from: Math.round(from), to: Math.round(to) };
}
