import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installed } from './program.js';
import { freePort, type Server, startServer } from './server.js';

/** Whether influxd 1.x is here. */
export const hasInfluxd = installed('influxd', 'influxdb');

export interface Influxd extends Server {
  readonly udpPort: number;
  /** The rows of an InfluxQL query, one list for each series; times in ns. */
  query(database: string, influxql: string): Promise<Series[]>;
}

export interface Series {
  readonly name: string;
  readonly tags?: Record<string, string>;
  readonly columns: string[];
  readonly values: unknown[][];
}

/** The user who may do everything on an influxd that asks for one. */
export const ADMIN = { username: 'admin', password: 'geheim' };

/** Starts an influxd 1.x of its own. `udpDatabase`: where its UDP listener writes to; `auth`: it knows {@link ADMIN}. */
export async function startInfluxd({ udpDatabase = 'udp', auth = false } = {}): Promise<Influxd> {
  const udpPort = await freePort();
  const server = await startServer({
    program: 'influxd',
    readyPath: '/ping',
    async arguments(port, directory) {
      const rpcPort = await freePort();
      const config = join(directory, 'influxdb.conf');
      await writeFile(config, configuration(directory, { port, rpcPort, udpPort, udpDatabase, auth }));
      return ['-config', config];
    },
  });
  if (auth) {
    const q = `CREATE USER ${ADMIN.username} WITH PASSWORD '${ADMIN.password}' WITH ALL PRIVILEGES`;
    await fetch(`http://127.0.0.1:${server.port}/query`, {
      method: 'POST',
      body: new URLSearchParams({ q }),
    });
  }
  return Object.assign(server, {
    udpPort,
    async query(database: string, influxql: string): Promise<Series[]> {
      const parameters = new URLSearchParams({ db: database, q: influxql, epoch: 'ns' });
      const response = await fetch(`http://127.0.0.1:${server.port}/query`, {
        method: 'POST',
        body: parameters,
      });
      const { results, error } = (await response.json()) as {
        results?: { series?: Series[]; error?: string }[];
        error?: string;
      };
      const failure = error ?? results?.find((result) => result.error)?.error;
      if (failure) throw new Error(failure);
      return (results ?? []).flatMap(({ series }) => series ?? []);
    },
  });
}

/** The one number that a query answers; 0 where it answers nothing, since InfluxQL counts no zeros. */
export async function numberOf(influxd: Influxd, database: string, influxql: string): Promise<number> {
  const [series] = await influxd.query(database, influxql);
  return Number(series?.values[0]?.[1] ?? 0);
}

interface Configuration {
  readonly port: number;
  readonly rpcPort: number;
  readonly udpPort: number;
  readonly udpDatabase: string;
  readonly auth: boolean;
}

function configuration(
  directory: string,
  { port, rpcPort, udpPort, udpDatabase, auth }: Configuration,
): string {
  return `
reporting-disabled = true
bind-address = "127.0.0.1:${rpcPort}"
[meta]
  dir = "${directory}/meta"
[data]
  dir = "${directory}/data"
  wal-dir = "${directory}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
  auth-enabled = ${auth}
[[udp]]
  enabled = true
  bind-address = "127.0.0.1:${udpPort}"
  database = "${udpDatabase}"
  batch-timeout = "100ms"
`;
}
