/** What is drawn on a chart besides its line: defect marks and the unit. */
import type { Theme } from './theme.js';
import uPlot from './uplot.js';

const TICK_HEIGHT = 8;
/** With more defect marks than this, the lines up from them fade so that they do not drown the values. */
const CLEAR_MARKS = 20;

/** Ticks on the time axis, each with a faint line up so that one can see what it stands beside. */
export function drawDefects(uplot: uPlot, times: readonly number[], theme: Theme): void {
  const { ctx, bbox } = uplot;
  const width = Math.max(1, Math.round(uPlot.pxRatio));
  const height = TICK_HEIGHT * uPlot.pxRatio;
  const faint = 0.3 * Math.min(1, CLEAR_MARKS / times.length);
  ctx.save();
  ctx.fillStyle = theme.defect;
  for (const time of times) {
    const x = Math.round(uplot.valToPos(time, 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.globalAlpha = faint;
    ctx.fillRect(x, bbox.top, width, bbox.height);
    ctx.globalAlpha = 1;
    ctx.fillRect(x - width / 2, bbox.top + bbox.height - height, 2 * width, height);
  }
  ctx.restore();
}

/** Above the vertical axis, from its line on. */
export function drawUnit({ ctx, bbox }: uPlot, unit: string, theme: Theme): void {
  ctx.save();
  ctx.scale(uPlot.pxRatio, uPlot.pxRatio);
  ctx.font = theme.font;
  ctx.fillStyle = theme.text;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'alphabetic';
  ctx.fillText(unit, bbox.left / uPlot.pxRatio, bbox.top / uPlot.pxRatio - theme.fontSize / 2);
  ctx.restore();
}
