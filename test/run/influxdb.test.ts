import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ADMIN, hasInfluxd, type Influxd, numberOf, startInfluxd } from '../servers/influxd.js';
import { startScriptedInflux } from '../servers/scripted-influx.js';
import type { Server } from '../servers/server.js';
import { hasVictoriaMetrics, startVictoriaMetrics } from '../servers/victoria-metrics.js';
import { until } from '../until.js';
import { logLines, shellSensor, temporaryFolder, visualizer } from '../visualizer.js';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const run = (port: number, sensor: string, ...args: string[]) =>
  visualizer([
    ...[
      'run',
      '--no-page',
      '--state-dir',
      join(folder, 'state'),
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
    ],
    ...['--path-executable', sensor, '--restart', 'never', '--drain-timeout', '30s', ...args],
  ]);

/** 10,000 lines: each 100th a defect, and in 50 others a value that cannot be cast. */
async function sensorOf10000(): Promise<string> {
  const lines = Array.from({ length: 10_000 }, (_, index) => {
    if (index % 100 === 0) return '0 0 0';
    return index % 200 === 1
      ? `7.5 x ${index}`
      : `${(5 + (index % 50) / 10).toFixed(1)} ${4_000_000 + index} ${index}`;
  });
  const data = join(folder, 'lines');
  await writeFile(data, `${lines.join('\n')}\n`);
  return shellSensor(folder, `exec cat ${data}`);
}

/** This machine by an address that others could be reached by as well: on Linux and macOS it leads to loopback. */
const NOT_LOOPBACK = '0.0.0.0';

it.each([
  ['compressed', 'to another machine', ['--host', NOT_LOOPBACK], 'gzip'],
  ['as they are', 'to another machine with --no-gzip', ['--host', NOT_LOOPBACK, '--no-gzip'], undefined],
  ['as they are', 'on this machine', [], undefined],
])('readings are sent %s %s', async (_, __, args, encoding) => {
  const server = await startScriptedInflux();
  try {
    const { exitCode, stderr } = await run(server.port, await sensorOf10000(), ...args);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    const { headers } = server.writes.toSorted((a, b) => b.lines.length - a.lines.length)[0] ?? {};
    expect(headers).toMatchObject({ 'content-type': 'text/plain; charset=utf-8' });
    expect(headers?.['content-encoding']).toBe(encoding);
    expect([...server.stored.keys()].filter((key) => key.startsWith('sensor,'))).toHaveLength(10_000);
  } finally {
    await server.close();
  }
});

describe.skipIf(!hasInfluxd)('a real InfluxDB 1.x', () => {
  let influxd: Influxd;
  beforeAll(async () => {
    influxd = await startInfluxd();
  });
  afterAll(() => influxd?.stop());

  it('has exactly the readings, defects and errors of 10,000 lines, and the ledger agrees', async () => {
    const { exitCode, stderr } = await run(influxd.port, await sensorOf10000());
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    const count = (query: string) => numberOf(influxd, 'sensor', query);
    expect(await count('SELECT count(cpu_load) FROM sensor')).toBe(10_000);
    expect(await count("SELECT count(cpu_load) FROM sensor WHERE defect = 'true'")).toBe(100);
    expect(await count('SELECT count(random_value) FROM sensor')).toBe(9_950);
    expect(await count('SELECT sum(value) FROM "error.random_value"')).toBe(50);
    expect(await count('SELECT sum(value) FROM "error.cpu_load"')).toBe(0);
    expect(await count('SELECT sum(value) FROM "error.line"')).toBe(0);
    expect(await count('SELECT last("read") FROM runner')).toBe(10_000);
    expect(await count('SELECT last(defects) FROM runner')).toBe(100);
    expect(logLines(stderr).at(-1)).toMatchObject({
      read: 10_000,
      delivered: 10_000,
      queued: 0,
      rejected: 0,
      dropped: 0,
      errors: 50,
      defects: 100,
    });
  });

  it('has every error kind as a series grouped by the tag kind, with 0 where nothing happened', async () => {
    const series = await influxd.query(
      'sensor',
      'SELECT count(value) FROM /.*error.*/ GROUP BY kind, env, sensor',
    );
    expect(series.map(({ name, tags }) => [name, tags])).toEqual(
      [
        'batch_sending_error',
        'connectivity_error',
        'error.buffer_overflow',
        'error.counter',
        'error.cpu_load',
        'error.line',
        'error.random_value',
        'error.sensor_exit',
        'error.sensor_stuck',
      ].map((kind) => [kind, { kind, env: 'dev', sensor: 'demo' }]),
    );
  });

  it('takes what is compressed', async () => {
    const { exitCode } = await run(
      influxd.port,
      await sensorOf10000(),
      ...['--host', NOT_LOOPBACK, '--bucket', 'far'],
    );
    expect(exitCode).toBe(0);
    expect(await numberOf(influxd, 'far', 'SELECT count(cpu_load) FROM sensor')).toBe(10_000);
  });

  it('holds 64-bit integers exactly, and floats with an exponent', async () => {
    const script = "printf '1e21 9007199254740993 -9223372036854775808\\n5e-7 1 2\\n'";
    const file = shellSensor(folder, script);
    await run(influxd.port, file, '--bucket', 'exact "db"');
    const query = 'SELECT cpu_load, random_value, counter FROM sensor';
    const parameters = new URLSearchParams({ db: 'exact "db"', q: query, epoch: 'ns' });
    const text = await (await fetch(`http://127.0.0.1:${influxd.port}/query?${parameters}`)).text();
    expect(text).toContain('1e+21,9007199254740993,-9223372036854775808]');
    expect(text).toContain('5e-7,1,2]');
  });
});

