/** How often a random value fell into which tenth of its range: bars, and the same numbers in words. */
import type { Histogram, MetricAbout } from '../api.js';
import { element } from './element.js';
import { formatCount, formatShort } from './format.js';

export class HistogramPanel {
  readonly root: HTMLElement;
  readonly metric: string;
  readonly #bars = element('ol', { class: 'bars' });
  readonly #ends = element('p', { class: 'ends', 'aria-hidden': 'true' });
  readonly #total = element('p', { class: 'legend' });

  constructor({ name }: MetricAbout, colour: number) {
    this.metric = name;
    const hint = 'Each bar is a tenth of the range. All should be about as tall, at the dashed line.';
    const words = element('div', { class: 'words' }, element('h3', { title: hint }, 'histogram'));
    const caption = element('figcaption', {}, words, this.#total);
    this.#bars.setAttribute('aria-label', `Histogram of ${name}`);
    const body = element('div', { class: 'histogram' }, this.#bars, this.#ends);
    this.root = element('figure', { class: 'side', 'data-chart': `${name}.histogram` }, caption, body);
    this.root.dataset.colour = String(colour);
  }

  show({ edges, counts, below, above }: Histogram): void {
    const most = Math.max(1, ...counts);
    const inside = counts.reduce((sum, count) => sum + count, 0);
    const bars = counts.map((count, index) => {
      const words = `${formatShort(edges[index] ?? 0)} to ${formatShort(edges[index + 1] ?? 0)}: ${formatCount(count)}`;
      const bar = element('li', { title: words }, element('span', { class: 'sr-only' }, words));
      bar.style.setProperty('--share', String(count / most));
      return bar;
    });
    this.#bars.replaceChildren(...bars);
    this.#bars.style.setProperty('--even', String(inside / Math.max(1, counts.length) / most));
    this.#ends.replaceChildren(
      ...[edges[0], edges.at(-1)].map((edge) => element('span', {}, formatShort(edge ?? 0))),
    );
    const outside =
      below + above === 0 ? 'none outside' : `${formatCount(below)} below, ${formatCount(above)} above`;
    this.#total.replaceChildren(
      element('span', {}, element('b', {}, formatCount(inside)), ` values, ${outside}`),
    );
  }
}
