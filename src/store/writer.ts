import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import type { Batch, Point, Reading, Value } from '../reading.js';

/** DuckDB's package, which is loaded only where the embedded store is used. */
export type DuckDB = typeof import('@duckdb/node-api');

interface Appenders {
  readonly readings: DuckDBAppender;
  readonly errors: DuckDBAppender;
  readonly runner: DuckDBAppender;
}

/** A metric's column: where its value stands in a reading (-1: the definition no longer has it). */
interface Column {
  readonly index: number;
  readonly integer: boolean;
}

/** Appends batches, each in one transaction: after any crash a batch is there as a whole, or not at all. */
export class StoreWriter {
  readonly #duckdb: DuckDB;
  readonly #connection: DuckDBConnection;
  readonly #appenders: Appenders;
  readonly #columns: readonly Column[];
  readonly #env: string;

  constructor(
    duckdb: DuckDB,
    connection: DuckDBConnection,
    appenders: Appenders,
    columns: readonly Column[],
    env: string,
  ) {
    this.#duckdb = duckdb;
    this.#connection = connection;
    this.#appenders = appenders;
    this.#columns = columns;
    this.#env = env;
  }

  /** Resolves once the batch is on disk. On failure nothing of it is stored, and it may be written again. */
  async write(batch: Batch): Promise<void> {
    await this.#connection.run('BEGIN');
    try {
      for (const reading of batch.readings) this.#appendReading(reading);
      for (const point of batch.points) this.#appendPoint(point);
      for (const appender of Object.values(this.#appenders)) appender.flushSync();
      // Awaited, so that the fsync happens on a thread of DuckDB's.
      await this.#connection.run('COMMIT');
    } catch (error) {
      for (const appender of Object.values(this.#appenders)) appender.clear();
      await this.#connection.run('ROLLBACK').catch(() => {}); // A failed COMMIT has already rolled back.
      throw error;
    }
  }

  close(): void {
    for (const appender of Object.values(this.#appenders)) appender.closeSync();
  }

  #appendReading({ timestamp, values, defect }: Reading): void {
    const appender = this.#appenders.readings;
    this.#begin(appender, timestamp);
    appender.appendBoolean(defect);
    for (const { index, integer } of this.#columns) {
      const value = values[index] as Value | null | undefined;
      if (value === null || value === undefined) appender.appendNull();
      else if (integer) appender.appendBigInt(BigInt(value));
      else appender.appendDouble(Number(value));
    }
    appender.endRow();
  }

  #appendPoint({ kind, fields, timestamp }: Point): void {
    const appender = kind === undefined ? this.#appenders.runner : this.#appenders.errors;
    for (const [field, value] of Object.entries(fields)) {
      this.#begin(appender, timestamp);
      appender.appendVarchar(kind ?? field);
      appender.appendBigInt(BigInt(value));
      appender.endRow();
    }
  }

  #begin(appender: DuckDBAppender, timestamp: bigint): void {
    appender.appendTimestampNanoseconds(new this.#duckdb.DuckDBTimestampNanosecondsValue(timestamp));
    appender.appendVarchar(this.#env);
  }
}
