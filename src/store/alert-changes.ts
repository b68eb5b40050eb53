/**
 * How alerts have changed, in a table of its own in the embedded store:
 *
 *     alert_changes  time, env, alert, labels, old_state, new_state, value      one row a change
 *
 * `labels` is a JSON object, its names in order. The order of the rows is that of the changes, also where several
 * have the same time. All statements are single ones, to be run on a connection of their own: on the writer's they
 * would fall into the transaction of its batch, and share its fate. There is no table before the first change.
 */
import type { Change } from '../alerting/evaluate.js';
import type { State } from '../alerting/state.js';
import type { Rows } from '../queries/answers.js';
import { text, timestamp } from '../queries/sql-text.js';

/** An alert's change of state; `alert` is its id, as in the definition of then. */
export interface AlertChange extends Change {
  readonly alert: string;
}

const TABLE = 'alert_changes';

/** All of them or none. */
export async function appendAlertChanges(
  rows: Rows,
  env: string,
  changes: readonly AlertChange[],
): Promise<void> {
  if (changes.length === 0) return;
  await rows(`CREATE TABLE IF NOT EXISTS ${TABLE} (
    time TIMESTAMP_NS NOT NULL, env VARCHAR NOT NULL, alert VARCHAR NOT NULL, labels VARCHAR NOT NULL,
    old_state VARCHAR NOT NULL, new_state VARCHAR NOT NULL, value DOUBLE)`);
  const values = changes.map(({ alert, labels, from, to, at, value }) => {
    const texts = [env, alert, labelsText(labels), from, to].map(text);
    // With an exponent: without one DuckDB takes it for a decimal, and rounds it twice.
    return `(${timestamp(at)}, ${texts.join(', ')}, ${value === null ? 'NULL' : value.toExponential()})`;
  });
  await rows(`INSERT INTO ${TABLE} VALUES ${values.join(', ')}`);
}

/**
 * The changes of an environment from `fromMs` to `toMs`, both inside, the oldest first; before them, for each
 * instance, the last one before `fromMs`: what held when the range began.
 */
export async function readAlertChanges(
  rows: Rows,
  env: string,
  fromMs: number,
  toMs: number,
): Promise<AlertChange[]> {
  if (!(await hasTable(rows))) return [];
  const found = await rows(`SELECT epoch_ms(time), alert, labels, old_state, new_state, value FROM (
    SELECT rowid AS position, * FROM ${TABLE} WHERE env = ${text(env)} AND time <= ${timestamp(toMs)}
    QUALIFY time >= ${timestamp(fromMs)} OR row_number() OVER (
      PARTITION BY alert, labels, time < ${timestamp(fromMs)} ORDER BY time DESC, position DESC) = 1
  ) ORDER BY time, position`);
  return found.map(([at, alert, labels, from, to, value]) => ({
    alert: alert as string,
    labels: JSON.parse(labels as string),
    from: from as State,
    to: to as State,
    at: Number(at),
    value: value as number | null,
  }));
}

/** Forgets what is older, but for what still held then: an instance that is not normal keeps its last change. */
export async function forgetAlertChanges(rows: Rows, olderThanMs: number): Promise<void> {
  if (!(await hasTable(rows))) return;
  await rows(`DELETE FROM ${TABLE} WHERE rowid IN (
    SELECT position FROM (SELECT rowid AS position, * FROM ${TABLE} WHERE time < ${timestamp(olderThanMs)})
    QUALIFY new_state = 'normal' OR row_number() OVER (
      PARTITION BY env, alert, labels ORDER BY time DESC, position DESC) > 1)`);
}

async function hasTable(rows: Rows): Promise<boolean> {
  const found = await rows(`SELECT 1 FROM information_schema.tables WHERE table_name = '${TABLE}'`);
  return found.length > 0;
}

function labelsText(labels: Change['labels']): string {
  return JSON.stringify(labels, Object.keys(labels).sort());
}
