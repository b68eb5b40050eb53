/** Series and histograms of readings that follow from their time alone: what the scripted server answers. */
import type { Histogram, MetricAbout, Series } from '../../src/local/api.js';

/** One reading a second, from and to included. */
export interface Readings {
  readonly metrics: readonly MetricAbout[];
  readonly since: number;
  readonly until: number;
}

interface Asked {
  readonly from: number;
  readonly to: number;
  readonly points: number;
}

/** Widths that buckets may have, ms. */
const WIDTHS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400,
];
const DEFECT_EVERY_S = 61;
const ERROR_EVERY_S = 397;
const RUNNER_EVERY_S = 10;
/** A long range is computed from so many of its seconds only. */
const MOST_SECONDS = 20_000;

/** As the server does: the narrowest buckets of which so many cover the range, both its ends included. */
export function everyOf({ from, to, points }: Asked): number {
  const fits = (every: number) => Math.ceil(to / every) - Math.floor(from / every) <= points;
  return WIDTHS.map((seconds) => seconds * 1_000).find(fits) ?? 86_400_000;
}

/** The value of a metric at a time; every 61st line is a defect, and has none. */
export function valueAt({ name, kind }: MetricAbout, ms: number): number {
  const second = Math.floor(ms / 1_000);
  const noise = mixed(second + name.length);
  if (kind === 'gauge')
    return 5.2 + 1.7 * Math.sin(second / 110) + 0.8 * Math.sin(second / 17) + 0.9 * (noise - 0.5);
  return kind === 'random' ? 4_000_000 + Math.floor(noise * 4_000_000) : second - 1_790_000_000;
}

function isDefect(ms: number): boolean {
  return Math.floor(ms / 1_000) % DEFECT_EVERY_S === 0;
}

export function seriesOf(readings: Readings, asked: Asked): Series {
  const every = everyOf(asked);
  const from = Math.floor(asked.from / every) * every;
  const to = Math.ceil(asked.to / every) * every;
  const first = Math.max(from, Math.ceil(readings.since / 1_000) * 1_000);
  const last = Math.min(to - 1, readings.until);
  const stride = Math.max(1, Math.floor((last - first) / 1_000 / MOST_SECONDS)) * 1_000;
  const buckets = new Map<number, number[]>();
  for (let start = from; start < to; start += every) buckets.set(start, []);
  for (let ms = first; ms <= last; ms += stride) buckets.get(Math.floor(ms / every) * every)?.push(ms);
  const rows = [...buckets];
  const count = (row: readonly number[], happens: (second: number) => boolean) =>
    row.filter((ms) => happens(Math.floor(ms / 1_000))).length;
  return {
    from,
    to,
    every,
    times: rows.map(([start]) => start),
    metrics: Object.fromEntries(
      readings.metrics.map((metric) => [
        metric.name,
        measuresOf(
          metric,
          rows.map(([, row]) => row),
        ),
      ]),
    ),
    defects: rows.map(([, row]) => row.filter(isDefect).length),
    errors: {
      'error.cpu_load': rows.map(([, row]) => count(row, (second) => second % ERROR_EVERY_S === 0)),
      'error.line': rows.map(([, row]) => count(row, (second) => second % (3 * ERROR_EVERY_S) === 1)),
    },
    runner: {
      read: rows.map(([, row]) => reported(row, row.length * (stride / 1_000))),
      delivered: rows.map(([, row]) => reported(row, row.length * (stride / 1_000))),
      queued: rows.map(([start, row]) => reported(row, 1 + ((start / every) % 4))),
      blocked_ms: rows.map(([start, row]) => reported(row, Math.floor(start / 1_000) * 8 - 13_600_000_000)),
      restarts: rows.map(([, row]) => reported(row, 0)),
      rejected: rows.map(([, row]) => reported(row, 0)),
      dropped: rows.map(([, row]) => reported(row, 0)),
    },
  };
}

/** The runner's metrics come every 10 s. */
function reported(row: readonly number[], value: number): number | null {
  return row.some((ms) => Math.floor(ms / 1_000) % RUNNER_EVERY_S === 0) ? value : null;
}

export function histogramOf(
  { metrics, since, until }: Readings,
  name: string,
  { from, to }: { readonly from: number; readonly to: number },
): Histogram {
  const metric = metrics.find((each) => each.name === name);
  const [low, high] = metric?.range ?? [0, 1];
  const counts = Array.from({ length: 10 }, () => 0);
  const start = Math.max(Math.ceil(from / 1_000) * 1_000, since);
  for (let ms = start; metric && ms <= Math.min(to, until); ms += 1_000) {
    const bucket = Math.floor(((valueAt(metric, ms) - low) / (high - low)) * 10);
    if (!isDefect(ms)) counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  const edges = Array.from({ length: 11 }, (_, index) => low + ((high - low) * index) / 10);
  return { metric: name, edges, counts, below: 0, above: 0 };
}

function measuresOf(metric: MetricAbout, rows: readonly (readonly number[])[]): Series['metrics'][string] {
  const values = rows.map((row) => row.filter((ms) => !isDefect(ms)).map((ms) => valueAt(metric, ms)));
  const each = (measure: (row: readonly number[]) => number | null, least = 1) =>
    values.map((row) => (row.length < least ? null : measure(row)));
  const mean = (row: readonly number[]) => row.reduce((sum, value) => sum + value, 0) / row.length;
  const counted = { count: values.map((row) => row.length) };
  const extremes = {
    mean: each(mean),
    min: each((row) => Math.min(...row)),
    max: each((row) => Math.max(...row)),
  };
  switch (metric.kind) {
    case 'gauge':
      return { ...counted, ...extremes, spread: each((row) => Math.max(...row) - Math.min(...row)) };
    case 'random':
      return {
        ...counted,
        ...extremes,
        stddev: each(deviation, 2),
        repeats: each((row) => row.length - new Set(row).size),
      };
    case 'counter':
      return {
        ...counted,
        last: values.map((row) => (row.length === 0 ? null : String(row.at(-1)))),
        increase: each((row) =>
          row.length === 1 ? 1 : ((row.at(-1) as number) - (row[0] as number)) / (row.length - 1),
        ),
        min_difference: each(() => 1),
      };
  }
}

function deviation(row: readonly number[]): number {
  const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
  return Math.sqrt(row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (row.length - 1));
}

/** From 0 to 1, as if at random, and always the same for the same number. */
function mixed(number: number): number {
  let bits = Math.imul(number ^ (number >>> 15), 0x2c1b3c6d);
  bits = Math.imul(bits ^ (bits >>> 12), 0x297a2d39);
  return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
}
