import type { Batch, Point } from '../reading.js';
import type { Numeric } from './api.js';
import { TOTALS } from './data.js';
import { WINDOW_MS } from './ring.js';
import { type Buckets, startsOf } from './window.js';

/** Errors come at most with every batch, the runner's metrics every 10 s. */
const MOST = 20_000;

/** The error counts and the runner's own metrics of the last ten minutes. */
export class RecentPoints {
  #points: Point[] = [];

  add({ points }: Pick<Batch, 'points'>): void {
    if (points.length === 0) return;
    this.#points.push(...points.filter(({ fields }) => fields.value !== 0));
    const oldest = Number(this.#points.at(-1)?.timestamp ?? 0n) / 1e6 - WINDOW_MS;
    this.#points = this.#points.filter((point) => millisecondsOf(point) > oldest).slice(-MOST);
  }

  /** Only the kinds that occurred. */
  errors(buckets: Buckets): Record<string, number[]> {
    const columns: Record<string, number[]> = {};
    for (const point of this.#points) {
      const place = placeOf(point, buckets);
      if (point.kind === undefined || place === undefined) continue;
      columns[point.kind] ??= startsOf(buckets).map(() => 0);
      (columns[point.kind] as number[])[place] =
        (columns[point.kind]?.[place] ?? 0) + (point.fields.value ?? 0);
    }
    return columns;
  }

  /** Totals as increases, others as the highest value. */
  runner(buckets: Buckets): Record<string, Numeric[]> {
    const columns: Record<string, (number | null)[]> = {};
    let before: Point['fields'] = {};
    for (const point of this.#points.filter(({ kind }) => kind === undefined)) {
      const place = placeOf(point, buckets);
      if (place !== undefined) {
        for (const [field, value] of Object.entries(point.fields)) {
          columns[field] ??= startsOf(buckets).map(() => null);
          const column = columns[field] as (number | null)[];
          column[place] = next(field, column[place] ?? null, value, before[field]);
        }
      }
      before = point.fields;
    }
    return columns;
  }
}

function next(field: string, known: number | null, value: number, before: number | undefined): number | null {
  const totals: readonly string[] = TOTALS;
  if (!totals.includes(field)) return Math.max(known ?? value, value);
  return before === undefined || value < before ? known : (known ?? 0) + value - before;
}

function placeOf(point: Point, { from, to, every }: Buckets): number | undefined {
  const time = millisecondsOf(point);
  return time >= from && time < to ? Math.floor((time - from) / every) : undefined;
}

function millisecondsOf({ timestamp }: Point): number {
  return Number(timestamp) / 1e6;
}
