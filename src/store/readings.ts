import type { Metric } from '../definition.js';
import { identifier } from '../queries/sql-text.js';
import type { Point, Reading, Value } from '../reading.js';
import type { Store } from './duckdb.js';

/** A reading as it is stored, with the environment that it was recorded in. */
export interface StoredReading extends Reading {
  readonly env: string;
}

/** From `from` on and before `to`, in ns since the epoch. */
export interface TimeRange {
  readonly from?: bigint | undefined;
  readonly to?: bigint | undefined;
}

/**
 * The stored readings of a time range in blocks, oldest first: they are stored in the order of their
 * timestamps, which rise for the life of the state directory. The values are those of `metrics`, in that order.
 */
export async function* storedReadings(
  store: Store,
  metrics: readonly Pick<Metric, 'name'>[],
  range: TimeRange,
): AsyncGenerator<StoredReading[]> {
  const columns = metrics.map(({ name }) => `, ${identifier(name)}`).join('');
  const rows = store.stream(`SELECT epoch_ns(time), env, defect${columns} FROM readings ${whereIn(range)}`);
  for await (const block of rows) {
    yield block.map(([timestamp, env, defect, ...values]) => ({
      timestamp: timestamp as bigint,
      env: env as string,
      defect: defect as boolean,
      values: values as (Value | null)[],
    }));
  }
}

/** The WHERE clause of a time range. */
function whereIn({ from, to }: TimeRange): string {
  const bounds = [
    ...(from === undefined ? [] : [`time >= make_timestamp_ns(${from})`]),
    ...(to === undefined ? [] : [`time < make_timestamp_ns(${to})`]),
  ];
  return bounds.length === 0 ? '' : `WHERE ${bounds.join(' AND ')}`;
}

/** A point as it is stored: of the `runner` measurement's fields one at a time. */
export interface StoredPoint extends Point {
  readonly env: string;
}

/** The stored error counts, then the runner's metrics, of a time range, in blocks. */
export async function* storedPoints(store: Store, range: TimeRange): AsyncGenerator<StoredPoint[]> {
  for await (const block of store.stream(
    `SELECT epoch_ns(time), env, kind, value FROM errors ${whereIn(range)}`,
  )) {
    yield block.map(([timestamp, env, kind, value]) => ({
      measurement: kind as string,
      kind: kind as string,
      fields: { value: Number(value) },
      timestamp: timestamp as bigint,
      env: env as string,
    }));
  }
  for await (const block of store.stream(
    `SELECT epoch_ns(time), env, field, value FROM runner ${whereIn(range)}`,
  )) {
    yield block.map(([timestamp, env, field, value]) => ({
      measurement: 'runner',
      fields: { [field as string]: Number(value) },
      timestamp: timestamp as bigint,
      env: env as string,
    }));
  }
}
