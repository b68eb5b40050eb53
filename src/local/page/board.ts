/** All sections of a definition, each with its charts; what is answered is drawn in all of them at once. */
import type { About, Status } from '../api.js';
import { AlertTable } from './alert-table.js';
import type { Chart } from './chart.js';
import { chartsOfMetric } from './charts-of-metric.js';
import { errorKindsOf, errorsChart, runnerCharts } from './charts-of-runner.js';
import type { Data } from './data.js';
import { element } from './element.js';
import { ErrorList } from './error-list.js';
import { HistogramPanel } from './histogram.js';
import { MetricHeading } from './metric-heading.js';
import { type Keys, Panel } from './panel.js';
import type { Shared } from './plot.js';

const HELP =
  'Drag across a chart to zoom in, double-click to zoom out. With the keyboard: Tab to a chart, arrow keys move the crosshair, + and − zoom, Page Up and Page Down move in time, Enter shows the numbers.';

export class Board {
  readonly root = element('div', { class: 'board' });
  readonly about: About;
  readonly kinds: readonly string[];
  readonly #shared: Shared;
  readonly #keys: Keys;
  readonly #panels: Panel[] = [];
  readonly #histograms: HistogramPanel[] = [];
  readonly #headings: MetricHeading[] = [];
  readonly #alerts: AlertTable;
  readonly #errors: ErrorList;

  /** `otherKinds`: kinds of errors that only an older definition has. */
  constructor(about: About, otherKinds: readonly string[], shared: Shared, keys: Omit<Keys, 'pointAll'>) {
    this.about = about;
    this.#shared = shared;
    this.#keys = { ...keys, pointAll: (time) => this.point(time) };
    const kinds = errorKindsOf(about, otherKinds);
    this.kinds = kinds;
    this.#errors = new ErrorList(kinds);
    const errors = this.#section('errors', 'Errors', [errorsChart(about, kinds)]);
    errors.lastElementChild?.append(this.#errors.root);
    const metrics = about.metrics.map((_, index) => this.#metricSection(index));
    this.#alerts = new AlertTable(
      about,
      this.#panels.flatMap(({ limits }) => limits),
    );
    this.root.append(
      ...metrics,
      this.#alerts.root,
      errors,
      this.#section('runner', 'Runner', runnerCharts()),
      element('p', { class: 'help' }, HELP),
    );
  }

  /** Of the widest chart, CSS pixels. */
  get pixels(): number {
    return Math.max(...this.#panels.map(({ width }) => width));
  }

  showStatus({ latest }: Status): void {
    for (const [index, heading] of this.#headings.entries()) heading.show(latest[index] ?? null);
  }

  show(data: Data, now: number, evaluatedUntil: number): void {
    for (const panel of this.#panels) panel.show(data, now, evaluatedUntil);
    for (const histogram of this.#histograms) {
      const answer = data.coarse?.histograms.get(histogram.metric);
      if (answer) histogram.show(answer);
    }
    if (data.coarse) this.#errors.show(data.coarse);
    this.#alerts.show(data.alerts, now);
  }

  point(time: number | null): void {
    for (const panel of this.#panels) panel.point(time);
  }

  redraw(): void {
    for (const panel of this.#panels) panel.redraw();
  }

  destroy(): void {
    for (const panel of this.#panels) panel.destroy();
    this.root.remove();
  }

  #metricSection(index: number): HTMLElement {
    const metric = this.about.metrics[index] as About['metrics'][number];
    const heading = new MetricHeading(metric, `metric-${index}`, index % 4);
    this.#headings.push(heading);
    const section = this.#section(
      `metric-${index}`,
      metric.name,
      chartsOfMetric(metric, index % 4, this.about),
    );
    section.firstElementChild?.replaceWith(heading.root);
    section.dataset.colour = String(index % 4);
    if (metric.kind === 'random') {
      const histogram = new HistogramPanel(metric, index % 4);
      this.#histograms.push(histogram);
      section.lastElementChild?.children[0]?.after(histogram.root);
    }
    return section;
  }

  #section(id: string, title: string, charts: readonly Chart[]): HTMLElement {
    const panels = charts.map((chart) => new Panel(chart, title, this.#shared, this.#keys));
    this.#panels.push(...panels);
    const heading = element('header', {}, element('h2', { id: `${id}-title` }, title));
    const grid = element('div', { class: 'charts' }, ...panels.map(({ root }) => root));
    return element('section', { id, class: 'section', 'aria-labelledby': `${id}-title` }, heading, grid);
  }
}
