import { join } from 'node:path';
import type { Definition } from '../../src/definition.js';
import { LineProtocol } from '../../src/influx/line-protocol.js';
import { openLog } from '../../src/log.js';
import type { Labels, Rows as RowsOf } from '../../src/queries/answers.js';
import { packReadings } from '../../src/readings-builder.js';
import { Store } from '../../src/store/duckdb.js';
import { type Influxd, startInfluxd } from '../servers/influxd.js';
import type { Rows } from './data.js';

/** A series of InfluxDB's answer, its rows without labels; integers too long for a double are bigints. */
export interface Answer {
  readonly labels: Labels;
  readonly columns: readonly string[];
  /** In ns. */
  readonly times: readonly bigint[];
  readonly rows: readonly unknown[][];
}

/** The same data in a real influxd and in a DuckDB file. */
export interface Engines {
  /** Each environment's rows are stored in blocks, in turn. A `sensor` other than the definition's: InfluxDB only. */
  store(data: ReadonlyMap<string, Rows>, sensor?: string): Promise<void>;
  /** The answers of InfluxQL statements, sent as one request; a failure names its statement. */
  influx(statements: readonly string[]): Promise<Answer[][]>;
  readonly rows: RowsOf;
  stop(): Promise<void>;
}

const BLOCK_ROWS = 100;

export async function startEngines(definition: Definition): Promise<Engines> {
  const influxd = await startInfluxd();
  const store = await Store.open(join(influxd.directory, 'store.duckdb'), await openLog('silent'));
  await store.prepare(definition);
  await influxd.query('', 'CREATE DATABASE data');
  return {
    rows: (sql) => store.query(sql),
    influx: (statements) => ask(influxd, statements),
    async store(data, sensor = definition.name) {
      for (const [env, rows] of data) {
        const lines = new LineProtocol({ ...definition, name: sensor }, env).encode(rows);
        const url = `http://127.0.0.1:${influxd.port}/write?db=data`;
        const { status } = await fetch(url, { method: 'POST', body: lines });
        if (status !== 204) throw new Error(`influxd answered ${status}`);
      }
      if (sensor === definition.name) await storeInTurn(store, definition, data);
    },
    async stop() {
      store.close();
      await influxd.stop();
    },
  };
}

async function storeInTurn(store: Store, definition: Definition, data: ReadonlyMap<string, Rows>) {
  const longest = Math.max(...[...data.values()].map(({ readings }) => readings.length));
  for (let first = 0; first < longest; first += BLOCK_ROWS) {
    for (const [env, { readings, points }] of data) {
      const writer = await store.writer(definition, env);
      await writer.write({
        readings: packReadings(definition.metrics, [...readings].slice(first, first + BLOCK_ROWS)),
        points: first === 0 ? points : [],
        refused: 0,
        lost: 0,
      });
      writer.close();
    }
  }
}

interface Response {
  readonly error?: string;
  readonly results?: readonly {
    readonly error?: string;
    readonly series?: readonly { tags?: Record<string, string>; columns: string[]; values: unknown[][] }[];
  }[];
}

async function ask({ port }: Influxd, statements: readonly string[]): Promise<Answer[][]> {
  const body = new URLSearchParams({ db: 'data', epoch: 'ns', q: statements.join(';\n') });
  const response = await fetch(`http://127.0.0.1:${port}/query`, { method: 'POST', body });
  const { error, results = [] } = JSON.parse(withBigints(await response.text()), revive) as Response;
  if (error !== undefined) throw new Error(`${error}: ${statements.join(';\n')}`);
  return results.map(({ error: failure, series = [] }, index) => {
    if (failure !== undefined) throw new Error(`${failure}: ${statements[index]}`);
    return series
      .map(({ tags = {}, columns, values }) => ({
        labels: Object.fromEntries(Object.entries(tags).filter(([tag]) => tag !== 'sensor')),
        columns: columns.slice(1),
        times: values.map(([time]) => BigInt(time as number)),
        rows: values.map(([, ...row]) => row),
      }))
      .sort((one, other) => (JSON.stringify(one.labels) < JSON.stringify(other.labels) ? -1 : 1));
  });
}

/** Numbers of 16 digits and more would be rounded by JSON.parse. */
function withBigints(json: string): string {
  return json.replace(/(?<=[[,])-?\d{16,}(?=[\],])/g, '"$&n"');
}

function revive(_: string, value: unknown): unknown {
  const long = typeof value === 'string' ? /^(-?\d+)n$/.exec(value)?.[1] : undefined;
  if (long === undefined) return value;
  return Number.isSafeInteger(Number(long)) ? Number(long) : BigInt(long);
}