describe.skipIf(!hasInfluxd)('an InfluxDB 1.x that asks for a user', () => {
  let influxd: Influxd;
  beforeAll(async () => {
    influxd = await startInfluxd({ auth: true });
  });
  afterAll(() => influxd?.stop());

  it('takes readings with the user of the environment, and its password from a file', async () => {
    const secret = join(folder, 'password');
    await writeFile(secret, `${ADMIN.password}\n`);
    const file = shellSensor(folder, 'env | grep -c INFLUX_ >&2\necho 1 2 3');
    const { exitCode, stderr } = await visualizer(
      [
        ...['run', '--no-page', '--state-dir', join(folder, 'state'), '--host', '127.0.0.1'],
        ...['--port', String(influxd.port), '--path-executable', file, '--restart', 'never'],
      ],
      { INFLUX_USERNAME: ADMIN.username, INFLUX_PASSWORD_FILE: secret, INFLUX_TOKEN: 'not-for-a-sensor' },
    );
    expect(exitCode).toBe(0);
    expect(logLines(stderr).at(-1)).toMatchObject({ delivered: 1, queued: 0 });
    // The sensor's own environment holds none of it.
    expect(logLines(stderr).find(({ stream }) => stream === 'stderr')).toMatchObject({ msg: '0' });
  });

  it('keeps the readings, and says what to mend, where the password is wrong', async () => {
    const file = shellSensor(folder, 'echo 1 2 3');
    const { exitCode, stderr } = await visualizer(
      [
        ...[
          'run',
          '--no-page',
          '--state-dir',
          join(folder, 'state'),
          '--host',
          '127.0.0.1',
          '--drain-timeout',
          '1s',
        ],
        ...['--port', String(influxd.port), '--path-executable', file, '--restart', 'never'],
      ],
      { INFLUX_USERNAME: ADMIN.username, INFLUX_PASSWORD: 'falsch' },
    );
    expect(exitCode).toBe(0);
    expect(stderr).toContain('INFLUX_PASSWORD');
    expect(stderr).not.toContain('falsch');
    expect(logLines(stderr).at(-1)).toMatchObject({ read: 1, delivered: 0, queued: 1 });
  });
});

describe.skipIf(!hasVictoriaMetrics)('a real server of the v2 API (VictoriaMetrics)', () => {
  let victoria: Server;
  beforeAll(async () => {
    victoria = await startVictoriaMetrics();
  });
  afterAll(() => victoria?.stop());

  it('has the readings that were written through the official client, compressed', async () => {
    const { exitCode, stderr } = await run(victoria.port, await sensorOf10000(), '--host', NOT_LOOPBACK);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(logLines(stderr).at(-1)).toMatchObject({ delivered: 10_000, queued: 0 });
    const exported = async (match: string): Promise<number> => {
      const response = await fetch(
        `http://127.0.0.1:${victoria.port}/api/v1/export?match[]=${encodeURIComponent(match)}&reduce_mem_usage=1`,
      );
      const series = (await response.text()).split('\n').filter((line) => line !== '');
      return series.reduce((sum, line) => sum + (JSON.parse(line) as { values: number[] }).values.length, 0);
    };
    await until('all readings can be read', async () => (await exported('sensor_cpu_load')) === 10_000);
    expect(await exported('sensor_cpu_load{defect="true"}')).toBe(100);
    expect(await exported('sensor_random_value')).toBe(9_950);
  });
});
