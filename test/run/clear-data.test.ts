import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ClearOptions, clearData } from '../../src/clear-data.js';
import { type Definition, errorKinds } from '../../src/definition.js';
import { LineProtocol } from '../../src/influx/line-protocol.js';
import { Ledger } from '../../src/ledger.js';
import { packReadings } from '../../src/readings-builder.js';
import { stateDirectory } from '../../src/state-directory.js';
import { Store } from '../../src/store/duckdb.js';
import { EmbeddedDestination } from '../../src/store/embedded.js';
import { ADMIN, hasInfluxd, type Influxd, numberOf, startInfluxd } from '../servers/influxd.js';
import { freePort } from '../servers/server.js';
import { until } from '../until.js';
import { BUNDLED_SENSOR, logLines, shellSensor, temporaryFolder, visualizer } from '../visualizer.js';

const DEMO: Definition = {
  name: 'demo',
  measurement: 'sensor',
  separator: 'whitespace',
  metrics: [{ name: 'load', type: 'float', kind: 'gauge' }],
  defect: 'none',
  alerts: [],
  notify: [],
};
const MEASUREMENTS = ['sensor', 'runner', ...errorKinds(DEMO)];

let folder: string;
let logged: PassThrough;
const closers: (() => unknown)[] = [];
beforeEach(() => {
  folder = temporaryFolder();
  logged = new PassThrough();
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  await rm(folder, { recursive: true, force: true });
});

/** Clears the sensor's data, in a state directory with a backlog, a clock and a store. */
function clear(options: Partial<ClearOptions> & { port?: number } = {}): Promise<boolean> {
  const { port, ...rest } = options;
  return clearData({
    definition: DEMO,
    state: stateWithBacklog(),
    influx: port === undefined ? undefined : { host: '127.0.0.1', port, org: 'our org', bucket: 'b' },
    yes: false,
    log: pino({ base: null }, logged),
    stop: new AbortController().signal,
    terminal: { input: new PassThrough(), output: new PassThrough() },
    patience: { tries: 3, intervalMs: 5 },
    ...rest,
  });
}

const state = () => stateDirectory(join(folder, 'state'));
function stateWithBacklog() {
  for (const directory of [state().buffer, state().rejected]) {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'file'), 'lines');
  }
  writeFileSync(state().clock, 'mark');
  return state();
}
const hasBacklog = () => [existsSync(state().buffer), existsSync(state().rejected)];
const logText = () => String(logged.read() ?? '');

/** A terminal on which somebody types `typed`; `shown` is what it shows. */
function terminal(typed: string, { end = false } = {}) {
  const input = Object.assign(new PassThrough(), { isTTY: true });
  const output = Object.assign(new PassThrough(), { isTTY: true });
  if (typed !== '') input.write(typed);
  if (end) input.end();
  return { input, output, shown: () => String(output.read() ?? '') };
}

interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

