import type { Definition, Metric } from '../definition.js';
import { histogramEdges } from '../queries/query.js';
import type { Batch } from '../reading.js';
import type { Readings } from '../readings.js';
import type { Histogram, SeriesMeasure } from './api.js';
import type { Columns, Data, RandomMetric, SeriesAnswer, SeriesQuestion } from './data.js';
import { Latest } from './latest.js';
import { RecentPoints } from './recent-points.js';
import { BUCKET_NS, Ring, SLOTS, WINDOW_MS } from './ring.js';
import { RingMetric } from './ring-metric.js';
import { startsOf } from './window.js';

/**
 * The last ten minutes in memory, where readings go to a database that is not ours to ask. What it cannot know is
 * null: repeats, and integers beyond a double are rounded.
 */
export class Recent implements Data {
  readonly #names: readonly string[];
  readonly #metrics: readonly RingMetric[];
  readonly #defects = new Float64Array(SLOTS);
  readonly #latest: Latest;
  readonly #points = new RecentPoints();
  readonly #ring = new Ring((slot) => this.#clear(slot));
  #oldest: number | null = null;
  #newest = -1n;

  constructor({ metrics }: Pick<Definition, 'metrics'>) {
    this.#names = metrics.map(({ name }) => name);
    this.#metrics = metrics.map((metric) => new RingMetric(metric));
    this.#latest = new Latest(metrics.length);
  }

  get newest(): number | null {
    return this.#latest.newest;
  }

  get oldest(): number | null {
    return this.#oldest === null ? null : Math.max(this.#oldest, (this.newest as number) - WINDOW_MS);
  }

  get latest(): readonly (string | null)[] {
    return this.#latest.values;
  }

  get distanceMs(): number {
    return this.#latest.distanceMs;
  }

  add(batch: Pick<Batch, 'readings' | 'points'>): void {
    this.#addReadings(batch.readings);
    this.#latest.add(batch.readings);
    this.#points.add(batch);
  }

  async series({ buckets, metrics, measures, parts }: SeriesQuestion): Promise<SeriesAnswer> {
    const slots = startsOf(buckets).map((start) => this.#ring.slots(start, start + buckets.every));
    return {
      metrics: Object.fromEntries(
        metrics.map((metric) => [metric.name, this.#columns(metric, measures, slots)]),
      ),
      defects: parts.includes('defects') ? slots.map((each) => this.#defectsOf(each)) : [],
      errors: parts.includes('errors') ? this.#points.errors(buckets) : {},
      runner: parts.includes('runner') ? this.#points.runner(buckets) : {},
    };
  }

  /** To the half second. */
  async histogram(metric: RandomMetric, from: number, to: number): Promise<Histogram> {
    const counts = this.#ringOf(metric).histogram(this.#ring.slots(from, to + 1));
    const [below, above] = [counts[0] as number, counts.at(-1) as number];
    return { metric: metric.name, edges: histogramEdges(metric), counts: counts.slice(1, -1), below, above };
  }

  #addReadings(readings: Readings): void {
    for (let row = 0; row < readings.length; ) row = this.#addStretch(readings, row);
  }

  /** Rows that rise within one bucket: it is looked for once, for they come by the thousand. Returns what follows. */
  #addStretch(readings: Readings, first: number): number {
    const timestamp = readings.timestamp(first);
    const slot = this.#slotOf(timestamp);
    const end = endOfStretch(readings, first, BUCKET_NS - Number(timestamp % BigInt(BUCKET_NS)));
    const isNewest = timestamp > this.#newest;
    if (isNewest) this.#newest = readings.timestamp(end - 1);
    if (slot === undefined) return end;
    for (let row = first; row < end; row += 1) {
      if (readings.isDefect(row)) (this.#defects[slot] as number) += 1;
    }
    for (const [column, metric] of this.#metrics.entries()) {
      metric.add(slot, readings, column, [first, end], isNewest);
    }
    return end;
  }

  #slotOf(timestamp: bigint): number | undefined {
    const slot = this.#ring.slotOf(timestamp);
    if (slot === undefined) return undefined;
    this.#oldest = Math.min(this.#oldest ?? Number.POSITIVE_INFINITY, Math.floor(Number(timestamp) / 1e6));
    return slot;
  }

  #clear(slot: number): void {
    this.#defects[slot] = 0;
    for (const metric of this.#metrics) metric.clear(slot);
  }

  #columns(metric: Metric, wanted: readonly SeriesMeasure[], slots: readonly number[][]): Columns {
    const ring = this.#ringOf(metric);
    const rows = slots.map((each) => ring.measures(each));
    const measures = wanted.filter((measure) => measure in (rows[0] ?? {}));
    return Object.fromEntries(measures.map((measure) => [measure, rows.map((row) => row[measure] ?? null)]));
  }

  #defectsOf(slots: readonly number[]): number {
    return slots.reduce((count, slot) => count + (this.#defects[slot] as number), 0);
  }

  #ringOf({ name }: Pick<Metric, 'name'>): RingMetric {
    return this.#metrics[this.#names.indexOf(name)] as RingMetric;
  }
}

/** The row that does not rise any more, or only `left` ns later. */
function endOfStretch(readings: Readings, first: number, left: number): number {
  let later = 0;
  for (let row = first + 1; row < readings.length; row += 1) {
    const step = readings.step(row);
    later += step;
    if (step <= 0 || later >= left) return row;
  }
  return readings.length;
}
