/** The alerts of the definition: state, since when, value, limit; the worst first. */
import type { About, AlertAbout, AlertInstance, AlertState, Alerts } from '../api.js';
import { STATES } from './alert-states.js';
import { byId, element } from './element.js';
import { formatCount, formatNumber } from './format.js';
import { formatAge, formatMoment } from './moments.js';

const NOTES: Readonly<Record<Alerts['evaluated'], string>> = {
  here: 'Evaluated here, every 10 s.',
  elsewhere:
    'Evaluated by Grafana, where readings go: their states are on its pages. These are the limits of the definition.',
  nowhere: 'Not evaluated, since nothing is being recorded. The charts show how they stood.',
};
const HEADS = ['State', 'Alert', 'Since', 'Value', 'Limit'];
const COMMON_LABELS = ['env', 'sensor'];

interface Row {
  readonly alert: AlertAbout;
  readonly instance: AlertInstance | undefined;
}

export class AlertTable {
  readonly root: HTMLElement;
  readonly #about: About;
  /** Alerts whose limits are lines in charts. */
  readonly #drawn: readonly AlertAbout[];
  readonly #body = element('tbody', { role: 'rowgroup' });
  readonly #note = element('p', { class: 'note' });

  constructor(about: About, drawn: readonly AlertAbout[]) {
    this.#about = about;
    this.#drawn = drawn;
    const heads = HEADS.map((head) => element('th', { scope: 'col', role: 'columnheader' }, head));
    const head = element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...heads));
    const table = element('table', { role: 'table', 'aria-labelledby': 'alerts-title' }, head, this.#body);
    const title = element('header', {}, element('h2', { id: 'alerts-title' }, 'Alerts'), this.#note);
    this.root = element('section', { id: 'alerts', class: 'section' }, title, table);
    this.root.hidden = about.alerts.length === 0;
  }

  show(alerts: Alerts, now: number): void {
    const evaluated = alerts.evaluated === 'here';
    this.#note.textContent = NOTES[alerts.evaluated];
    const rows = this.#about.alerts.flatMap((alert): Row[] => {
      const instances = alerts.instances.filter((instance) => instance.alert === alert.id);
      return instances.length === 0
        ? [{ alert, instance: undefined }]
        : instances.map((instance) => ({ alert, instance }));
    });
    const rank = ({ instance }: Row) => STATES[instance?.state ?? 'normal'].rank;
    rows.sort((one, other) => rank(one) - rank(other));
    this.#body.replaceChildren(...rows.map((row) => this.#row(row, evaluated, now)));
    showStrip(this.#about.alerts.length, alerts);
  }

  #row({ alert, instance }: Row, evaluated: boolean, now: number): HTMLElement {
    const state = instance?.state ?? 'normal';
    const unit = /[\d.] (\S+)$/.exec(alert.limit)?.[1];
    const value = instance?.value == null ? '–' : `${formatNumber(instance.value)}${unit ? ` ${unit}` : ''}`;
    const since = instance ? `${formatMoment(instance.since, now)}` : '–';
    const question = this.#drawn.includes(alert) ? alert.question : `${alert.question}; in no chart`;
    const row = element(
      'tr',
      { role: 'row' },
      cell('State', evaluated ? stateElement(state) : '–'),
      cell('Alert', ...aboutElements(alert, instance)),
      cell('Since', since, element('small', {}, instance ? `${formatAge(now - instance.since)} ago` : '')),
      cell('Value', value),
      cell('Limit', grouped(alert.limit), element('small', {}, question)),
    );
    row.dataset.alert = alert.id;
    row.dataset.state = state;
    row.dataset.severity = alert.severity;
    return row;
  }
}

/** Its numbers as those beside it; a unit may have digits too. */
function grouped(limit: string): string {
  return limit.replace(/(?<= )-?\d{4,15}(?= |$)/g, (digits) => formatCount(Number(digits)));
}

function aboutElements(
  { id, severity, summary }: AlertAbout,
  instance: AlertInstance | undefined,
): HTMLElement[] {
  const labels = Object.entries(instance?.labels ?? {}).filter(([label]) => !COMMON_LABELS.includes(label));
  const name = element('strong', {}, id);
  const tag = element('span', { class: 'severity' }, severity);
  const words = labels.map(([label, value]) => element('span', { class: 'label' }, `${label} ${value}`));
  return [name, tag, ...words, element('small', {}, summary)];
}

function stateElement(state: AlertState): HTMLElement {
  const shape = element('span', { class: 'shape', 'aria-hidden': 'true' }, STATES[state].shape);
  return element('span', { class: 'alert-state' }, shape, state);
}

function cell(head: string, ...children: (Node | string)[]): HTMLElement {
  return element('td', { role: 'cell', 'data-head': head }, ...children);
}

/** At the top of the page: how many alerts are in which state, and the name of the worst. */
function showStrip(count: number, { evaluated, instances }: Alerts): void {
  const strip = byId('alert-strip');
  const active = instances.filter(({ state }) => state !== 'normal');
  const [worst] = [...active].sort((one, other) => STATES[one.state].rank - STATES[other.state].rank);
  strip.dataset.state = worst?.state ?? 'normal';
  if (count === 0) strip.replaceChildren();
  else if (evaluated === 'elsewhere') strip.replaceChildren('alerts: in Grafana');
  else if (evaluated === 'nowhere') strip.replaceChildren('alerts: not evaluated');
  else if (!worst) strip.replaceChildren(stateElement('normal'), ' all alerts');
  else {
    const others = active.length === 1 ? '' : ` and ${active.length - 1} more`;
    strip.replaceChildren(stateElement(worst.state), ` ${worst.alert}${others}`);
  }
}
