/** Rows of counts, one above the other, each with its name, on a scale of its own, and with the limits of its alerts. */
import type { Column } from './chart.js';
import { type UPlot, uPlot } from './drawing.js';
import { type Line, limitLines } from './marks.js';
import { spanOf } from './paths.js';
import type { Rows } from './rows.js';
import type { Theme } from './theme.js';

/** Of a lane's height, what its highest bar takes. */
const PART = 0.8;
const WORST_FIRST = ['critical', 'warning', 'info'];

/** Counts of the lane `lane` of so many, the first at the top, each with its name above its bars. */
export function drawLane(
  plot: UPlot,
  { times, columns, every }: Rows,
  [lane, lanes]: readonly [number, number],
  column: Column,
  theme: Theme,
): void {
  const { label, tone } = column;
  const lines = limitsIn(column, every);
  const { ctx, bbox } = plot;
  const ratio = uPlot.pxRatio;
  const height = bbox.height / lanes;
  const bottom = Math.round(bbox.top + (lane + 1) * height);
  const counts = (columns[lane] ?? []).map(Number);
  const most = mostOf(counts, lines);
  ctx.save();
  ctx.fillStyle = theme.grid;
  ctx.fillRect(bbox.left, bottom - ratio, bbox.width, ratio);
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = theme[tone ?? 'error'];
  counts.forEach((count, row) => {
    if (count === 0) return;
    const [from, to] = spanOf(plot, times[row] as number, every);
    const tall = Math.max(3 * ratio, (count / most) * PART * height);
    ctx.fillRect(from, bottom - tall, Math.max(2 * ratio, to - from - ratio), tall);
  });
  ctx.font = theme.font.replace(/^[\d.]+px/, `${theme.fontSize * ratio * 0.92}px`);
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  ctx.lineWidth = 4 * ratio;
  ctx.lineJoin = 'round';
  ctx.strokeStyle = theme.surface;
  ctx.strokeText(label, bbox.left + 6 * ratio, bottom - height / 2);
  ctx.fillStyle = theme.text;
  ctx.fillText(label, bbox.left + 6 * ratio, bottom - height / 2);
  ctx.restore();
}

/** The limits of all lanes, by a vertical axis on which a lane is 1 high, the last one from 0. */
export function laneLines(lanes: readonly Column[], { columns, every }: Rows): Line[] {
  return lanes.flatMap((column, lane) => {
    const lines = limitsIn(column, every);
    const most = mostOf((columns[lane] ?? []).map(Number), lines);
    const bottom = lanes.length - 1 - lane;
    return lines.map((line) => ({ ...line, value: bottom + (PART * line.value) / most }));
  });
}

/**
 * Of equal ones the worst. A bar above a line sets its alert off: so there is none where a bucket is longer than the
 * alert's window, unless a single count is too many.
 */
function limitsIn({ limits = [] }: Column, every: number): Line[] {
  const lines = [...limits]
    .sort((one, other) => WORST_FIRST.indexOf(one.severity) - WORST_FIRST.indexOf(other.severity))
    .flatMap((alert) => limitLines([alert]).filter(({ value }) => value === 0 || every <= alert.overMs));
  return lines.filter(({ label }, index) => lines.findIndex((line) => line.label === label) === index);
}

function mostOf(counts: readonly number[], lines: readonly Line[]): number {
  return Math.max(1, ...counts, ...lines.map(({ value }) => value));
}
