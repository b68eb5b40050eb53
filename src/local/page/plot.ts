/** The canvas of one chart, by uPlot: it gives axes, crosshair and selection; what is drawn is ours. */
import type { Chart, Drawn } from './chart.js';
import { NO_MARKS } from './chart.js';
import { type UPlot, uPlot } from './drawing.js';
import { drawLane, laneLines } from './lanes.js';
import { drawLines, drawMarks, drawStates, limitLines } from './marks.js';
import { barsPath, linePath, numbersOf, stairsPath } from './paths.js';
import { optionsOf } from './plot-options.js';
import { type Scale, scaleFor } from './scale.js';
import type { Theme } from './theme.js';
import type { Span } from './view.js';

/** What all charts of the page have in common. */
export interface Shared {
  theme: Theme;
  /** The time axis. */
  span: Span;
  /** Width of the widest axis labels so far: one for all, so that the time axes stand in line. */
  gutter: number;
  /** A selection is under way: what is drawn has to stay as it is. */
  dragging: boolean;
  /** The gutter has grown: every chart has to be drawn anew. */
  readonly widened: () => void;
  readonly zoomTo: (from: number, to: number) => void;
  readonly zoomOut: () => void;
}

/** What axes take of the width, about. */
const GUTTER = 60;
const EMPTY: Drawn = { rows: { times: [], columns: [], every: 1 }, marks: NO_MARKS, stretches: [] };

/** Fills `target`, and goes with its size. `pointed` is told the time under the crosshair. */
export class Plot {
  readonly chart: Chart;
  readonly shared: Shared;
  readonly #target: HTMLElement;
  readonly #pointed: (time: number | null) => void;
  readonly #observer: ResizeObserver;
  #drawn = EMPTY;
  #isReady = false;
  #scale: Scale = scaleFor(0, 1, 4);
  #plot: UPlot | undefined;

  constructor(target: HTMLElement, chart: Chart, shared: Shared, pointed: (time: number | null) => void) {
    this.chart = chart;
    this.shared = shared;
    this.#target = target;
    this.#pointed = pointed;
    this.#observer = new ResizeObserver(() => this.#fit());
    this.#observer.observe(target);
  }

  update(drawn: Drawn): void {
    this.#drawn = drawn;
    this.#isReady = true;
    if (this.#plot) this.#plot.setData(this.#data());
    else this.#fit();
  }

  /** Draws anew with the shared colours, time axis and gutter. */
  redraw(): void {
    const { from, to } = this.shared.span;
    this.#plot?.batch(() => {
      this.#plot?.setScale('x', { min: from, max: to });
      this.#plot?.redraw(true, true);
    });
  }

  destroy(): void {
    this.#observer.disconnect();
    this.#plot?.destroy();
  }

  /** Of the part that values are drawn in, CSS pixels; about that much before there is one. */
  get width(): number {
    return this.#plot?.over.clientWidth || Math.max(100, this.#target.clientWidth - GUTTER);
  }

  get drawn(): Drawn {
    return this.#drawn;
  }

  get scale(): Scale {
    return this.#scale;
  }

  /** Puts the crosshair at a time, or away. */
  point(time: number | null): void {
    if (!this.#plot) return;
    const left = time === null ? -10 : this.#plot.valToPos(time, 'x');
    this.#plot.setCursor({ left, top: time === null ? -10 : this.#plot.over.clientHeight / 2 });
  }

  /** All that is drawn and the lines that lie near it, in round steps. */
  rangeOf(plot: UPlot): [number, number] {
    const { lanes, holds, columns } = this.chart;
    if (lanes) return [0, columns.length];
    const values = this.#data()
      .slice(1)
      .flatMap((column) => [...(column as (number | null)[])])
      .filter((value) => value !== null);
    if (holds !== undefined) values.push(holds);
    if (columns.some(({ style }) => style === 'bars')) values.push(0);
    let low = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
    let high = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    const near = high - low || Math.abs(high) / 2;
    for (const { value } of this.#lines()) {
      if (value > high && value - high <= near) high = value;
      if (value < low && low - value <= near) low = value;
    }
    const { fontSize } = this.shared.theme;
    const parts = Math.max(2, Math.min(6, Math.floor((plot.height - 4 * fontSize) / (2.6 * fontSize))));
    this.#scale = low <= high ? scaleFor(low, high, parts) : scaleFor(0, 1, parts);
    return [this.#scale.min, this.#scale.max];
  }

  pathOf(plot: UPlot, column: number): UPlot.Series.Paths | null {
    const { rows } = this.#drawn;
    switch (this.chart.columns[column - 1]?.style) {
      case 'line':
      case 'thin':
        return linePath(plot, rows, plot.data);
      case 'stairs':
      case 'dashed':
        return stairsPath(plot, rows, plot.data, column);
      case 'bars':
        return barsPath(plot, rows, plot.data, column);
      default:
        return null;
    }
  }

  /** Beneath the values. */
  drawBehind(plot: UPlot): void {
    const { marks } = this.#drawn;
    drawMarks(plot, marks.defects, 'defect', this.shared.theme);
    drawMarks(plot, marks.errors, 'error', this.shared.theme);
  }

  /** Over the values. */
  drawInFront(plot: UPlot): void {
    const { chart, shared } = this;
    const { rows, stretches } = this.#drawn;
    if (chart.lanes) {
      chart.columns.forEach((column, lane) => {
        drawLane(plot, rows, [lane, chart.columns.length], column, shared.theme);
      });
    }
    drawLines(plot, this.#lines(), shared.theme);
    const { watched } = chart;
    if (!watched?.length) return;
    const severityOf = (alert: string) => watched.find(({ id }) => id === alert)?.severity ?? 'warning';
    drawStates(plot, stretches, severityOf, shared.theme);
  }

  pointAt(plot: UPlot): void {
    const left = plot.cursor.left ?? -1;
    this.#pointed(left < 0 ? null : plot.posToVal(left, 'x'));
  }

  select(plot: UPlot): void {
    const { left, width } = plot.select;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (width > 6) this.shared.zoomTo(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'));
  }

  #lines() {
    if (this.chart.lanes) return laneLines(this.chart.columns, this.#drawn.rows);
    return [...limitLines(this.chart.limits ?? []), ...(this.chart.references ?? [])];
  }

  #data(): UPlot.AlignedData {
    const { times } = this.#drawn.rows;
    const columns = this.chart.columns.map(
      (_, index) => this.#drawn.rows.columns[index] ?? times.map(() => null),
    );
    return [[...times], ...columns.map(numbersOf)];
  }

  /** There is no canvas before there is room for it and something to draw, or its axes would jump. */
  #fit(): void {
    const size = { width: this.#target.clientWidth, height: this.#target.clientHeight };
    if (size.width === 0 || size.height === 0 || !this.#isReady) return;
    if (this.#plot) this.#plot.setSize(size);
    else this.#plot = new uPlot({ ...optionsOf(this), ...size }, this.#data(), this.#target);
  }
}
