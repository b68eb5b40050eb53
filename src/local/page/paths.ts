/** The shapes of a chart's values: lines with a band, stairs, bars. All break where values fail to come. */
import { type UPlot, uPlot } from './drawing.js';
import type { Rows } from './rows.js';
import { drawable } from './scale.js';

type Paths = UPlot.Series.Paths;

/** A line breaks where rows fail to come for this many times the usual distance. */
const BREAK_DISTANCES = 4;

/** What can be drawn of a column: an integer beyond a double is as near to it as it gets. */
export function numbersOf(column: readonly (number | string | null)[]): (number | null)[] {
  return column.map((value) => (value === null ? null : drawable(Number(value))));
}

/** The first column as a line, and the second to the third as its band. */
export function linePath(plot: UPlot, rows: Rows, data: UPlot.AlignedData): Paths {
  const [times, mean, min, max] = data as [number[], ...(number | null)[][]];
  const [stroke, fill] = [new Path2D(), new Path2D()];
  const x = (row: number) => plot.valToPos(times[row] as number, 'x', true);
  const y = (value: number) => plot.valToPos(value, 'y', true);
  for (const [first, last] of unbroken(rows, mean ?? [])) {
    for (let row = first; row <= last; row += 1) {
      const at = y(mean?.[row] as number);
      if (row === first) stroke.moveTo(x(row), at);
      else stroke.lineTo(x(row), at);
      if (first === last) stroke.arc(x(row), at, uPlot.pxRatio, 0, 2 * Math.PI);
    }
    if (!min || !max) continue;
    fill.moveTo(x(first), y(max[first] as number));
    for (let row = first; row <= last; row += 1) fill.lineTo(x(row), y(max[row] as number));
    for (let row = last; row >= first; row -= 1) fill.lineTo(x(row), y(min[row] as number));
    fill.closePath();
  }
  return { stroke, fill: min && max ? fill : null };
}

/** Each value for as long as its bucket lasts. */
export function stairsPath(plot: UPlot, { every }: Rows, data: UPlot.AlignedData, column: number): Paths {
  const [times, values] = [data[0] as number[], data[column] as (number | null)[]];
  const stroke = new Path2D();
  let end = Number.NaN;
  values.forEach((value, row) => {
    if (value === null) return;
    const [from, to] = spanOf(plot, times[row] as number, every);
    const y = plot.valToPos(value, 'y', true);
    if (Math.abs(from - end) < 1) stroke.lineTo(from, y);
    else stroke.moveTo(from, y);
    stroke.lineTo(to, y);
    end = to;
  });
  return { stroke, fill: null };
}

/** From zero up, as wide as the bucket but for a gap. */
export function barsPath(plot: UPlot, { every }: Rows, data: UPlot.AlignedData, column: number): Paths {
  const [times, values] = [data[0] as number[], data[column] as (number | null)[]];
  const fill = new Path2D();
  const zero = plot.valToPos(0, 'y', true);
  values.forEach((value, row) => {
    if (value === null || value === 0) return;
    const [from, to] = spanOf(plot, times[row] as number, every);
    const y = plot.valToPos(value, 'y', true);
    fill.rect(from, y, Math.max(uPlot.pxRatio, to - from - uPlot.pxRatio), zero - y);
  });
  return { stroke: null, fill };
}

export function spanOf(plot: UPlot, time: number, every: number): [number, number] {
  return [plot.valToPos(time, 'x', true), plot.valToPos(time + every, 'x', true)].map(Math.round) as [
    number,
    number,
  ];
}

/** First and last row of each stretch of values that follow each other as usual. */
function unbroken({ times, every }: Rows, values: readonly (number | null)[]): [number, number][] {
  const longest = BREAK_DISTANCES * Math.max(every, usualDistance(times));
  const stretches: [number, number][] = [];
  values.forEach((value, row) => {
    if (value === null) return;
    const last = stretches.at(-1);
    const follows =
      last && last[1] === row - 1 && (times[row] as number) - (times[row - 1] as number) <= longest;
    if (follows) last[1] = row;
    else stretches.push([row, row]);
  });
  return stretches;
}

/** Half of the rows follow their predecessor within this time. */
function usualDistance(times: readonly number[]): number {
  const distances = times.slice(1).map((time, row) => time - (times[row] as number));
  return distances.sort((a, b) => a - b)[distances.length >> 1] ?? 0;
}
