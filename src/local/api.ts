/**
 * What the server says to the page, and to whoever else asks, as JSON. Times are milliseconds since the epoch.
 * Columns rather than rows: the same key a thousand times is most of the bytes. An integer that a double cannot
 * hold is text; null is unknown.
 *
 *     GET /api/status                                    Status
 *     GET /api/series?from=&to=&points=[&metric=][&part=][&measure=]  Series; everything, or only these metrics (named
 *                                                        each by a `metric`), parts (`defects`, `errors`, `runner`)
 *                                                        and measures
 *     GET /api/histogram?metric=&from=&to=               Histogram
 *     GET /api/alerts?from=&to=                          Alerts
 *     GET /events                                        server-sent events: `status` (Status) at once and when it
 *                                                        changes, at most twice a second, `still` (nothing) each second
 *                                                        where it has not; `alert` (AlertChange)
 *     GET /healthz, /readyz                              {"status":"ok"}; readyz 503 where readings cannot be stored
 *     POST /hooks/alerts                                 the webhook body of Grafana or Alertmanager
 *     POST /logout                                       where `about.login` is true: ends the login, 303 to /login
 *
 * A bad parameter is answered by 400 and {"error": "...", "parameter": "<its name>"}. Where a token is asked for,
 * 401 is the answer to whoever has not logged in (any more): the login is at /login, `/` leads there. 503 says that
 * the store cannot be read just now, or that too many ask: try again soon.
 */

export type Numeric = number | string | null;

export interface Status {
  /** Differs after a restart of the run or a new definition: everything is to be asked for anew. */
  readonly run: string;
  readonly about: About;
  /** The server's clock. */
  readonly now: number;
  /** Absent where nothing is being recorded (`visualizer view`). */
  readonly recording?: Recording;
  /** Of the newest reading, null before the first. */
  readonly newest: number | null;
  /** Of the oldest reading that can be asked for. */
  readonly oldest: number | null;
  /** The newest value of each metric in full, in the order of `about.metrics`. */
  readonly latest: readonly (string | null)[];
}

export interface About {
  readonly sensor: string;
  readonly env: string;
  /** Where readings are, in words: `embedded store` or `InfluxDB at host:port`. */
  readonly destination: string;
  /** How far back can be asked, ms; 600,000 where readings go to an InfluxDB, since this page keeps only those. */
  readonly reachMs: number;
  readonly metrics: readonly MetricAbout[];
  readonly alerts: readonly AlertAbout[];
  /** The defect kind of the definition is counted. */
  readonly defects: boolean;
  /** A token is asked for: somebody who looks at this has logged in, and may want to log out. */
  readonly login?: boolean | undefined;
}

export interface MetricAbout {
  readonly name: string;
  readonly kind: 'gauge' | 'random' | 'counter';
  readonly type: 'float' | 'integer';
  readonly unit?: string | undefined;
  readonly capacity?: number | undefined;
  readonly range?: readonly [number, number] | undefined;
  readonly rate?: number | undefined;
}

export interface AlertAbout {
  readonly id: string;
  readonly severity: 'info' | 'warning' | 'critical';
  readonly summary: string;
  /** `Mean of cpu_load over 1m` */
  readonly question: string;
  /** `above 7 cores` */
  readonly limit: string;
  readonly condition: Condition;
  /** The metric it is about; absent for errors. */
  readonly metric?: string | undefined;
  /** What of it: mean, spread, stddev, ..., errors. */
  readonly aggregate: string;
  /** Where it counts errors or defect lines: an error's kind, `any`, or `defects`. */
  readonly counts?: string | undefined;
  /** Of its window. */
  readonly overMs: number;
  readonly forMs: number;
}

export type Condition =
  | { readonly above: number }
  | { readonly below: number }
  | { readonly equals: number }
  | { readonly outside: readonly [number, number] };

export interface Recording {
  readonly since: number;
  readonly state: 'connecting' | 'online' | 'offline' | 'held' | 'recording' | 'failing';
  /** In lines since the run started, but for `errors` and `restarts`. */
  readonly counters: {
    readonly read: number;
    readonly stored: number;
    readonly queued: number;
    readonly rejected: number;
    readonly dropped: number;
    readonly errors: number;
    readonly defects: number;
    readonly restarts: number;
  };
}

/** Of everything there is, bucket by bucket; `points` is the most that may come. */
export interface Series {
  /** The range in whole buckets: where the first begins and the last ends, which may lie outside of what was asked. */
  readonly from: number;
  readonly to: number;
  /** The width of a bucket, ms. */
  readonly every: number;
  /** The start of each bucket. */
  readonly times: readonly number[];
  /** By metric, then by measure (below); a column has an entry for each time. */
  readonly metrics: Readonly<Record<string, Readonly<Partial<Record<SeriesMeasure, readonly Numeric[]>>>>>;
  readonly defects: readonly number[];
  /** By error kind; only those that occurred. */
  readonly errors: Readonly<Record<string, readonly number[]>>;
  /** By field of the runner's own metrics: `read` and so on as increases, `queued`, `blocked_ms`, ... the highest of the bucket. */
  readonly runner: Readonly<Record<string, readonly Numeric[]>>;
}

/**
 * gauge: mean, min, max, spread, count; random: mean, min, max, stddev, repeats, count;
 * counter: last, increase (mean non-negative difference between lines), min_difference, count.
 */
export const SERIES_MEASURES = [
  'mean',
  'min',
  'max',
  'spread',
  'stddev',
  'repeats',
  'last',
  'increase',
  'min_difference',
  'count',
] as const;
export type SeriesMeasure = (typeof SERIES_MEASURES)[number];

/** Ten equal buckets over a random value's range. */
export interface Histogram {
  readonly metric: string;
  readonly edges: readonly number[];
  readonly counts: readonly number[];
  readonly below: number;
  readonly above: number;
}

export interface Alerts {
  /**
   * `elsewhere`: by Grafana, where readings go to an InfluxDB; then the rest is empty. `nowhere`: nothing is being
   * recorded; then no alert stands anywhere, and `changes` are those that were.
   */
  readonly evaluated: 'here' | 'elsewhere' | 'nowhere';
  readonly instances: readonly AlertInstance[];
  /** Changes of state from `from` to `to`, the oldest first, preceded by the last one before `from` of each instance. */
  readonly changes: readonly AlertChange[];
}

export type AlertState = 'normal' | 'pending' | 'firing' | 'recovering';

export interface AlertInstance {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: AlertState;
  readonly since: number;
  readonly value: number | null;
}

export interface AlertChange {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly from: AlertState;
  readonly to: AlertState;
  readonly at: number;
  readonly value: number | null;
}
