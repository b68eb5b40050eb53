/** The name of a metric and its newest value, in full, and how much of its capacity that is. */
import type { MetricAbout } from '../api.js';
import { element } from './element.js';
import { formatLatest, formatShort } from './format.js';

const NO_VALUE = '–';

export class MetricHeading {
  readonly root: HTMLElement;
  readonly #metric: MetricAbout;
  readonly #value = element('span', { class: 'value' }, NO_VALUE);
  readonly #fill = element('span', { class: 'fill' });

  constructor(metric: MetricAbout, id: string, colour: number) {
    this.#metric = metric;
    const { name, kind, unit, capacity } = metric;
    const latest = element('p', { class: 'latest' }, this.#value);
    const of = [capacity === undefined ? '' : `of ${formatShort(capacity)}`, unit ?? ''].join(' ').trim();
    if (of) latest.append(element('span', { class: 'unit' }, of));
    if (capacity !== undefined)
      latest.append(element('span', { class: 'capacity', 'aria-hidden': 'true' }, this.#fill));
    const words = element('h2', { id: `${id}-title` }, name);
    this.root = element('header', {}, words, element('p', { class: 'kind' }, kind), latest);
    this.root.dataset.colour = String(colour);
  }

  show(latest: string | null): void {
    this.#value.textContent = latest === null ? NO_VALUE : formatLatest(latest, this.#metric);
    const share = latest === null ? 0 : Number(latest) / (this.#metric.capacity ?? 1);
    this.#fill.style.setProperty('--share', String(Math.min(1, Math.max(0, share))));
  }
}
