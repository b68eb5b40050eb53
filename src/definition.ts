/**
 * The sensor definition: the one declarative model from which parsing, tags, error metrics, dashboards and
 * alerts are derived. `definition-file.ts` reads it from YAML.
 */
export interface Definition {
  /** The tag `sensor`, and the name of the state directory. */
  readonly name: string;
  /** The measurement that the readings are written to. */
  readonly measurement: string;
  /** `whitespace` (any run of blanks and tabs) or the literal text between two values. */
  readonly separator: string;
  /** In the order of the line's columns. */
  readonly metrics: readonly Metric[];
  readonly defect: 'all-zero' | 'none';
  readonly alerts: readonly Alert[];
  /** Who is told of alerts. */
  readonly notify: readonly Receiver[];
}

export type Metric = Gauge | RandomValue | Counter;

interface MetricBase {
  readonly name: string;
  readonly type: 'float' | 'integer';
  readonly unit?: string | undefined;
}

export interface Gauge extends MetricBase {
  readonly kind: 'gauge';
  /** The value at which what is measured is fully used, in `unit`. */
  readonly capacity?: number | undefined;
}

export interface RandomValue extends MetricBase {
  readonly kind: 'random';
  /** Lowest and highest value that the sensor can print. */
  readonly range: readonly [number, number];
}

export interface Counter extends MetricBase {
  readonly kind: 'counter';
  /** By how much it rises from one line to the next. */
  readonly rate?: number | undefined;
}

/** Fires when the query's value has met the condition for `forMs` without a break. */
export interface Alert {
  readonly id: string;
  readonly query: Query;
  readonly condition: Condition;
  readonly forMs: number;
  /** How long it goes on firing after the condition has ended, so that it does not flap. */
  readonly keepFiringMs: number;
  /** What is done when it fires, at most once in `cooldownMs`. */
  readonly action?: 'restart-sensor' | undefined;
  readonly cooldownMs: number;
  readonly severity: Severity;
  readonly summary: string;
  readonly description?: string | undefined;
}

export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** `outside: [low, high]` is met below low or above high; the limits themselves are inside. */
export type Condition =
  | { readonly above: number }
  | { readonly below: number }
  | { readonly equals: number }
  | { readonly outside: readonly [number, number] };

/** One number asked of the last `overMs` milliseconds of the data. */
export interface Query {
  readonly aggregate: Aggregate;
  /** A metric's name; for `errors` an error kind or `any`. */
  readonly of: string;
  readonly overMs: number;
  /** `count` only: how many values are above this. */
  readonly above?: number | undefined;
  /** Which rows are asked: those that are no defect, only defects, or both. */
  readonly defects: 'excluded' | 'only' | 'included';
}

/** Who is told of alerts; secrets such as keys and tokens come from the environment, never from the definition. */
export type Receiver = ReceiverBase & (Email | Addressed | Keyed);

export interface ReceiverBase {
  /** Unique; its type unless it is given. */
  readonly name: string;
  /** Of which alerts it is told. */
  readonly severities: readonly Severity[];
}

export interface Email {
  readonly type: 'email';
  readonly to: readonly string[];
}

/** `alertmanager` is told by Visualizer itself only, since it routes alerts as Grafana does. */
export interface Addressed {
  readonly type: 'webhook' | 'alertmanager';
  readonly url: string;
}

export interface Keyed {
  readonly type: 'slack' | 'pagerduty' | 'opsgenie' | 'victorops';
}

/**
 * What can be asked of a metric over a window: `rate` is the mean non-negative difference between lines,
 * `min_difference` the smallest one, `repeats` the count of values less the count of distinct values.
 * `errors` is the sum of an error kind.
 */
export const AGGREGATES = [
  'mean',
  'min',
  'max',
  'spread',
  'stddev',
  'count',
  'repeats',
  'rate',
  'min_difference',
  'last',
  'errors',
] as const;
export type Aggregate = (typeof AGGREGATES)[number];

/** The kinds of error that every runner has; each metric adds its own, `error.<metric>`. */
export const RUNNER_ERROR_KINDS = [
  'error.line',
  'error.sensor_exit',
  'error.sensor_stuck',
  'batch_sending_error',
  'connectivity_error',
  'error.buffer_overflow',
] as const;

export type ErrorKind = (typeof RUNNER_ERROR_KINDS)[number] | `error.${string}`;

/** Whether a live sensor may well print the same line again and again: it has nothing that changes with each line. */
export function mayRepeat({ metrics }: Pick<Definition, 'metrics'>): boolean {
  return !metrics.some(
    (metric) => metric.kind === 'random' || (metric.kind === 'counter' && metric.rate !== undefined),
  );
}

/** Every error kind of a definition: each is a measurement, written at least every 10 s. */
export function errorKinds(definition: Pick<Definition, 'metrics'>): ErrorKind[] {
  return [...definition.metrics.map(({ name }) => `error.${name}` as const), ...RUNNER_ERROR_KINDS];
}
