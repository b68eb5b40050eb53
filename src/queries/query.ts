import {
  type Definition,
  type ErrorKind,
  errorKinds,
  type Metric,
  type Query,
  type RandomValue,
} from '../definition.js';

/**
 * What is asked of the data, said once: measures (mean, spread, ...) of numbers (a metric's values, their
 * differences, error counts, the runner's own metrics). `influxql.ts` says it in InfluxQL, `sql.ts` in DuckDB's
 * SQL; a contract suite compares their answers. The shapes in which a question can be answered are theirs: a value
 * over a window, a series of buckets, single points, a histogram.
 *
 * A window holds both of its ends, `from <= time <= to` in whole ms. Half-open windows would tile without overlap,
 * but Grafana's `$timeFilter` is inclusive and takes no other, and an alert must see the same rows in both engines.
 * Differences lie between consecutive lines that are both within the window; a difference has the time of its
 * later line, and never spans two series (env, sensor) or a defect and a healthy line.
 */
export interface Question {
  readonly numbers: Numbers;
  /** Each is a column of the answer, of that name. */
  readonly measures: readonly Measure[];
  /** An answer for each combination of these labels. */
  readonly by: readonly Label[];
}

/** `stddev` is that of a sample; `repeats` is the count of numbers less the count of distinct ones. */
export const MEASURES = [
  'mean',
  'min',
  'max',
  'spread',
  'stddev',
  'count',
  'repeats',
  'last',
  'sum',
] as const;
export type Measure = (typeof MEASURES)[number];

export type SeriesLabel = 'env' | 'sensor';
export type Label = SeriesLabel | 'kind';

/** What is stored, or the differences between consecutive ones of it: all, or those that are no fall. */
export type Numbers = Stored & { readonly differences?: 'all' | 'non-negative' };
export type Stored = Values | Errors | RunnerValues;

export interface Values {
  readonly of: 'values';
  readonly metric: MetricColumn;
  readonly defects: Query['defects'];
  /** Only values above this. */
  readonly above?: number | undefined;
}

export interface Errors {
  readonly of: 'errors';
  readonly kinds: readonly ErrorKind[];
}

export interface RunnerValues {
  readonly of: 'runner';
  readonly field: RunnerField;
}

export type MetricColumn = Pick<Metric, 'name' | 'type'>;

/** The fields of the measurement `runner`; those after `defects` are not written by every kind of run. */
export const RUNNER_FIELDS = [
  'read',
  'delivered',
  'queued',
  'rejected',
  'dropped',
  'restarts',
  'errors',
  'defects',
  'buffer_bytes',
  'buffer_age_ms',
  'write_ms',
  'blocked_ms',
] as const;
export type RunnerField = (typeof RUNNER_FIELDS)[number];

/** The time of the newest reading that has one of these metrics, which should be all of them. */
export interface Newest {
  readonly metrics: readonly MetricColumn[];
  readonly defects: Query['defects'];
}

/** Both ends are inside; ms since the epoch, whole. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Errors are always asked by kind as well: each kind is a measurement of its own, InfluxQL adds nothing up across
 * measurements, and its answers would share their labels, which Grafana refuses in a rule.
 */
export function ask(
  numbers: Numbers,
  measures: readonly Measure[],
  by: readonly SeriesLabel[] = ['env', 'sensor'],
): Question {
  return { numbers, measures, by: numbers.of === 'errors' ? [...by, 'kind'] : by };
}

export function values(
  { name, type }: MetricColumn,
  { defects = 'excluded', above }: Partial<Pick<Values, 'defects' | 'above'>> = {},
): Values {
  return { of: 'values', metric: { name, type }, defects, above };
}

export function errors(kinds: readonly ErrorKind[]): Errors {
  return { of: 'errors', kinds };
}

export function runner(field: RunnerField): RunnerValues {
  return { of: 'runner', field };
}

export function differences(stored: Stored): Numbers {
  return { ...stored, differences: 'all' };
}

/** The differences without the falls: what a counter has gained, its resets left out. */
export function increases(stored: Stored): Numbers {
  return { ...stored, differences: 'non-negative' };
}

/**
 * How many defect lines there were: the values of a line of zeros are all there, so any metric can tell, and this
 * takes the first.
 */
export function defectCount({ metrics: [first] }: Definition): Question {
  return ask(values(first as Metric, { defects: 'only' }), ['count']);
}

/** An alert's query: one measure. `errors: any` has an answer for each kind, and is met when one of them is. */
export function alertQuestion(query: Query, definition: Definition): Question {
  const { aggregate, of, defects, above } = query;
  if (aggregate === 'errors') {
    return ask(errors(of === 'any' ? errorKinds(definition) : [of as ErrorKind]), ['sum']);
  }
  const metric = definition.metrics.find(({ name }) => name === of);
  if (metric === undefined) throw new Error(`${of} is no metric of ${definition.name}`);
  const asked = values(metric, { defects, above });
  if (aggregate === 'rate') return ask(increases(asked), ['mean']);
  if (aggregate === 'min_difference') return ask(differences(asked), ['min']);
  return ask(asked, [aggregate]);
}

/**
 * What no answer means: nothing counted is 0, while a mean, a rate or a last value of nothing is unknown. InfluxQL
 * never answers 0 when no row matches, so its users must ask this; `answers.ts` leaves such answers out likewise.
 */
export function whenEmpty({ numbers, measures }: Pick<Question, 'numbers' | 'measures'>): 0 | null {
  const counts = (measure: Measure) =>
    measure === 'count' || measure === 'repeats' || (measure === 'sum' && numbers.of === 'errors');
  return measures.every(counts) ? 0 : null;
}

export const HISTOGRAM_BUCKETS = 10;

/** The edges of a random value's histogram, one more than buckets; the top one belongs to the last bucket. */
export function histogramEdges({ range: [low, high] }: Pick<RandomValue, 'range'>): number[] {
  return Array.from({ length: HISTOGRAM_BUCKETS + 1 }, (_, edge) =>
    edge === HISTOGRAM_BUCKETS ? high : low + ((high - low) * edge) / HISTOGRAM_BUCKETS,
  );
}