/** An HTTP server of ours: `answers` gives a status for each request, or the version for a ping. */
async function scripted(
  answer: (asked: Asked, count: number) => { status?: number; version?: string } | 'hang',
) {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const body = (await request.toArray()).join('');
    const { authorization } = request.headers;
    asked.push({ path: `${request.method} ${request.url}`, authorization, body });
    const given = answer(asked.at(-1) as Asked, asked.length);
    if (given === 'hang') return;
    if (given.version !== undefined) response.setHeader('X-Influxdb-Version', given.version);
    response.writeHead(given.status ?? 204);
    response.end(given.status !== undefined && given.status >= 400 ? '{"message":"because"}' : '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, asked, deletions: () => asked.filter(({ path }) => path.startsWith('POST')) };
}

const isPing = ({ path }: Asked) => path === 'GET /ping';

describe.skipIf(!hasInfluxd)('a real InfluxDB 1.x', () => {
  let influxd: Influxd;
  beforeAll(async () => {
    influxd = await startInfluxd();
  });
  afterAll(() => influxd?.stop());

  const write = async (database: string, lines: string) => {
    await influxd.query('', `CREATE DATABASE "${database.replaceAll('"', '\\"')}"`);
    const url = `http://127.0.0.1:${influxd.port}/write?${new URLSearchParams({ db: database })}`;
    expect((await fetch(url, { method: 'POST', body: lines })).status).toBe(204);
  };
  const clearBucket = (bucket: string, options: Partial<ClearOptions> = {}) =>
    clear({ influx: { host: '127.0.0.1', port: influxd.port, org: 'o', bucket }, ...options });

  it('loses what the sensor wrote, and nothing else', async () => {
    const points = (sensor: string, count: number) =>
      MEASUREMENTS.flatMap((measurement) =>
        Array.from(
          { length: count },
          (_, index) => `${measurement},env=e${index % 3},sensor=${sensor} value=1 ${index + 1}\n`,
        ),
      ).join('');
    await write('b', `${points('demo', 100)}${points('other', 40)}`);
    await write('b', 'misc,sensor=demo value=1 1\nsensor,env=e1 value=1 1\n');
    await write('c', points('demo', 5));
    const count = (where: string) => numberOf(influxd, 'b', `SELECT count(value) FROM ${where}`);
    expect(await count(`"sensor" WHERE sensor = 'demo'`)).toBe(100);

    expect(await clearBucket('b')).toBe(true);

    for (const measurement of MEASUREMENTS) {
      expect(await count(`"${measurement}" WHERE sensor = 'demo'`)).toBe(0);
      expect(await count(`"${measurement}" WHERE sensor = 'other'`)).toBe(40);
    }
    expect(await count('misc')).toBe(1);
    expect(await count(`"sensor" WHERE sensor = ''`)).toBe(1);
    expect(await numberOf(influxd, 'c', 'SELECT count(value) FROM "sensor"')).toBe(5);
    expect(hasBacklog()).toEqual([false, false]);
    expect(readFileSync(state().clock, 'utf8')).toBe('mark');
    expect(await clearBucket('b'), 'nothing left to delete').toBe(true);
  });

  it('may have no such database', async () => {
    expect(await clearBucket('nowhere')).toBe(true);
    expect(hasBacklog()).toEqual([false, false]);
  });

  it('has what is written afterwards, also when it starts again', async () => {
    const lines = (from: number) =>
      Array.from({ length: 50 }, (_, index) => `sensor,sensor=demo value=1 ${from + index}\n`).join('');
    const count = () => numberOf(influxd, 'again', 'SELECT count(value) FROM sensor');
    await write('again', lines(1));
    await clearBucket('again');
    await write('again', lines(20));
    expect(await count()).toBe(50);
    await influxd.kill();
    await influxd.start();
    expect(await count()).toBe(50);
  });

  it('is asked for names as they are, with quotes and blanks', async () => {
    const definition = { ...DEMO, name: `o'brien's "best"`, measurement: `my "own" sensor` };
    const readings = packReadings(definition.metrics, [{ timestamp: 1n, values: [1.5], defect: false }]);
    const lines = new LineProtocol(definition, 'a b').encode({ readings, points: [] });
    await write('we "ird\' db', `${lines}misc v=1 1\n`);
    expect(await clearBucket('we "ird\' db', { definition })).toBe(true);
    const series = await influxd.query('we "ird\' db', 'SHOW SERIES');
    expect(series.flatMap(({ values }) => values.flat())).toEqual(['misc']);
  });

  it('says why where a deletion is impossible', async () => {
    await write('odd', 'sensor sensor="a field",value=1 1\n');
    await expect(clearBucket('odd')).rejects.toMatchObject({
      code: 'SERVER_REFUSED',
      message: expect.stringContaining('fields not supported'),
    });
    expect(hasBacklog()).toEqual([true, true]);
  });
});

describe.skipIf(!hasInfluxd)('an InfluxDB 1.x that asks for a user', () => {
  let influxd: Influxd;
  beforeAll(async () => {
    influxd = await startInfluxd({ auth: true });
  });
  afterAll(() => influxd?.stop());

  it('refuses a wrong password, at once, and says what to mend', async () => {
    const influx = { host: '127.0.0.1', port: influxd.port, org: 'o', bucket: 'b', username: ADMIN.username };
    await expect(clear({ influx: { ...influx, password: 'wrong' } })).rejects.toMatchObject({
      code: 'SERVER_REFUSED',
      exitCode: 77,
      message: expect.stringMatching(/401 .*INFLUX_USERNAME.*Nothing was deleted/s),
    });
    expect(hasBacklog()).toEqual([true, true]);
    expect(await clear({ influx: { ...influx, password: ADMIN.password } })).toBe(true);
  });
});

describe('an InfluxDB 2.x', () => {
  it('is asked to delete each measurement of this sensor, for all times', async () => {
    const { port, asked, deletions } = await scripted((one) => (isPing(one) ? { version: 'v2.7.1' } : {}));
    const definition = { ...DEMO, name: 'say "hi"\\' };
    const influx = { host: '127.0.0.1', port, org: 'our org', bucket: 'b', token: 'secret' };
    expect(await clear({ definition, influx })).toBe(true);
    expect(asked[0]?.path).toBe('GET /ping');
    expect(deletions().map(({ body }) => JSON.parse(body))).toEqual(
      MEASUREMENTS.map((measurement) => ({
        start: '1970-01-01T00:00:00Z',
        stop: '2262-04-11T23:47:16Z',
        predicate: `_measurement="${measurement}" AND sensor="say \\"hi\\"\\\\"`,
      })),
    );
    for (const { path, authorization } of deletions()) {
      expect(path).toBe('POST /api/v2/delete?org=our+org&bucket=b');
      expect(authorization).toBe('Token secret');
    }
    expect(hasBacklog()).toEqual([false, false]);
  });

  it.each([401, 403, 404, 400])(
    'that answers %i is not asked again, and the backlog stays',
    async (status) => {
      const { port, deletions } = await scripted((one) => (isPing(one) ? { version: '2.7.1' } : { status }));
      await expect(clear({ port })).rejects.toMatchObject({
        code: 'SERVER_REFUSED',
        message: expect.stringMatching(new RegExp(`${status} because.*Nothing was deleted`)),
      });
      expect(deletions()).toHaveLength(1);
      expect(hasBacklog()).toEqual([true, true]);
    },
  );

  it('may want a token for the ping already', async () => {
    const { port, asked } = await scripted(() => ({ status: 401 }));
    await expect(clear({ port })).rejects.toMatchObject({
      code: 'SERVER_REFUSED',
      message: expect.stringContaining('INFLUX_TOKEN'),
    });
    expect(asked).toHaveLength(1);
  });

  it('that is busy in the midst of it is asked again, for all of it', async () => {
    const { port, deletions } = await scripted((one, count) => {
      if (isPing(one)) return { version: '2.7.1' };
      return count === 4 ? { status: 503 } : {};
    });
    expect(await clear({ port })).toBe(true);
    expect(deletions()).toHaveLength(3 + MEASUREMENTS.length);
  });

  it('that stays busy in the midst of it may have deleted a part, which is said', async () => {
    const { port } = await scripted((one, count) => {
      if (isPing(one)) return { version: '2.7.1' };
      return count > 2 ? { status: 503 } : {};
    });
    await expect(clear({ port })).rejects.toMatchObject({
      code: 'SERVER_UNREACHABLE',
      message: expect.stringContaining('Part of the data may be deleted'),
    });
    expect(hasBacklog()).toEqual([true, true]);
  });
});

it.each(['3.0.1', 'v3.2.0', '4.1.0'])('InfluxDB %s cannot delete, and is not asked to', async (version) => {
  const { port, asked } = await scripted(() => ({ version }));
  await expect(clear({ port })).rejects.toMatchObject({
    exitCode: 69,
    message: expect.stringContaining('InfluxDB 3 cannot delete points'),
  });
  expect(asked).toHaveLength(1);
  expect(hasBacklog()).toEqual([true, true]);
});

describe('a server that is not there', () => {
  const patience = { tries: 7, intervalMs: 5 };

  it('is tried, with a log line now and then, and then nothing was touched', async () => {
    await expect(clear({ port: await freePort(), patience })).rejects.toMatchObject({
      code: 'SERVER_UNREACHABLE',
      exitCode: 69,
      message: expect.stringMatching(
        /in 7 tries: nothing listens there \(ECONNREFUSED\).*Nothing was deleted/s,
      ),
    });
    expect(logLines(logText()).map(({ triesLeft }) => triesLeft)).toEqual([6, 1]);
    expect(hasBacklog()).toEqual([true, true]);
  });

  it('is counted down in one line of a terminal', async () => {
    const seat = terminal('');
    await expect(
      clear({ port: await freePort(), patience, terminal: seat, yes: true }),
    ).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE' });
    const shown = seat.shown().split('\r\x1b[K');
    expect(shown).toHaveLength(8);
    expect(shown[1]).toMatch(/ECONNREFUSED.*; 6 more tries$/);
    expect(shown[6]).toMatch(/; 1 more try$/);
    expect(shown[7]).toBe('');
    expect(logText()).toBe('');
  });

  it('is tried 20 times, a second apart, unless it is said otherwise', async () => {
    const stop = new AbortController();
    const started = performance.now();
    const seat = terminal('');
    const cleared = clearData({
      definition: DEMO,
      state: stateWithBacklog(),
      influx: { host: '127.0.0.1', port: await freePort(), org: 'o', bucket: 'b' },
      yes: true,
      log: pino({ base: null }, logged),
      stop: stop.signal,
      terminal: seat,
    });
    let shown = '';
    await until('two tries have failed', () => {
      shown += seat.shown();
      return shown.includes('18 more tries');
    });
    expect(performance.now() - started).toBeGreaterThan(950);
    stop.abort();
    expect(await cleared).toBe(false);
    expect(shown).toContain('19 more tries');
  });

  it('is waited for until it is', async () => {
    const { port, deletions } = await scripted((one, count) => {
      if (count < 3) return { status: 503 };
      return isPing(one) ? { version: '2.0.0' } : {};
    });
    expect(await clear({ port })).toBe(true);
    expect(deletions()).toHaveLength(MEASUREMENTS.length);
  });
});

describe('a stop', () => {
  it('ends the wait for a server that does not answer, and nothing was touched', async () => {
    const { port, asked } = await scripted(() => 'hang');
    const stop = new AbortController();
    const cleared = clear({ port, stop: stop.signal });
    await until('it was asked', () => asked.length > 0);
    stop.abort();
    expect(await cleared).toBe(false);
    expect(asked.length).toBeLessThanOrEqual(2);
    expect(hasBacklog()).toEqual([true, true]);
  });

  it('ends a deletion that takes long, and the backlog stays', async () => {
    const { port, deletions } = await scripted((one) => (isPing(one) ? { version: '2.7.1' } : 'hang'));
    const stop = new AbortController();
    const cleared = clear({ port, stop: stop.signal });
    await until('it was asked', () => deletions().length > 0);
    stop.abort();
    expect(await cleared).toBe(false);
    expect(logText()).toContain('Stopped before all data of demo was deleted');
    expect(hasBacklog()).toEqual([true, true]);
  });

  it('that came before is obeyed', async () => {
    const { port, asked } = await scripted(() => ({ version: '2.7.1' }));
    expect(await clear({ port, stop: AbortSignal.abort(), yes: true })).toBe(false);
    expect(asked).toEqual([]);
    expect(hasBacklog()).toEqual([true, true]);
  });

  it('is an answer to the question, and it is no', async () => {
    const stop = new AbortController();
    const cleared = clear({ terminal: terminal(''), stop: stop.signal });
    stop.abort();
    expect(await cleared).toBe(false);
    expect(hasBacklog()).toEqual([true, true]);
  });
});

describe('on a terminal', () => {
  it('it says what is deleted and where, and goes on with y or yes', async () => {
    const { port, deletions } = await scripted((one) => (isPing(one) ? { version: '2.7.1' } : {}));
    for (const [index, answer] of ['y\n', 'yes\n', ' YES \r\n'].entries()) {
      const seat = terminal(answer);
      expect(await clear({ port, terminal: seat })).toBe(true);
      expect(deletions()).toHaveLength((index + 1) * MEASUREMENTS.length);
      const shown = seat.shown();
      for (const named of [
        ...MEASUREMENTS,
        `127.0.0.1:${port}`,
        'sensor=demo',
        state().buffer,
        state().rejected,
      ])
        expect(shown).toContain(named);
      expect(shown.endsWith('Delete? [y/N] ')).toBe(true);
    }
  });

  it.each(['\n', 'n\n', 'no\n', 'yess\n', 'ja, y\n'])(
    '%j is a no: nothing is asked or deleted',
    async (answer) => {
      const { port, asked } = await scripted(() => ({ version: '2.7.1' }));
      expect(await clear({ port, terminal: terminal(answer) })).toBe(false);
      expect(asked).toEqual([]);
      expect(hasBacklog()).toEqual([true, true]);
    },
  );

  it('the end of the input is a no', async () => {
    expect(await clear({ terminal: terminal('', { end: true }) })).toBe(false);
    expect(hasBacklog()).toEqual([true, true]);
  });

  it('with --yes nothing is asked', async () => {
    const seat = terminal('');
    expect(await clear({ terminal: seat, yes: true })).toBe(true);
    expect(seat.shown()).toBe('');
  });

  it('nothing is asked where only one of input and stderr is one', async () => {
    const { input, output } = terminal('');
    expect(await clear({ terminal: { input, output: new PassThrough() } })).toBe(true);
    expect(await clear({ terminal: { input: new PassThrough(), output } })).toBe(true);
  });
});

describe('the embedded store', () => {
  const log = pino({ level: 'silent' });
  const record = async (definition: Definition) => {
    const destination = await EmbeddedDestination.open({
      file: state().store,
      definition,
      env: 'dev',
      retentionMs: 0,
      ledger: new Ledger(definition),
      log,
    });
    const timestamp = BigInt(Date.now()) * 1_000_000n;
    const readings = packReadings(definition.metrics, [{ timestamp, values: [1], defect: false }]);
    const points = new Ledger(definition).heartbeat(1n);
    await destination.write({ readings, points, refused: 0, lost: 0 });
    await destination.close();
  };
  const rows = async () => {
    const store = await Store.open(state().store, log);
    const counts: unknown[] = [];
    for (const table of ['readings', 'errors', 'runner']) {
      counts.push(...(await store.query(`SELECT count(*)::INTEGER FROM ${table}`)).flat());
    }
    store.close();
    return counts;
  };

  it('has no rows left, and takes new ones, even of another type', async () => {
    stateWithBacklog();
    await record(DEMO);
    const [readings, errors, runner] = await rows();
    expect([readings, errors]).toEqual([1, errorKinds(DEMO).length]);
    expect(await clear()).toBe(true);
    expect(hasBacklog()).toEqual([false, false]);
    await record({ ...DEMO, metrics: [{ name: 'load', type: 'integer', kind: 'gauge' }] } as Definition);
    expect(await rows()).toEqual([1, errorKinds(DEMO).length, runner]);
  });

  it('may not be there yet', async () => {
    expect(await clear()).toBe(true);
    expect(existsSync(state().store)).toBe(false);
  });

  it('is left alone where the data of an InfluxDB is cleared', async () => {
    stateWithBacklog();
    await record(DEMO);
    const { port } = await scripted((one) => (isPing(one) ? { version: '2.7.1' } : {}));
    expect(await clear({ port })).toBe(true);
    expect((await rows())[0]).toBe(1);
  });
});

describe('visualizer run --clear-data', () => {
  const sensorOf = async (lines: number) => {
    return shellSensor(folder, `exec ${BUNDLED_SENSOR} --interval 0 --lines ${lines}`);
  };
  const run = async (lines: number, ...args: string[]) =>
    visualizer([
      ...['run', '--no-page', '--state-dir', join(folder, 'state'), '--restart', 'never'],
      ...['--path-executable', await sensorOf(lines), '--drain-timeout', '30s', ...args],
    ]);

  it('begins with an empty embedded store', async () => {
    await run(30);
    expect(await run(5, '--clear-data')).toMatchObject({ exitCode: 0 });
    const { stdout } = await visualizer(['export', '--state-dir', join(folder, 'state')]);
    expect(stdout.split('\n')).toHaveLength(6);
  });

  it('cannot go with UDP', async () => {
    const { exitCode, stderr } = await run(1, '--host', '127.0.0.1', '--use-udp', '--clear-data');
    expect(exitCode).toBe(78);
    expect(stderr).toContain('UDP has no way to delete');
  });

  it.skipIf(!hasInfluxd)('begins afresh in InfluxDB: readings, backlog and books', async () => {
    const influxd = await startInfluxd();
    closers.push(() => influxd.stop());
    const at = ['--host', '127.0.0.1', '--port', String(influxd.port)];
    await run(30, ...at);
    await influxd.kill();
    await run(7, ...at, '--drain-timeout', '0');
    await influxd.start();
    const { exitCode, stderr } = await run(5, ...at, '--clear-data');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(await numberOf(influxd, 'sensor', 'SELECT count(counter) FROM sensor')).toBe(5);
    expect(logLines(stderr).at(-1)).toMatchObject({ read: 5, delivered: 5, queued: 0 });
  });
});
