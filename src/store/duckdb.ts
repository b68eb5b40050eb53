import { accessSync, chmodSync, constants } from 'node:fs';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Definition, Metric } from '../definition.js';
import { messageOf, systemCodeOf, VisualizerError } from '../errors.js';
import type { Log } from '../log.js';
import type { Batch } from '../reading.js';
import { forgetAlertChanges } from './alert-changes.js';
import { LANES, StoreReader } from './reader.js';
import { openPastDamage } from './wal.js';
import { type DuckDB, StoreWriter } from './writer.js';

const TABLES = ['readings', 'errors', 'runner'] as const;

/**
 * The embedded store: one DuckDB file with three tables.
 *
 *     readings  time, env, defect, and a column for each metric      one row a sensor line
 *     errors    time, env, kind, value                               counts since the row before of that kind
 *     runner    time, env, field, value                              the runner's own metrics
 *
 * `time` is TIMESTAMP_NS in UTC; a metric's column is DOUBLE or BIGINT, NULL where the value could not be
 * cast. A definition that gains a metric gains a column; one that loses a metric leaves its column alone.
 */
export class Store {
  readonly #duckdb: DuckDB;
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;

  private constructor(duckdb: DuckDB, instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#duckdb = duckdb;
    this.#instance = instance;
    this.#connection = connection;
  }

  /**
   * Opens the store, or creates it; a damaged tail of its log is set aside.
   * @throws VisualizerError STORE_UNAVAILABLE without DuckDB for this platform, ALREADY_RUNNING while another
   *   process holds the file, STATE_UNUSABLE where it cannot be opened
   */
  static async open(file: string, log: Log): Promise<Store> {
    const duckdb = await loadDuckDB();
    const instance = await openPastDamage(file, () => createInstance(duckdb, file), log);
    chmodSync(file, 0o600);
    return new Store(duckdb, instance, await instance.connect());
  }

  /** As {@link open}, but a store that is not there is an error: nothing has been recorded yet. */
  static async openExisting(file: string, log: Log): Promise<Store> {
    requireReadable(file);
    return Store.open(file, log);
  }

  /** As {@link openExisting}, but nothing of it is changed, and others may read it meanwhile. */
  static async openReadOnly(file: string): Promise<Store> {
    requireReadable(file);
    const duckdb = await loadDuckDB();
    const instance = await createInstance(duckdb, file, { access_mode: 'READ_ONLY' }).catch((cause) => {
      if (cause instanceof VisualizerError) throw cause;
      const text = `The log of the store ${file} is damaged, which a run mends when it starts: ${messageOf(cause)}`;
      throw new VisualizerError('STATE_UNUSABLE', text, { cause });
    });
    return new Store(duckdb, instance, await instance.connect());
  }

  /**
   * Creates the tables, with a column for each metric.
   * @throws VisualizerError BAD_DEFINITION when a metric's type is not the one that is stored
   */
  async prepare({ metrics }: Definition): Promise<void> {
    const run = (sql: string) => this.#connection.run(sql);
    await run(`CREATE TABLE IF NOT EXISTS readings (
      time TIMESTAMP_NS NOT NULL, env VARCHAR NOT NULL, defect BOOLEAN NOT NULL)`);
    await run(`CREATE TABLE IF NOT EXISTS errors (
      time TIMESTAMP_NS NOT NULL, env VARCHAR NOT NULL, kind VARCHAR NOT NULL, value BIGINT NOT NULL)`);
    await run(`CREATE TABLE IF NOT EXISTS runner (
      time TIMESTAMP_NS NOT NULL, env VARCHAR NOT NULL, field VARCHAR NOT NULL, value BIGINT NOT NULL)`);
    const columns = new Map((await this.metricColumns()).map(({ name, type }) => [name.toLowerCase(), type]));
    const storedType = ({ name }: Metric) => columns.get(name.toLowerCase());
    for (const metric of metrics) {
      const stored = storedType(metric);
      if (stored !== undefined && stored !== metric.type) throw changedType(metric, stored);
    }
    for (const metric of metrics.filter((each) => storedType(each) === undefined)) {
      await run(`ALTER TABLE readings ADD COLUMN ${quoted(metric.name)} ${SQL_TYPES[metric.type]}`);
    }
  }

  /** The metrics that the store has columns for, in the table's order. */
  async metricColumns(): Promise<Pick<Metric, 'name' | 'type'>[]> {
    const rows = await this.query(`SELECT column_name, data_type FROM information_schema.columns
      WHERE table_name = 'readings' ORDER BY ordinal_position`);
    return rows
      .filter(([name]) => !['time', 'env', 'defect'].includes(String(name)))
      .map(([name, type]) => ({ name: String(name), type: type === 'BIGINT' ? 'integer' : 'float' }));
  }

