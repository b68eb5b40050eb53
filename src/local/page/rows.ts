/** What a chart draws, in rows: read from the columns of an answer. */
import type { Numeric, Series, SeriesMeasure } from '../api.js';
import type { Coarse, Data } from './data.js';

/** In rising order of time, each about the time from its own to `every` later. */
export interface Rows {
  readonly times: readonly number[];
  readonly columns: readonly (readonly Numeric[])[];
  readonly every: number;
}

/** Measures of a metric, without the buckets in which it has none. */
export function measured({ fine }: Data, metric: string, ...measures: SeriesMeasure[]): Rows {
  return rowsOf(fine, columnsOf(fine, metric, measures));
}

/** The same of coarse buckets, whole ones only. */
export function measuredCoarse(
  { coarse }: Data,
  metric: string,
  ...measures: SeriesMeasure[]
): Rows | undefined {
  return coarse && wholeRows(rowsOf(coarse, columnsOf(coarse, metric, measures)), coarse);
}

export function rowsOf({ times, every }: Series, columns: readonly (readonly Numeric[])[]): Rows {
  const filled = times.map((_, row) => columns.some((column) => (column[row] ?? null) !== null));
  const only = (column: readonly Numeric[]) =>
    times.flatMap((_, row) => (filled[row] ? [column[row] ?? null] : []));
  return { times: times.filter((_, row) => filled[row]), columns: columns.map(only), every };
}

/** Without the bucket that is still filling: half of one has not the spread of a whole one. */
export function wholeRows({ times, columns, every }: Rows, { askedAt }: Coarse): Rows {
  const isWhole = (_: unknown, row: number) => (times[row] as number) + every <= askedAt;
  return { times: times.filter(isWhole), columns: columns.map((column) => column.filter(isWhole)), every };
}

/** Index of the row that holds this time; the nearest where rows are further apart than they are wide. */
export function rowAt({ times, every }: Rows, time: number): number | null {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) <= time) low = middle + 1;
    else high = middle;
  }
  const at = low - 1;
  const [before, after] = [times[at], times[low]];
  if (before === undefined) return null;
  if (time < before + every || after === undefined) return time < before + 3 * every ? at : null;
  return time - before <= after - time ? at : low;
}

function columnsOf({ metrics }: Series, metric: string, measures: readonly SeriesMeasure[]) {
  return measures.map((measure) => metrics[metric]?.[measure] ?? []);
}
