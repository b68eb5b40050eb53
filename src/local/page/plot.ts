/** The canvas of one metric: its line, its band, its axes, by uPlot. */
import type { Metric } from '../wire.js';
import { formatMinute, formatTicks, formatTime } from './format.js';
import type { Line } from './history.js';
import { drawDefects, drawUnit } from './marks.js';
import { type Scale, scaleFor } from './scale.js';
import type { Theme } from './theme.js';
import uPlot from './uplot.js';

/** What all charts of the page have in common. */
export interface Shared {
  theme: Theme;
  /** The time axis. */
  start: number;
  end: number;
  /** Width of the widest axis labels so far: one for all, so that the time axes stand in line. */
  gutter: number;
  /** The gutter has grown: every chart has to be drawn anew. */
  readonly widened: () => void;
}

const MINUTE = 60_000;
/** A time axis shorter than this is labelled to the second. */
const SHORT = 4 * MINUTE;
/** Room to the right of the time axis, in pixels. */
const RIGHT = 14;
/** From this distance on, in pixels, single values are shown as dots on the line. */
const DOT_DISTANCE = 12;
const EMPTY: Line = {
  time: [],
  mean: [],
  min: [],
  max: [],
  lone: [],
  lowest: Number.POSITIVE_INFINITY,
  highest: Number.NEGATIVE_INFINITY,
  spread: false,
};

/** Fills `target`, and goes with its size. `pointed` is told the index of the point under the crosshair. */
export class Plot {
  readonly #target: HTMLElement;
  readonly #metric: Metric;
  readonly #colourIndex: number;
  readonly #shared: Shared;
  readonly #pointed: (index: number | null) => void;
  readonly #observer: ResizeObserver;
  #line: Line = EMPTY;
  #defects: readonly number[] = [];
  #scale: Scale = scaleFor(0, 1, 4);
  #uplot: uPlot | undefined;

  constructor(
    target: HTMLElement,
    metric: Metric,
    colourIndex: number,
    shared: Shared,
    pointed: (index: number | null) => void,
  ) {
    this.#target = target;
    this.#metric = metric;
    this.#colourIndex = colourIndex;
    this.#shared = shared;
    this.#pointed = pointed;
    this.#observer = new ResizeObserver(() => this.#fit());
    this.#observer.observe(target);
  }

  update(line: Line, defects: readonly number[]): void {
    this.#line = line;
    this.#defects = defects;
    this.#uplot?.setData(dataOf(line));
  }

  /** Draws anew with the shared colours, time axis and gutter. */
  redraw(): void {
    this.#uplot?.redraw(true, true);
  }

  destroy(): void {
    this.#observer.disconnect();
    this.#uplot?.destroy();
  }

