/**
 * What the server says to the page, as JSON: `/api/recent` and the event `snapshot` carry a Snapshot, the event
 * `change` a Change. Columns rather than rows, because the same key a thousand times is most of the bytes.
 */

export interface Metric {
  readonly name: string;
  readonly kind: 'gauge' | 'random' | 'counter';
  readonly type: 'float' | 'integer';
  readonly unit?: string | undefined;
}

export interface About {
  readonly sensor: string;
  readonly env: string;
  /** Where the run writes, in words: `embedded store` or `InfluxDB at host:port`. */
  readonly destination: string;
  readonly metrics: readonly Metric[];
  readonly windowMs: number;
  readonly bucketMs: number;
}

/** The run's ledger, in lines since it started, and how often the sensor was restarted. */
export interface Counters {
  readonly read: number;
  readonly stored: number;
  readonly queued: number;
  readonly rejected: number;
  readonly dropped: number;
  readonly errors: number;
  readonly defects: number;
  readonly restarts: number;
}

/** One metric over the buckets. `mean`, `min` and `max` are null exactly where `count` is 0. */
export interface Column {
  readonly count: readonly number[];
  readonly mean: readonly (number | null)[];
  readonly min: readonly (number | null)[];
  readonly max: readonly (number | null)[];
}

/** Buckets in rising order of time. Each is the whole truth about its half second, not an increment. */
export interface Buckets {
  /** Rises with every batch; ask for what changed since it. */
  readonly revision: number;
  /** Start of each bucket, in milliseconds since the epoch. */
  readonly time: readonly number[];
  /** Defect rows in each bucket; their values are in no column. */
  readonly defects: readonly number[];
  /** In the definition's order. */
  readonly metrics: readonly Column[];
  /** The newest value of each metric in full, as text so that 64 bits survive JSON; null before the first. */
  readonly latest: readonly (string | null)[];
  /** Time of the newest reading, in milliseconds since the epoch. */
  readonly lastReading: number | null;
}

export interface Change {
  /** The server's clock, in milliseconds since the epoch: the right edge of the charts. */
  readonly now: number;
  readonly counters: Counters;
  readonly recent: Buckets;
}

export interface Snapshot extends Change {
  readonly about: About;
}
