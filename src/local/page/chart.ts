/** One metric's chart: a heading with the newest value, and the last ten minutes beneath. */
import type { Metric } from '../wire.js';
import { element } from './element.js';
import { formatFloat, formatLatest, formatTime } from './format.js';
import type { Line } from './history.js';
import { Plot, type Shared } from './plot.js';

const NO_VALUE = '–';

export class Chart {
  readonly root: HTMLElement;
  readonly #metric: Metric;
  readonly #plot: Plot;
  readonly #canvas = element('div', { class: 'plot', role: 'img' });
  readonly #latest = element('span', { class: 'value' }, NO_VALUE);
  readonly #pointed = element('p', { class: 'pointed' });
  #line: Line | undefined;

  constructor(metric: Metric, index: number, shared: Shared) {
    const colourIndex = index % shared.theme.lines.length;
    this.#metric = metric;
    this.#plot = new Plot(this.#canvas, metric, colourIndex, shared, (at) => this.#tellPointed(at));
    this.root = this.#figure(`metric-${index}`);
    this.root.dataset.line = String(colourIndex);
  }

  update(line: Line, defects: readonly number[], latest: string | null): void {
    this.#line = line;
    this.#latest.textContent = latest === null ? NO_VALUE : formatLatest(latest, this.#metric);
    this.#canvas.setAttribute('aria-label', this.#inWords(line, defects.length));
    this.#plot.update(line, defects);
  }

  redraw(): void {
    this.#plot.redraw();
  }

  destroy(): void {
    this.#plot.destroy();
    this.root.remove();
  }

  #figure(id: string): HTMLElement {
    const { name, kind, unit } = this.#metric;
    const value = element('p', { class: 'latest' }, this.#latest);
    if (unit) value.append(element('span', { class: 'unit' }, unit));
    const heading = element('h2', { id }, name);
    const words = element(
      'div',
      { class: 'name' },
      heading,
      element('p', { class: 'kind' }, kind),
      this.#pointed,
    );
    return element(
      'figure',
      { 'aria-labelledby': id },
      element('figcaption', {}, words, value),
      this.#canvas,
    );
  }

  #inWords({ lowest, highest }: Line, defects: number): string {
    const { name, unit } = this.#metric;
    const range =
      lowest <= highest ? `${formatFloat(lowest)} to ${formatFloat(highest)} ${unit ?? ''}` : 'no values';
    return `${name}, last ten minutes: ${range.trim()}; buckets with defect rows: ${defects}`;
  }

  /** The value under the crosshair. */
  #tellPointed(index: number | null): void {
    const mean = index === null ? null : this.#line?.mean[index];
    if (index === null || mean == null || !this.#line) {
      this.#pointed.textContent = '';
      return;
    }
    const [min, max] = [this.#line.min[index] ?? mean, this.#line.max[index] ?? mean];
    const spread = min === max ? '' : ` (${formatFloat(min)} to ${formatFloat(max)})`;
    const exact = this.#metric.type === 'integer' && Number.isSafeInteger(mean);
    const value = exact ? formatLatest(String(mean), this.#metric) : formatFloat(mean);
    this.#pointed.textContent = `${formatTime(this.#line.time[index] ?? 0)}  ${value}${spread}`;
  }
}
