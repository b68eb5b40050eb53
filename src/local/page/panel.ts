/** One chart on the page: its words, the values under the crosshair, the canvas, and a way to its numbers. */
import type { AlertAbout } from '../api.js';
import { STATES, stateAt, stretchesOf } from './alert-states.js';
import type { Chart } from './chart.js';
import type { Data } from './data.js';
import { element } from './element.js';
import { formatShort } from './format.js';
import { formatLength, formatMoment } from './moments.js';
import { showNumbers } from './numbers.js';
import { Plot, type Shared } from './plot.js';
import { type Rows, rowAt } from './rows.js';

/** What a panel may ask of the page, by keyboard. */
export interface Keys {
  /** Every panel's crosshair goes there. */
  readonly pointAll: (time: number | null) => void;
  readonly zoom: (direction: 'in' | 'out') => void;
  readonly move: (direction: -1 | 1) => void;
}

export class Panel {
  readonly root: HTMLElement;
  readonly #chart: Chart;
  readonly #shared: Shared;
  readonly #keys: Keys;
  readonly #plot: Plot;
  readonly #canvas: HTMLElement;
  readonly #time = element('span', { class: 'at' });
  readonly #alert = element('span', { class: 'alert-at' });
  readonly #values: readonly HTMLElement[];
  readonly #every = element('span', { class: 'every' });
  #pointed: number | null = null;
  #now = 0;