  /** Writes batches for one definition and environment; to be opened after {@link prepare}. */
  async writer({ metrics }: Definition, env: string): Promise<StoreWriter> {
    const names = metrics.map(({ name }) => name.toLowerCase());
    const columns = (await this.metricColumns()).map(({ name, type }) => ({
      index: names.indexOf(name.toLowerCase()),
      integer: type === 'integer',
    }));
    const appenders = {
      readings: await this.#connection.createAppender('readings'),
      errors: await this.#connection.createAppender('errors'),
      runner: await this.#connection.createAppender('runner'),
    };
    return new StoreWriter(this.#duckdb, this.#connection, appenders, columns, env);
  }

  /** Whether a batch is stored: as a whole or not at all, so its first row tells. */
  async holds({ readings, points }: Batch): Promise<boolean> {
    const [table, timestamp] =
      readings.length > 0
        ? ['readings', readings.timestamp(0)]
        : [points[0]?.kind === undefined ? 'runner' : 'errors', points[0]?.timestamp];
    if (timestamp === undefined) return true;
    const [found] = await this.query(
      `SELECT count(*) FROM ${table} WHERE time = make_timestamp_ns(${timestamp})`,
    );
    return found?.[0] !== 0n;
  }

  /** All rows of a query. */
  async query(sql: string): Promise<unknown[][]> {
    return (await this.#connection.runAndReadAll(sql)).getRows();
  }

  /** Asks beside the writer; to be closed before the store. */
  async reader(): Promise<StoreReader> {
    const connections = Array.from({ length: LANES }, () => this.#instance.connect());
    return new StoreReader(await Promise.all(connections));
  }

  /** The rows of a query in blocks, as they are read: memory stays flat. */
  async *stream(sql: string): AsyncGenerator<unknown[][]> {
    const result = await this.#connection.stream(sql);
    for await (const rows of result.yieldRows()) yield rows;
  }

  /** Deletes what is older than `retentionMs` (0 keeps all) and brings the log into the file. */
  async maintain(retentionMs: number): Promise<void> {
    if (retentionMs > 0) {
      const oldest = (BigInt(Date.now()) - BigInt(retentionMs)) * 1_000_000n;
      for (const table of TABLES) {
        await this.#connection.run(`DELETE FROM ${table} WHERE time < make_timestamp_ns(${oldest})`);
      }
      await forgetAlertChanges((sql) => this.query(sql), Date.now() - retentionMs);
    }
    await this.#connection.run('CHECKPOINT');
  }

  /** Drops the tables, columns and all: {@link prepare} makes new ones. */
  async clear(): Promise<void> {
    for (const table of [...TABLES, 'alert_changes']) {
      await this.#connection.run(`DROP TABLE IF EXISTS ${table}`);
    }
    await this.#connection.run('CHECKPOINT');
  }

  close(): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }
}

const SQL_TYPES = { float: 'DOUBLE', integer: 'BIGINT' } as const;

/** An identifier, quoted for SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function requireReadable(file: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (cause) {
    const reason = systemCodeOf(cause) ?? messageOf(cause);
    throw new VisualizerError(
      'STATE_UNUSABLE',
      `There is no store to read at ${file} (${reason}). Record one with: visualizer run, or name another --state-dir or --sensor. What a run with --host records is in its InfluxDB, and not here.`,
      { cause },
    );
  }
}

async function loadDuckDB(): Promise<DuckDB> {
  try {
    return await import('@duckdb/node-api');
  } catch (cause) {
    throw new VisualizerError(
      'STORE_UNAVAILABLE',
      `The embedded store needs DuckDB, which is not installed for ${process.platform}-${process.arch}. ` +
        'Write to an InfluxDB instead, with --host <name>.',
      { cause },
    );
  }
}

/** Small limits, since a Raspberry Pi has a gigabyte for everything; and nothing is ever downloaded. */
async function createInstance(
  duckdb: DuckDB,
  file: string,
  options: Readonly<Record<string, string>> = {},
): Promise<DuckDBInstance> {
  try {
    return await duckdb.DuckDBInstance.create(file, {
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      checkpoint_threshold: '4MB',
      memory_limit: '512MB',
      threads: '2',
      ...options,
    });
  } catch (cause) {
    const message = messageOf(cause);
    const holder = /Conflicting lock is held in (.*?)(?:\(PID (\d+)\))/s.exec(message);
    if (holder) {
      const text = `The store ${file} is in use by process ${holder[2]} (${holder[1]?.trim()}). End that run first.`;
      throw new VisualizerError('ALREADY_RUNNING', text, { cause });
    }
    if (/Failure while replaying WAL/.test(message)) throw cause;
    throw new VisualizerError('STATE_UNUSABLE', `The store ${file} cannot be opened: ${message}`, { cause });
  }
}

function changedType({ name, type }: Metric, stored: string): VisualizerError {
  return new VisualizerError(
    'BAD_DEFINITION',
    `The metric ${name} is of type ${type}, but the store holds it as ${stored}. ` +
      'Give the metric another name, or record into another --state-dir.',
  );
}