  /** There is no canvas before there is room for it. */
  #fit(): void {
    const size = { width: this.#target.clientWidth, height: this.#target.clientHeight };
    if (size.width === 0 || size.height === 0) return;
    if (this.#uplot) this.#uplot.setSize(size);
    else this.#uplot = new uPlot(this.#options(size), dataOf(this.#line), this.#target);
  }

  #options(size: { width: number; height: number }): uPlot.Options {
    const shared = this.#shared;
    const { font, fontSize } = shared.theme;
    const text = () => shared.theme.text;
    const grid = { stroke: () => shared.theme.grid, width: 1 };
    const edge = () => ({ scale: 'y', width: 0, points: { show: false } });
    return {
      ...size,
      ms: 1,
      padding: [1.75 * fontSize, RIGHT, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: false, y: false },
        points: {
          size: (_, series) => (series === 1 ? 8 : 0),
          width: (_, series) => (series === 1 ? 2 : 0),
          fill: () => shared.theme.surface,
        },
        sync: { key: 'time', scales: ['x', null] },
      },
      scales: {
        x: { time: true, range: () => [shared.start, shared.end] },
        y: { range: (uplot) => this.#range(uplot) },
      },
      axes: [
        {
          font,
          stroke: text,
          grid: { show: false },
          ticks: { ...grid, size: 5 },
          border: { show: true, ...grid },
          size: 2.25 * fontSize,
          gap: 6,
          space: () => fontSize * (this.#isShort() ? 7 : 4),
          incrs: () =>
            this.#isShort() ? [MINUTE / 6, MINUTE / 2, MINUTE] : [MINUTE, 2 * MINUTE, 5 * MINUTE],
          splits: (_, __, min, max, step) => multiples(min, max, step),
          values: (uplot, splits) => splits.map((time) => this.#timeLabel(uplot, time)),
        },
        {
          font,
          stroke: text,
          grid,
          ticks: { show: false },
          gap: 8,
          space: 1,
          size: (uplot, values) => this.#gutter(uplot, values),
          incrs: () => [this.#scale.step],
          splits: () => [...this.#scale.ticks],
          values: (_, splits) => formatTicks(splits, this.#scale.step),
        },
      ],
      series: [
        {},
        {
          scale: 'y',
          width: (this.#metric.kind === 'random' ? 0.08 : 0.14) * fontSize,
          stroke: () => this.#colour(this.#metric.kind === 'random' ? 'cc' : ''),
          points: {
            show: (uplot) => this.#isSparse(uplot),
            filter: (_, __, show) => (show ? null : this.#line.lone),
            size: 5,
            fill: () => this.#colour(),
            stroke: () => this.#colour(),
          },
        },
        edge(),
        edge(),
      ],
      bands: [{ series: [3, 2], fill: () => this.#colour('33') }],
      hooks: {
        drawAxes: [(uplot) => this.#drawMarks(uplot)],
        setLegend: [(uplot) => this.#pointed(uplot.cursor.idx ?? null)],
      },
    };
  }

  #colour(alpha = ''): string {
    const { lines } = this.#shared.theme;
    return `${lines[this.#colourIndex]}${alpha}`;
  }

  #range(uplot: uPlot): [number, number] {
    const { lowest, highest } = this.#line;
    const { fontSize } = this.#shared.theme;
    const parts = Math.max(2, Math.min(6, Math.floor((uplot.height - 4 * fontSize) / (2.6 * fontSize))));
    this.#scale = lowest <= highest ? scaleFor(lowest, highest, parts) : scaleFor(0, 1, parts);
    return [this.#scale.min, this.#scale.max];
  }

  #gutter(uplot: uPlot, values: readonly string[] | null): number {
    uplot.ctx.save();
    uplot.ctx.font = this.#shared.theme.font;
    const widest = Math.max(0, ...(values ?? []).map((value) => uplot.ctx.measureText(value).width));
    uplot.ctx.restore();
    const needed = Math.ceil(widest) + 16;
    if (needed > this.#shared.gutter) {
      this.#shared.gutter = needed;
      this.#shared.widened();
    }
    return this.#shared.gutter;
  }

  #isSparse(uplot: uPlot): boolean {
    const { time } = this.#line;
    const span = (time.at(-1) ?? 0) - (time[0] ?? 0);
    if (time.length < 2) return true;
    const { start, end } = this.#shared;
    return (span / (time.length - 1) / (end - start)) * uplot.over.clientWidth >= DOT_DISTANCE;
  }

  /** None where it would be cut off at the right. */
  #timeLabel(uplot: uPlot, time: number): string {
    const label = this.#isShort() ? formatTime(time) : formatMinute(time);
    const { start, end, theme } = this.#shared;
    const room = ((end - time) / (end - start)) * uplot.over.clientWidth + RIGHT;
    return room < (label.length * theme.fontSize) / 3.5 ? '' : label;
  }

  #isShort(): boolean {
    return this.#shared.end - this.#shared.start < SHORT;
  }

  #drawMarks(uplot: uPlot): void {
    const { theme } = this.#shared;
    if (this.#metric.unit) drawUnit(uplot, this.#metric.unit, theme);
    drawDefects(uplot, this.#defects, theme);
  }
}

function multiples(min: number, max: number, step: number): number[] {
  const first = Math.ceil(min / step);
  return Array.from({ length: Math.floor(max / step) - first + 1 }, (_, index) => (first + index) * step);
}

function dataOf(line: Line): uPlot.AlignedData {
  return line.spread
    ? [line.time, line.mean, line.min, line.max]
    : [line.time, line.mean, line.mean, line.mean];
}
