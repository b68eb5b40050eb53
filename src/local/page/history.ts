/** The last ten minutes as the page knows them, and the lines that are drawn from them. */
import type { About, Buckets } from '../wire.js';
import { drawable } from './scale.js';

/** What a chart draws: points in rising order, with an empty one (null) where the line has to break. */
export interface Line {
  readonly time: number[];
  readonly mean: (number | null)[];
  readonly min: (number | null)[];
  readonly max: (number | null)[];
  /** Points with a break on either side: they are a dot, as no line leads to them. */
  readonly lone: number[];
  readonly lowest: number;
  readonly highest: number;
  /** Some bucket holds more than one value, so that lowest and highest say more than the mean. */
  readonly spread: boolean;
}

interface Cell {
  readonly count: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
}

interface Row {
  readonly time: number;
  readonly defects: number;
  /** One a metric; null where the bucket holds no value of it. */
  readonly cells: readonly (Cell | null)[];
}

/** A line breaks where values fail to come for this many times the usual distance, and at least MIN_BREAK_MS. */
const BREAK_DISTANCES = 4;
const MIN_BREAK_MS = 3_000;

export class History {
  readonly #about: About;
  #rows: readonly Row[] = [];

  constructor(about: About) {
    this.#about = about;
  }

  /** Time of the oldest bucket. */
  get start(): number | undefined {
    return this.#rows[0]?.time;
  }

  /** Takes over what changed; a bucket replaces the one of the same time. */
  merge(buckets: Buckets, now: number): void {
    const oldest = now - this.#about.windowMs;
    const rows = new Map(this.#rows.map((row) => [row.time, row]));
    buckets.time.forEach((time, index) => {
      rows.set(time, rowOf(buckets, index, time));
    });
    this.#rows = [...rows.values()].filter((row) => row.time > oldest).sort((a, b) => a.time - b.time);
  }

  /** Times of the buckets that hold defect rows. */
  defects(): number[] {
    return this.#rows.filter((row) => row.defects > 0).map((row) => row.time);
  }

  /** Half of the readings follow their predecessor within this time. */
  usualDistance(): number {
    const distances = this.#rows
      .slice(1)
      .map((row, index) => row.time - (this.#rows[index]?.time ?? row.time));
    return distances.sort((a, b) => a - b)[distances.length >> 1] ?? 0;
  }

  line(metric: number): Line {
    const breakMs = Math.max(MIN_BREAK_MS, BREAK_DISTANCES * this.usualDistance());
    const time: number[] = [];
    const cells: (Cell | null)[] = [];
    for (const row of this.#rows) {
      const cell = row.cells[metric];
      if (!cell) continue;
      const before = time.at(-1);
      if (before !== undefined && row.time - before > breakMs) {
        time.push(before + this.#about.bucketMs);
        cells.push(null);
      }
      time.push(row.time);
      cells.push(cell);
    }
    return {
      time,
      mean: cells.map((cell) => cell?.mean ?? null),
      min: cells.map((cell) => cell?.min ?? null),
      max: cells.map((cell) => cell?.max ?? null),
      lone: loneIndexes(cells),
      lowest: cells.reduce((lowest, cell) => Math.min(lowest, cell?.min ?? lowest), Number.POSITIVE_INFINITY),
      highest: cells.reduce(
        (highest, cell) => Math.max(highest, cell?.max ?? highest),
        Number.NEGATIVE_INFINITY,
      ),
      spread: cells.some((cell) => cell !== null && cell.count > 1),
    };
  }
}

function rowOf(buckets: Buckets, index: number, time: number): Row {
  const cells = buckets.metrics.map((column): Cell | null => {
    const count = column.count[index] ?? 0;
    const [mean, min, max] = [column.mean[index], column.min[index], column.max[index]];
    return mean == null || min == null || max == null
      ? null
      : { count, mean: drawable(mean), min: drawable(min), max: drawable(max) };
  });
  return { time, defects: buckets.defects[index] ?? 0, cells };
}

function loneIndexes(cells: readonly (Cell | null)[]): number[] {
  const lone: number[] = [];
  cells.forEach((cell, index) => {
    if (cell && !cells[index - 1] && !cells[index + 1]) lone.push(index);
  });
  return lone;
}
