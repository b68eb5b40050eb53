import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import type { Batch, Point } from '../reading.js';
import { type Column, ReadingsChunk } from './readings-chunk.js';

/** DuckDB's package, which is loaded only where the embedded store is used. */
export type DuckDB = typeof import('@duckdb/node-api');

interface Appenders {
  readonly readings: DuckDBAppender;
  readonly errors: DuckDBAppender;
  readonly runner: DuckDBAppender;
}

/** Appends batches, each in one transaction: after any crash a batch is there as a whole, or not at all. */
export class StoreWriter {
  readonly #duckdb: DuckDB;
  readonly #connection: DuckDBConnection;
  readonly #appenders: Appenders;
  readonly #chunk: ReadingsChunk;
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
    this.#chunk = new ReadingsChunk(duckdb, columns, env);
    this.#env = env;
  }

  /** Resolves once the batch is on disk. On failure nothing of it is stored, and it may be written again. */
  async write(batch: Batch): Promise<void> {
    await this.#connection.run('BEGIN');
    try {
      for (const chunk of this.#chunk.of(batch.readings)) this.#appenders.readings.appendDataChunk(chunk);
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

  #appendPoint({ kind, fields, timestamp }: Point): void {
    const appender = kind === undefined ? this.#appenders.runner : this.#appenders.errors;
    for (const [field, value] of Object.entries(fields)) {
      appender.appendTimestampNanoseconds(new this.#duckdb.DuckDBTimestampNanosecondsValue(timestamp));
      appender.appendVarchar(this.#env);
      appender.appendVarchar(kind ?? field);
      appender.appendBigInt(BigInt(value));
      appender.endRow();
    }
  }
}
