/** How many errors of each kind the visible time has, and what each kind means. */
import type { Series } from '../api.js';
import { countsOf, DEFECTS, kindWords } from './charts-of-runner.js';
import { element } from './element.js';
import { formatCount } from './format.js';

export class ErrorList {
  readonly root: HTMLElement;
  readonly #totals: ReadonlyMap<string, HTMLElement>;

  constructor(kinds: readonly string[]) {
    this.#totals = new Map(kinds.map((kind) => [kind, element('dd', {}, '–')]));
    const rows = [...this.#totals].map(([kind, total]) => {
      const term = element('dt', { title: kindWords(kind) }, kind, element('small', {}, kindWords(kind)));
      return element('div', { 'data-kind': kind }, term, total);
    });
    const title = element('div', { class: 'words' }, element('h3', {}, 'in this time'));
    this.root = element('div', { class: 'side error-list' }, title, element('dl', {}, ...rows));
  }

  show(series: Series): void {
    for (const [kind, total] of this.#totals) {
      const count = countsOf(series, kind).reduce((sum, each) => sum + each, 0);
      total.textContent = formatCount(count);
      total.parentElement?.toggleAttribute('data-some', count > 0 && kind !== DEFECTS);
    }
  }
}
