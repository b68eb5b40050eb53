/** How uPlot is set up for a chart: its axes, its crosshair, its selection. */
import type { Column } from './chart.js';
import type { UPlot } from './drawing.js';
import { formatTicks } from './format.js';
import { BAND } from './marks.js';
import type { Plot } from './plot.js';
import { rowAt } from './rows.js';
import { STEPS, timeLabel, timesBetween } from './time-axis.js';

/** Room to the right of the time axis, in pixels. */
const RIGHT = 12;

export function optionsOf(plot: Plot): Omit<UPlot.Options, 'width' | 'height'> {
  const { chart, shared } = plot;
  return {
    ms: 1,
    padding: [0.7 * shared.theme.fontSize, RIGHT, 0, 0],
    legend: { show: false },
    cursor: cursorOf(plot),
    scales: {
      x: { time: true, range: () => [shared.span.from, shared.span.to] },
      y: { range: (uplot) => plot.rangeOf(uplot) },
    },
    axes: [timeAxis(plot), valueAxis(plot)],
    series: [{}, ...chart.columns.map((column, index) => seriesOf(plot, column, index + 1))],
    hooks: {
      drawAxes: [(uplot) => plot.drawBehind(uplot)],
      draw: [(uplot) => plot.drawInFront(uplot)],
      setCursor: [(uplot) => plot.pointAt(uplot)],
      setSelect: [(uplot) => plot.select(uplot)],
    },
  };
}

/** One crosshair for all charts; a selection stays in its own. */
function cursorOf(plot: Plot): UPlot.Cursor {
  const { chart, shared } = plot;
  const dots = (column: number) => ['line', 'thin'].includes(chart.columns[column - 1]?.style ?? '');
  return {
    y: false,
    drag: { x: true, y: false, setScale: false, dist: 4 },
    dataIdx: (_, __, ___, time) => rowAt(plot.drawn.rows, time),
    points: {
      size: (_, column) => (dots(column) ? 8 : 0),
      width: (_, column) => (dots(column) ? 2 : 0),
      fill: () => shared.theme.surface,
    },
    bind: {
      mousedown: (_, __, handler) => (event) => {
        shared.dragging = true;
        document.addEventListener('mouseup', () => (shared.dragging = false), { once: true });
        return handler(event);
      },
      dblclick: () => () => {
        shared.zoomOut();
        return null;
      },
    },
    sync: {
      key: 'time',
      scales: ['x', null],
      filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave' },
    },
  };
}

function seriesOf(plot: Plot, { style }: Column, index: number): UPlot.Series {
  const { shared, chart } = plot;
  const colour = (alpha = '') => `${shared.theme.lines[chart.colour % shared.theme.lines.length]}${alpha}`;
  const widths: Partial<Record<Column['style'], number>> = {
    line: 0.14,
    thin: 0.09,
    stairs: 0.14,
    dashed: 0.12,
  };
  return {
    scale: 'y',
    width: (widths[style] ?? 0) * shared.theme.fontSize,
    stroke: () => (style === 'dashed' ? shared.theme.strong : colour()),
    fill: () => colour(style === 'bars' ? 'cc' : '38'),
    ...(style === 'dashed' ? { dash: [6, 4] } : {}),
    points: { show: false },
    paths: (uplot) => plot.pathOf(uplot, index),
  };
}

function timeAxis(plot: Plot): UPlot.Axis {
  const { chart, shared } = plot;
  const { font, fontSize } = shared.theme;
  const grid = { stroke: () => shared.theme.grid, width: 1 };
  const band = chart.watched?.length ? BAND : 0;
  return {
    font,
    stroke: () => shared.theme.text,
    grid: { show: false },
    ticks: { ...grid, size: 4 + band },
    border: { show: true, ...grid },
    size: 1.9 * fontSize + band,
    gap: 4,
    space: 6.5 * fontSize,
    incrs: [...STEPS],
    splits: (_, __, from, to, step) => timesBetween(from, to, step),
    values: (_, times, __, ___, step) =>
      times.map((time) => {
        // None where it would be cut off at the right.
        const label = timeLabel(time, step);
        const { from, to } = shared.span;
        const room = ((to - time) / (to - from)) * plot.width + RIGHT;
        return room < (label.length * fontSize) / 3.5 ? '' : label;
      }),
  };
}

function valueAxis(plot: Plot): UPlot.Axis {
  const { chart, shared } = plot;
  const grid = { stroke: () => shared.theme.grid, width: 1 };
  return {
    font: shared.theme.font,
    stroke: () => shared.theme.text,
    grid: chart.lanes ? { show: false } : grid,
    ticks: { show: false },
    gap: 6,
    space: 1,
    size: (uplot, values) => gutter(plot, uplot, values),
    incrs: () => [chart.lanes ? 1 : plot.scale.step],
    splits: () => (chart.lanes ? [] : [...plot.scale.ticks]),
    values: (_, splits) => (chart.lanes ? [] : formatTicks(splits, plot.scale.step)),
  };
}

/** No narrower than the widest of all charts. */
function gutter({ shared }: Plot, { ctx }: UPlot, values: readonly string[] | null): number {
  ctx.save();
  ctx.font = shared.theme.font;
  const widest = Math.max(0, ...(values ?? []).map((value) => ctx.measureText(value).width));
  ctx.restore();
  const needed = Math.ceil(widest) + 10;
  if (needed > shared.gutter) {
    shared.gutter = needed;
    shared.widened();
  }
  return shared.gutter;
}