  constructor(chart: Chart, heading: string, shared: Shared, keys: Keys) {
    const name = `${heading}: ${chart.title}`;
    this.#chart = chart;
    this.#shared = shared;
    this.#keys = keys;
    this.#values = chart.columns.map(() => element('b', {}, '–'));
    this.#canvas = element('div', {
      class: 'plot',
      role: 'slider',
      tabindex: '0',
      'aria-label': `${name}, crosshair`,
      'aria-valuemin': '0',
      'aria-valuemax': '0',
      'aria-valuenow': '0',
    });
    this.#plot = new Plot(this.#canvas, chart, shared, (time) => this.#point(time));
    this.#canvas.addEventListener('keydown', (event) => this.#press(event));
    this.#canvas.addEventListener('blur', () => keys.pointAll(null));
    this.root = this.#figure(name);
  }

  get name(): string {
    return this.#canvas.getAttribute('aria-label') ?? '';
  }

  /** Alerts whose limits are drawn in it. */
  get limits(): readonly AlertAbout[] {
    const { limits = [], columns } = this.#chart;
    return [...limits, ...columns.flatMap((column) => column.limits ?? [])];
  }

  /** Of the canvas' part for values, CSS pixels. */
  get width(): number {
    return this.#plot.width;
  }

  show(data: Data, now: number, evaluatedUntil: number): void {
    const rows = this.#chart.rows(data);
    if (rows === undefined) return;
    const stretches = stretchesOf(data.alerts, data.span, evaluatedUntil).filter(({ alert }) =>
      this.#chart.watched?.some(({ id }) => id === alert),
    );
    const marks = this.#chart.marks?.(data) ?? { defects: [], errors: [] };
    this.#now = now;
    this.#every.textContent = `each ${formatLength(rows.every)}`;
    this.#plot.update({ rows, marks, stretches });
    this.#canvas.toggleAttribute('data-empty', rows.times.length === 0);
    this.#tell();
  }

  point(time: number | null): void {
    this.#plot.point(time);
  }

  redraw(): void {
    this.#plot.redraw();
  }

  destroy(): void {
    this.#plot.destroy();
    this.root.remove();
  }

  #figure(name: string): HTMLElement {
    const { id, title, unit, columns, hint, lanes, width } = this.#chart;
    const numbers = element('button', { type: 'button', class: 'numbers', title: 'Show the numbers' }, '≡');
    numbers.setAttribute('aria-label', `Numbers of ${name}`);
    numbers.addEventListener('click', () => this.#showNumbers());
    const legend = element('p', { class: 'legend', 'aria-hidden': 'true' }, this.#time);
    columns.forEach(({ label, style }, index) => {
      if (lanes) return;
      const key = element('i', { class: `key key-${style}` });
      legend.append(element('span', { class: 'entry' }, key, `${label} `, this.#values[index] as Node));
    });
    legend.append(this.#alert);
    const heading = element('h3', { title: hint }, title);
    if (unit) heading.append(element('span', { class: 'unit' }, ` ${unit}`));
    heading.append(this.#every);
    const caption = element('figcaption', {}, element('div', { class: 'words' }, heading, numbers), legend);
    const figure = element('figure', { class: width, 'data-chart': id }, caption, this.#canvas);
    figure.dataset.colour = String(this.#chart.colour);
    return figure;
  }

  #point(time: number | null): void {
    this.#pointed = time;
    this.#tell();
  }

  /** The values under the crosshair, or the newest. */
  #tell(): void {
    const { rows, stretches } = this.#plot.drawn;
    const row = this.#pointed === null ? rows.times.length - 1 : rowAt(rows, this.#pointed);
    const time = row === null ? this.#pointed : rows.times[row];
    this.#time.textContent = this.#pointed === null || time == null ? '' : formatMoment(time, this.#now);
    this.#chart.columns.forEach(({ format }, index) => {
      const value = row === null ? null : (rows.columns[index]?.[row] ?? null);
      (this.#values[index] as HTMLElement).textContent = value === null ? '–' : format(value);
    });
    const state = stateAt(stretches, this.#pointed ?? this.#shared.span.to - 1);
    this.#alert.textContent = state ? `${STATES[state.state].shape} ${state.alert} ${state.state}` : '';
    if (this.#chart.lanes) this.#tellLanes(rows, row);
  }

  #tellLanes({ columns }: Rows, row: number | null): void {
    if (this.#pointed === null || row === null) return;
    const told = this.#chart.columns
      .map(({ label }, lane) => ({ label, count: Number(columns[lane]?.[row] ?? 0) }))
      .filter(({ count }) => count > 0)
      .map(({ label, count }) => `${label} ${formatShort(count)}`);
    this.#time.append(told.length === 0 ? '  none' : `  ${told.join(', ')}`);
  }

  #press(event: KeyboardEvent): void {
    const { times } = this.#plot.drawn.rows;
    const last = times.length - 1;
    const row = this.#pointed === null ? last : (rowAt(this.#plot.drawn.rows, this.#pointed) ?? last);
    const step = event.shiftKey ? 10 : 1;
    const rows: Record<string, number> = {
      ArrowLeft: this.#pointed === null ? last : row - step,
      ArrowRight: row + step,
      Home: 0,
      End: last,
    };
    const to = rows[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (to !== undefined) this.#goTo(Math.min(last, Math.max(0, to)));
    else if (event.key === 'Escape') this.#keys.pointAll(null);
    else if (event.key === 'PageUp' || event.key === 'PageDown')
      this.#keys.move(event.key === 'PageUp' ? -1 : 1);
    else if (event.key === '+' || event.key === '-') this.#keys.zoom(event.key === '+' ? 'in' : 'out');
    else if (event.key === 'Enter') this.#showNumbers();
    else return;
    event.preventDefault();
  }

  /** A moving present does not move what is read aloud: it changes with the keys only. */
  #goTo(row: number): void {
    const { times, every } = this.#plot.drawn.rows;
    const time = times[row];
    if (time === undefined) return;
    this.#keys.pointAll(
      this.#chart.columns.some(({ style }) => style === 'line' || style === 'thin') ? time : time + every / 2,
    );
    this.#canvas.setAttribute('aria-valuemax', String(times.length - 1));
    this.#canvas.setAttribute('aria-valuenow', String(row));
    const legend = this.root.querySelectorAll('.at, .entry, .alert-at');
    this.#canvas.setAttribute(
      'aria-valuetext',
      [...legend].map((part) => part.textContent?.trim()).join(', '),
    );
  }

  #showNumbers(): void {
    showNumbers(this.name.replace(/, crosshair$/, ''), this.#chart, this.#plot.drawn.rows);
  }
}
