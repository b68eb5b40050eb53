/**
 * Questions in DuckDB's SQL, over the embedded store's tables (`store/duckdb.ts`). A store has one sensor, so the
 * label `sensor` stands for nothing here. The columns of an answer are its labels ({@link sqlLabels}), then what
 * was asked; an answer that no row matches is not there, as in InfluxQL. `answers.ts` reads them.
 */
import type { Label, Measure, Newest, Numbers, Question } from './query.js';
import { isInteger, readingRows, type SqlScope, source } from './sql-rows.js';
import { decimal, nanoseconds } from './sql-text.js';

/** Labels, then the measures: one row an answer. */
export function sqlValue({ numbers, measures, by }: Question, scope: SqlScope): string {
  const columns = [...sqlLabels(by), ...measures.map((measure) => measured(measure, numbers))];
  return `SELECT ${columns.join(', ')} FROM (${source(numbers, scope)})
${groupBy(sqlLabels(by))} HAVING count(value) > 0${orderBy(sqlLabels(by))}`;
}

/**
 * Labels, the bucket's start in ms, the measures: one row for each bucket that holds something. Integer division of
 * `epoch_ns` was measured a third faster than `time_bucket`.
 */
export function sqlSeries({ numbers, measures, by }: Question, scope: SqlScope, every: number): string {
  const columns = measures.map((measure) => measured(measure, numbers));
  const start = `ns // ${nanoseconds(every)} * ${every} AS start`;
  const groups = [...sqlLabels(by), 'start'];
  return `SELECT ${[...sqlLabels(by), start, ...columns].join(', ')} FROM (${source(numbers, scope)})
${groupBy(groups)}${orderBy(groups)}`;
}

/** Labels, time in ns, value: every number. */
export function sqlPoints({ numbers, by }: Omit<Question, 'measures'>, scope: SqlScope): string {
  const order = [...sqlLabels(by), 'ns'];
  return `SELECT ${[...order, 'value'].join(', ')} FROM (${source(numbers, scope)})${orderBy(order)}`;
}

/** Labels, how many numbers are below the first edge, in each bucket, and above the last edge. */
export function sqlHistogram(
  { numbers, by }: Omit<Question, 'measures'>,
  edges: readonly number[],
  scope: SqlScope,
): string {
  const texts = edges.map(decimal);
  const [low, high] = [texts[0], texts.at(-1)];
  const buckets = texts.slice(1).map((edge, index) => {
    return `value >= ${texts[index]} AND value ${edge === high ? '<=' : '<'} ${edge}`;
  });
  const counts = [`value < ${low}`, ...buckets, `value > ${high}`].map(
    (condition) => `count(*) FILTER (${condition})`,
  );
  return `SELECT ${[...sqlLabels(by), ...counts].join(', ')} FROM (${source(numbers, scope)})
${groupBy(sqlLabels(by))} HAVING count(value) > 0${orderBy(sqlLabels(by))}`;
}

/** Environment, time of its newest reading in ns. */
export function sqlNewest(newest: Newest, scope: SqlScope): string {
  return `SELECT env, epoch_ns(max(time)) FROM readings WHERE ${readingRows(newest, scope)}
GROUP BY env ORDER BY env`;
}

export function sqlLabels(by: readonly Label[]): Exclude<Label, 'sensor'>[] {
  return by.filter((label) => label !== 'sensor');
}

/** Integers are wide enough here for any sum or difference of 64 bits; DuckDB would refuse an overflow. */
function measured(measure: Measure, numbers: Numbers): string {
  switch (measure) {
    case 'mean':
      return 'avg(value)';
    case 'spread':
      return isInteger(numbers) ? 'max(value)::HUGEINT - min(value)' : 'max(value) - min(value)';
    case 'stddev':
      return isInteger(numbers) ? 'stddev_samp(value)' : FLOAT_STDDEV;
    case 'repeats':
      // A list of the values would be a third faster, but has to fit into memory: 20 million of them do not.
      return 'count(value) - count(DISTINCT value)';
    case 'last':
      return 'arg_max(value, ns)';
    default:
      return `${measure}(value)`;
  }
}

/** DuckDB refuses the whole query where a square is beyond a double: then this one number is unknown. */
const FLOAT_STDDEV =
  'CASE WHEN max(abs(value)) < 1e150 THEN stddev_samp(value) FILTER (abs(value) < 1e150) END';

function groupBy(columns: readonly string[]): string {
  return columns.length === 0 ? '' : `GROUP BY ${columns.join(', ')}`;
}

function orderBy(columns: readonly string[]): string {
  return columns.length === 0 ? '' : ` ORDER BY ${columns.join(', ')}`;
}
