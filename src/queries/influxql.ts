import { decimal, identifier, text } from './influxql-text.js';
import {
  type Label,
  type Measure,
  type Newest,
  type Numbers,
  type Question,
  type Stored,
  type Values,
  type Window,
  whenEmpty,
} from './query.js';

/**
 * Questions in InfluxQL, as InfluxDB 1.x, 2.x and 3 read it. Found by trying on influxd 1.6.7, and held by the
 * contract suite:
 *
 * - A time range belongs into the outermost WHERE: from there it bounds the subqueries too.
 * - `difference()` runs over all series of its group in the order of time, so the subquery is grouped by every tag,
 *   and the measures outside by the labels that are asked.
 * - A statement over several measurements answers for each of them, whatever is around it.
 * - Integers wrap at 64 bits in `spread`, `sum`, `mean` and `difference`.
 */
export interface InfluxScope {
  /** Where the readings are: the definition's measurement. */
  readonly measurement: string;
  readonly env?: TagMatch | undefined;
  readonly sensor?: TagMatch | undefined;
  /** Literal bounds, or Grafana's `$timeFilter`. */
  readonly time: Window | 'grafana';
}

/** The tag's value; or a dashboard's variable of several values, which Grafana fills in as `(a|b)`. */
export type TagMatch = string | { readonly variable: string };

/** One row for each answer, over the whole window. What no row means is said by `whenEmpty`. */
export function influxValue(question: Question, scope: InfluxScope): string {
  return `${select(question, scope)}${groupBy(question.by.map(identifier))}`;
}

/** A row for each bucket of `every` ms, or of Grafana's `$__interval`, that overlaps the window. */
export function influxSeries(question: Question, scope: InfluxScope, every: number | 'grafana'): string {
  const bucket = `time(${every === 'grafana' ? '$__interval' : `${every}ms`})`;
  const fill = ` fill(${whenEmpty(question) ?? 'null'})`;
  return `${select(question, scope)}${groupBy([bucket, ...question.by.map(identifier)])}${fill}`;
}

/**
 * Every number with its time, in the column `value`. A histogram in Grafana is made of these, with the
 * transformation's `bucketSize` and `bucketOffset`.
 */
export function influxPoints({ numbers, by }: Omit<Question, 'measures'>, scope: InfluxScope): string {
  const { column, from, where } = source(numbers, scope);
  return `SELECT ${column} AS "value" FROM ${from}${whereAll(where, scope)}${groupBy(by.map(identifier))}`;
}

/** The newest reading of each series; its time is the answer. */
export function influxNewest({ metrics, defects }: Newest, scope: InfluxScope): string {
  const columns = metrics.map(({ name }) => identifier(name)).join(', ');
  const where = whereAll([...tags(scope), ...defectTag(defects)], scope);
  const newest = 'GROUP BY "env", "sensor" ORDER BY time DESC LIMIT 1';
  return `SELECT ${columns} FROM ${identifier(scope.measurement)}${where} ${newest}`;
}

function select({ numbers, measures }: Question, scope: InfluxScope): string {
  const { column, from, where } = source(numbers, scope);
  const columns = measures.map((measure) => `${MEASURE_TEXTS[measure](column)} AS ${identifier(measure)}`);
  return `SELECT ${columns.join(', ')} FROM ${from}${whereAll(where, scope)}`;
}

const MEASURE_TEXTS: Record<Measure, (column: string) => string> = {
  mean: (column) => `mean(${column})`,
  min: (column) => `min(${column})`,
  max: (column) => `max(${column})`,
  spread: (column) => `spread(${column})`,
  stddev: (column) => `stddev(${column})`,
  count: (column) => `count(${column})`,
  repeats: (column) => `count(${column}) - count(distinct(${column}))`,
  last: (column) => `last(${column})`,
  sum: (column) => `sum(${column})`,
};

interface Source {
  readonly column: string;
  readonly from: string;
  readonly where: readonly string[];
}

function source(numbers: Numbers, scope: InfluxScope): Source {
  const stored = storedSource(numbers, scope);
  if (numbers.differences === undefined) return stored;
  const change = numbers.differences === 'all' ? 'difference' : 'non_negative_difference';
  const where = stored.where.length === 0 ? '' : ` WHERE ${stored.where.join(' AND ')}`;
  const series = groupBy(seriesTags(numbers).map(identifier));
  const from = `(SELECT ${change}(${stored.column}) AS "difference" FROM ${stored.from}${where}${series})`;
  return { column: '"difference"', from, where: [] };
}

function storedSource(stored: Stored, scope: InfluxScope): Source {
  switch (stored.of) {
    case 'values':
      return {
        column: identifier(stored.metric.name),
        from: identifier(scope.measurement),
        where: [...tags(scope), ...defectTag(stored.defects), ...above(stored)],
      };
    case 'errors':
      return { column: '"value"', from: stored.kinds.map(identifier).join(', '), where: tags(scope) };
    case 'runner':
      return { column: identifier(stored.field), from: '"runner"', where: tags(scope) };
  }
}

/** All the tags by which stored numbers fall into series. */
function seriesTags({ of }: Stored): (Label | 'defect')[] {
  if (of === 'values') return ['env', 'sensor', 'defect'];
  return of === 'errors' ? ['env', 'sensor', 'kind'] : ['env', 'sensor'];
}

function tags({ env, sensor }: InfluxScope): string[] {
  return [...tag('env', env), ...tag('sensor', sensor)];
}

function tag(name: Label, match: TagMatch | undefined): string[] {
  if (match === undefined) return [];
  if (typeof match === 'string') return [`${identifier(name)} = ${text(match)}`];
  return [`${identifier(name)} =~ /^$${match.variable}$/`];
}

function defectTag(defects: Values['defects']): string[] {
  return defects === 'included' ? [] : [`"defect" = '${defects === 'only'}'`];
}

function above({ metric, above: limit }: Values): string[] {
  return limit === undefined ? [] : [`${identifier(metric.name)} > ${decimal(limit)}`];
}

function whereAll(conditions: readonly string[], { time }: InfluxScope): string {
  const bounds = time === 'grafana' ? '$timeFilter' : `time >= ${time.fromMs}ms AND time <= ${time.toMs}ms`;
  return ` WHERE ${[...conditions, bounds].join(' AND ')}`;
}

function groupBy(columns: readonly string[]): string {
  return columns.length === 0 ? '' : ` GROUP BY ${columns.join(', ')}`;
}
