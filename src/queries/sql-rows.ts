import type { Newest, Numbers, Stored, Values, Window } from './query.js';
import { decimal, identifier, text, timestamp } from './sql-text.js';

/** What part of the embedded store is asked. */
export interface SqlScope {
  /** Every environment where it is not given. */
  readonly env?: string | undefined;
  readonly time: Window;
}

/** Rows of env, ns, value, and kind for errors; never without a value. */
export function source(numbers: Numbers, scope: SqlScope): string {
  const stored = storedRows(numbers, scope);
  if (numbers.differences === undefined) return stored;
  const value = isInteger(numbers) ? 'value::HUGEINT' : 'value';
  const wanted = numbers.differences === 'all' ? 'value IS NOT NULL' : 'value >= 0';
  return `SELECT * FROM (SELECT * REPLACE (${value} - lag(value) OVER (${consecutive(numbers, scope)}) AS value)
FROM (${stored})) WHERE ${wanted}`;
}

/**
 * Where only one series is asked, an empty OVER takes the rows as they are stored, which is in the order of time
 * (`store/readings.ts`) and needs no sorting: 30 days in less than half the time. DuckDB keeps that order:
 * https://duckdb.org/docs/stable/sql/dialect/order_preservation
 */
function consecutive(stored: Stored, { env }: SqlScope): string {
  const series = [
    ...(env === undefined ? ['env'] : []),
    ...(stored.of === 'values' && stored.defects === 'included' ? ['defect'] : []),
    ...(stored.of === 'errors' ? ['kind'] : []),
  ];
  return series.length === 0 ? '' : `PARTITION BY ${series.join(', ')} ORDER BY ns`;
}

function storedRows(stored: Stored, scope: SqlScope): string {
  const where = conditions(scope);
  switch (stored.of) {
    case 'values': {
      const value = column(stored.metric.name);
      const limit = stored.above === undefined ? [] : [`${value} > ${decimal(stored.above)}`];
      const wanted = [...where, ...defectRows(stored.defects), `${value} IS NOT NULL`, ...limit];
      return `SELECT env, defect, epoch_ns(time) AS ns, ${value} AS value FROM readings
WHERE ${wanted.join(' AND ')}`;
    }
    case 'errors':
      return `SELECT env, kind, epoch_ns(time) AS ns, value FROM errors
WHERE ${[...where, `kind IN (${stored.kinds.map(text).join(', ')})`].join(' AND ')}`;
    case 'runner':
      return `SELECT env, epoch_ns(time) AS ns, value FROM runner
WHERE ${[...where, `field = ${text(stored.field)}`].join(' AND ')}`;
  }
}

/** The condition on readings that have one of these metrics. */
export function readingRows({ metrics, defects }: Newest, scope: SqlScope): string {
  const some = metrics.map(({ name }) => `${column(name)} IS NOT NULL`).join(' OR ');
  return [...conditions(scope), ...defectRows(defects), `(${some})`].join(' AND ');
}

export function isInteger(numbers: Numbers): boolean {
  return numbers.of !== 'values' || numbers.metric.type === 'integer';
}

function conditions({ env, time }: SqlScope): string[] {
  return [
    `time >= ${timestamp(time.fromMs)}`,
    `time <= ${timestamp(time.toMs)}`,
    ...(env === undefined ? [] : [`env = ${text(env)}`]),
  ];
}

function defectRows(defects: Values['defects']): string[] {
  if (defects === 'included') return [];
  return [defects === 'only' ? 'defect' : 'NOT defect'];
}

/** With its table's name, so that a metric named `ns` or `value` is not taken for what we call so. */
function column(name: string): string {
  return `readings.${identifier(name)}`;
}
