/** The numbers of a chart as a table, in full: what is drawn, for who cannot see it or wants to copy it. */
import type { Chart } from './chart.js';
import { byId, element } from './element.js';
import type { Rows } from './rows.js';

export function showNumbers(name: string, { columns, unit }: Chart, { times, columns: values }: Rows): void {
  const heads = ['time', ...columns.map(({ label }) => (unit ? `${label} (${unit})` : label))];
  const head = element('tr', {}, ...heads.map((text) => element('th', { scope: 'col' }, text)));
  const rows = times.map((time, row) => {
    const at = element(
      'th',
      { scope: 'row' },
      element('time', { datetime: new Date(time).toISOString() }, local(time)),
    );
    const cells = values.map((column) => element('td', {}, String(column[row] ?? '–')));
    return element('tr', {}, at, ...cells);
  });
  const table = element('table', {}, element('thead', {}, head), element('tbody', {}, ...rows));
  const dialog = byId('numbers') as HTMLDialogElement;
  byId('numbers-title').textContent = `${name}, ${times.length} rows`;
  const scroll = dialog.querySelector('.scroll');
  scroll?.replaceChildren(table);
  // Or it could not be scrolled by keyboard.
  scroll?.setAttribute('tabindex', '0');
  dialog.showModal();
}

/** With its ms, as a bucket may be shorter than a second. */
function local(time: number): string {
  const at = new Date(time - new Date(time).getTimezoneOffset() * 60_000);
  return at
    .toISOString()
    .replace('T', ' ')
    .replace('Z', '')
    .replace(/\.000$/, '');
}
