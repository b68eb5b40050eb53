/** What is drawn on a chart besides its values: limits, alert states, defects, errors. */
import type { AlertAbout } from '../api.js';
import type { Active, Stretch } from './alert-states.js';
import { type UPlot, uPlot } from './drawing.js';
import { formatShort } from './format.js';
import type { Theme } from './theme.js';

/** Something happened within the bucket that starts at `time`. */
export interface Mark {
  readonly time: number;
  readonly count: number;
}

export interface Line {
  readonly value: number;
  readonly label: string;
  readonly severity?: AlertAbout['severity'];
}

/** Height of the band of alert states, in CSS pixels. */
export const BAND = 9;

const MARK = 9;
/** Marks closer than this, in CSS pixels, are ticks only: their lines and triangles would drown the values. */
const CLEAR = 16;

export function marksOf(
  times: readonly number[],
  ...counts: readonly (readonly number[] | undefined)[]
): Mark[] {
  return times.flatMap((time, row) => {
    const count = counts.reduce((sum, column) => sum + (column?.[row] ?? 0), 0);
    return count > 0 ? [{ time, count }] : [];
  });
}

/** The lines of an alert's limit: two for `outside`. */
export function limitLines(alerts: readonly AlertAbout[]): Line[] {
  return alerts.flatMap(({ condition, severity }) => {
    const [word, values] = Object.entries(condition)[0] as [string, number | readonly number[]];
    const name = word === 'outside' ? ['below', 'above'] : [word === 'equals' ? 'is' : word];
    return [values].flat().map((value, index) => ({
      value: value as number,
      label: `alert ${name[index] ?? word} ${formatShort(value as number)}`,
      severity,
    }));
  });
}

/** Defects stand on the time axis, errors hang from the top: their place tells them apart, not only their colour. */
export function drawMarks(plot: UPlot, marks: readonly Mark[], kind: 'defect' | 'error', theme: Theme): void {
  const { ctx, bbox } = plot;
  const ratio = uPlot.pxRatio;
  const width = Math.max(1, Math.round(ratio));
  const isClear = marks.length * CLEAR * ratio < bbox.width;
  const height = (isClear ? MARK : MARK / 2) * ratio;
  ctx.save();
  ctx.fillStyle = theme[kind];
  for (const { time } of marks) {
    const x = Math.round(plot.valToPos(time, 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    if (isClear) {
      ctx.globalAlpha = 0.3;
      ctx.fillRect(x, bbox.top, width, bbox.height);
      ctx.globalAlpha = 1;
    }
    if (kind === 'error' && isClear) fillTriangle(ctx, x, bbox.top, 5 * ratio);
    else
      ctx.fillRect(
        x - width / 2,
        kind === 'error' ? bbox.top : bbox.top + bbox.height - height,
        2 * width,
        height,
      );
  }
  ctx.restore();
}

/** Dashed lines with their words at the right; where a line is out of sight, an arrow and its words. */
export function drawLines(plot: UPlot, lines: readonly Line[], theme: Theme): void {
  const { ctx, bbox } = plot;
  const ratio = uPlot.pxRatio;
  const high = 1.4 * theme.fontSize * ratio;
  const written: { y: number; right: number }[] = [];
  for (const { value, label, severity } of lines) {
    const y = Math.round(plot.valToPos(value, 'y', true));
    const inSight = Math.min(bbox.top + bbox.height, Math.max(bbox.top, y));
    const words = Math.abs(y - inSight) <= 1 ? label : `${y < inSight ? '↑' : '↓'} ${label}`;
    ctx.save();
    if (words === label) strokeLine(plot, y, theme, severity);
    const neighbours = written.filter((other) => Math.abs(other.y - inSight) < high);
    const right = Math.min(bbox.left + bbox.width - 4 * ratio, ...neighbours.map((other) => other.right));
    const above = inSight - bbox.top > high;
    const width = writeOver(ctx, words, right, inSight + (above ? -4 : 4) * ratio, above, theme);
    written.push({ y: inSight, right: right - width - 12 * ratio });
    ctx.restore();
  }
}

function strokeLine({ ctx, bbox }: UPlot, y: number, theme: Theme, severity: Line['severity']): void {
  const ratio = uPlot.pxRatio;
  ctx.strokeStyle = severity ? theme.severities[severity] : theme.text;
  ctx.lineWidth = (severity ? 1.5 : 1) * ratio;
  ctx.setLineDash(severity ? [7 * ratio, 4 * ratio] : [2 * ratio, 4 * ratio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
}

/** On a halo of the ground, so that it can be read over lines; answers how wide it is. */
function writeOver(
  ctx: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  above: boolean,
  theme: Theme,
): number {
  ctx.setLineDash([]);
  ctx.font = theme.font.replace(/^[\d.]+px/, `${theme.fontSize * uPlot.pxRatio * 0.92}px`);
  ctx.textAlign = 'right';
  ctx.textBaseline = above ? 'bottom' : 'top';
  ctx.lineJoin = 'round';
  ctx.lineWidth = 4 * uPlot.pxRatio;
  ctx.strokeStyle = theme.surface;
  ctx.strokeText(text, x, y);
  ctx.fillStyle = theme.strong;
  ctx.fillText(text, x, y);
  return ctx.measureText(text).width;
}

/** Under the time axis: pending is hatched, recovering is hollow, firing is full. */
export function drawStates(
  plot: UPlot,
  stretches: readonly Stretch[],
  severityOf: (alert: string) => AlertAbout['severity'],
  theme: Theme,
): void {
  const { ctx, bbox } = plot;
  const ratio = uPlot.pxRatio;
  const [top, height] = [bbox.top + bbox.height + 2 * ratio, (BAND - 2) * ratio];
  ctx.save();
  ctx.fillStyle = theme.grid;
  ctx.fillRect(bbox.left, top, bbox.width, height);
  for (const { alert, state, from, to } of stretches) {
    const left = Math.max(bbox.left, plot.valToPos(from, 'x', true));
    const right = Math.min(bbox.left + bbox.width, plot.valToPos(to, 'x', true));
    if (right <= left) continue;
    const width = Math.max(2 * ratio, right - left);
    drawState(ctx, state, theme.severities[severityOf(alert)], theme.surface, [left, top, width, height]);
  }
  ctx.restore();
}

function drawState(
  ctx: CanvasRenderingContext2D,
  state: Active,
  colour: string,
  ground: string,
  [left, top, width, height]: readonly [number, number, number, number],
): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.fillStyle = state === 'firing' ? colour : ground;
  ctx.fillRect(left, top, width, height);
  ctx.strokeStyle = colour;
  ctx.lineWidth = height / 4;
  if (state === 'pending') {
    ctx.beginPath();
    for (let x = left - height; x < left + width; x += height * 0.75) {
      ctx.moveTo(x, top + height);
      ctx.lineTo(x + height, top);
    }
    ctx.stroke();
  }
  if (state === 'recovering') ctx.strokeRect(left, top, width, height);
  ctx.restore();
}

function fillTriangle(ctx: CanvasRenderingContext2D, x: number, top: number, size: number): void {
  ctx.beginPath();
  ctx.moveTo(x - size, top);
  ctx.lineTo(x + size, top);
  ctx.lineTo(x, top + 1.6 * size);
  ctx.fill();
}
