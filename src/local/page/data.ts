/** What is asked for a view: fine series for lines, coarse ones for counts and deviations, histograms, alerts. */
import type { Alerts, Histogram, MetricAbout, Series } from '../api.js';
import { ask } from './ask.js';
import type { Span } from './view.js';

export interface SeriesData {
  readonly span: Span;
  /** When it was asked, by the server's clock: buckets that end later are still filling. */
  readonly askedAt: number;
  /** About a bucket a pixel: means, extremes, values, marks. */
  readonly fine: Series;
  /** Buckets of several values, since a spread or a deviation of one value says nothing, and wide enough for bars. */
  readonly coarse: Series;
}

export interface SlowData {
  readonly histograms: ReadonlyMap<string, Histogram>;
  readonly alerts: Alerts;
}

export type Data = SeriesData & SlowData;

const COARSE_MS = 10_000;
const COARSE_PIXELS = 7;
const MOST_COARSE = 120;

export async function askSeries(
  span: Span,
  metrics: readonly MetricAbout[],
  pixels: number,
  askedAt: number,
  signal: AbortSignal,
): Promise<SeriesData> {
  const most = Math.min(MOST_COARSE, pixels / COARSE_PIXELS, (span.to - span.from) / COARSE_MS);
  // One more, since both ends of a span lie within a bucket.
  const coarsePoints = Math.max(2, Math.floor(most) + 1);
  const lines = { metric: metrics.map(({ name }) => name), part: ['defects', 'errors'] };
  const [fine, coarse] = await Promise.all([
    ask<Series>('/api/series', { ...whole(span), points: pixels, ...lines }, signal),
    ask<Series>('/api/series', { ...whole(span), points: coarsePoints }, signal),
  ]);
  return { span, askedAt, fine, coarse };
}

export async function askSlow(
  span: Span,
  metrics: readonly MetricAbout[],
  signal: AbortSignal,
): Promise<SlowData> {
  const randoms = metrics.filter(({ kind }) => kind === 'random');
  const [alerts, ...histograms] = await Promise.all([
    ask<Alerts>('/api/alerts', whole(span), signal),
    ...randoms.map(({ name }) => ask<Histogram>('/api/histogram', { metric: name, ...whole(span) }, signal)),
  ]);
  return { alerts, histograms: new Map(histograms.map((histogram) => [histogram.metric, histogram])) };
}

function whole({ from, to }: Span): { from: number; to: number } {
  return { from: Math.round(from), to: Math.round(to) };
}
