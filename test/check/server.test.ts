import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { selfSigned } from '../servers/certificates.js';
import { ADMIN, hasInfluxd, type Influxd, startInfluxd } from '../servers/influxd.js';
import { installed } from '../servers/program.js';
import { freePort } from '../servers/server.js';
import { hasVictoriaMetrics, startVictoriaMetrics } from '../servers/victoria-metrics.js';
import { until } from '../until.js';
import { shellSensor, temporaryFolder, visualizer } from '../visualizer.js';
import { definitionFile, diagnose } from './doctor.js';

let folder: string;
const closers: (() => unknown)[] = [];
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  await rm(folder, { recursive: true, force: true });
});

const at = (port: number, environment: Record<string, string> = {}, ...more: string[]) =>
  diagnose(folder, ['--host', '127.0.0.1', '--port', String(port), ...more], environment);

/** `hangs`: it never answers. */
type Script = Record<
  string,
  { status: number; hangs?: boolean; afterMs?: number; body?: string; headers?: Record<string, string> }
>;

interface Asked {
  readonly path: string;
  readonly body: string;
}

/** An InfluxDB 2.x that answers by the path; what is not in the script it takes. */
async function scripted(script: Script = {}): Promise<{ port: number; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = (request.url ?? '').split('?')[0] ?? '';
    asked.push({ path, body: Buffer.concat(chunks).toString() });
    const found = '{"results":[{"series":[{"name":"visualizer_check","values":[[0,1]]}]}]}';
    const usual = path === '/query' ? { status: 200, body: found } : { status: 204 };
    const { status, body, headers, hangs, afterMs = 0 }: Script[string] = script[path] ?? usual;
    if (hangs) return;
    await delay(afterMs);
    response.writeHead(status, { 'x-influxdb-version': 'v2.7.1', ...headers }).end(body);
  });
  return { port: await listen(server), asked };
}

async function listen(server: HttpServer): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const refusal = (code: string, message: string) => JSON.stringify({ code, message });

describe('a server that', () => {
  it('is not there', async () => {
    const { exitCode, about } = await at(await freePort());
    expect(exitCode).toBe(69);
    expect(about('server')).toMatch(
      /^server +fail .*nothing listens there.*\n +-> start the InfluxDB, or name .*--port$/,
    );
  });

  it('listens at the usual port instead is found there', async () => {
    // An address that no other test, and no InfluxDB of this machine, listens on.
    const host = '127.86.86.86';
    const server = createServer((_, response) =>
      response.writeHead(204, { 'x-influxdb-version': '1.8.10' }).end(),
    );
    server.listen(8086, host);
    await once(server, 'listening');
    closers.push(() => server.close());
    const { exitCode, about } = await diagnose(folder, ['--host', host, '--port', String(await freePort())]);
    expect(exitCode).toBe(69);
    expect(about('server')).toMatch(/fail .*an InfluxDB answers at port 8086\n +-> leave --port out/);
  });

  it('has a name that nobody knows', async () => {
    const { exitCode, about } = await diagnose(folder, ['--host', 'none.invalid']);
    expect(exitCode).toBe(69);
    expect(about('server')).toMatch(
      /fail .*(not known|cannot be looked up).*\n +-> .*--host; see: getent hosts none\.invalid$/,
    );
  });

  it('never answers is not waited for', async () => {
    const port = await listen(createServer(() => {}));
    const { exitCode, about } = await at(port, {}, '--write-timeout', '300ms');
    expect(exitCode).toBe(69);
    expect(about('server')).toMatch(/fail .*no answer in time\n +-> .*nc -vz 127\.0\.0\.1/);
  });

  it('is no InfluxDB, so that the port is wrong', async () => {
    const port = await listen(createServer((_, response) => response.end('<html>hello</html>')));
    const { exitCode, about } = await at(port);
    expect(exitCode).toBe(69);
    expect(about('server')).toMatch(
      /fail .*some other server.*\n +-> give the port of the InfluxDB with --port/,
    );
  });

  it.skipIf(!installed('openssl', 'openssl'))('wants TLS and is asked without', async () => {
    const server = createTlsServer(selfSigned(), (_, response) => response.end());
    const { exitCode, about } = await at(await listen(server as unknown as HttpServer));
    expect(exitCode).toBe(69);
    expect(about('server')).toMatch(/fail .*speaks TLS.*\n +-> add --tls$/);
  });

  it('does not speak TLS and is asked in it', async () => {
    const { port } = await scripted({ '/ping': { status: 204 } });
    const { exitCode, about } = await at(port, {}, '--tls');
    expect(exitCode).toBe(69);
    expect(about('server')).toMatch(/fail .*\n +-> .*--tls/);
  });

  it.skipIf(!installed('openssl', 'openssl'))('has a certificate that nobody vouches for', async () => {
    const server = createTlsServer(selfSigned(), (_, response) => response.end());
    const { exitCode, about } = await at(await listen(server as unknown as HttpServer), {}, '--tls');
    expect(exitCode).toBe(69);
    expect(about('server')).toMatch(/fail .*\n +-> .*--ca/);
  });

  it('is to be vouched for by a file that is not there', async () => {
    const { port } = await scripted({ '/ping': { status: 204 } });
    const { exitCode, about } = await at(port, {}, '--tls', '--ca', '/nowhere/ca.pem');
    expect(exitCode).toBe(78);
    expect(about('settings')).toMatch(/fail .*ca\.pem/);
  });

  it('complains like a Go server about plain HTTP is asked whether it speaks TLS', async () => {
    const complaint = 'Client sent an HTTP request to an HTTPS server.\n';
    const { port } = await scripted({ '/ping': { status: 400, body: complaint } });
    const { exitCode, about } = await at(port);
    expect(exitCode).toBe(69);
    expect(about('server')).toContain('Client sent an HTTP request to an HTTPS server');
  });

  it.each([
    ['ahead', 60_000, 'behind'],
    ['behind', -60_000, 'ahead of'],
  ])('has a clock that is %s', async (_name, offMs, told) => {
    const date = new Date(Date.now() + offMs).toUTCString();
    const { port } = await scripted({ '/ping': { status: 204, headers: { date } } });
    const { exitCode, about } = await at(port);
    expect(exitCode).toBe(0);
    expect(about('clock')).toMatch(
      // The date is that of the test's beginning.
      new RegExp(`warn +this machine's is [56]\\d s ${told} .*\n +-> .*timedatectl`),
    );
  });

  it('has no listener for UDP', async () => {
    const { exitCode, about } = await at(await freePort(), {}, '--use-udp');
    expect(exitCode).toBe(69);
    expect(about('server')).toMatch(/fail .*over UDP: nothing listens.*\n +-> turn on \[\[udp\]\]/);
  });
});

describe('an InfluxDB 2.x', () => {
  it('takes a point, gives it back, and is asked to delete it', async () => {
    const { port, asked } = await scripted();
    const { exitCode, about } = await at(port, { INFLUX_TOKEN: 't' });
    expect([exitCode, about('writing')]).toEqual([
      0,
      'writing     ok    a point was written to sensor, read back and deleted',
    ]);
    const [, sensor] = /^visualizer_check,sensor=(\S+) value=1i \d+\n$/.exec(
      asked.find(({ path }) => path === '/api/v2/write')?.body ?? '',
    ) as RegExpExecArray;
    const deletion = asked.at(-1);
    expect(deletion?.path).toBe('/api/v2/delete');
    expect(JSON.parse(deletion?.body ?? '{}').predicate).toBe(
      `_measurement="visualizer_check" AND sensor="${sensor}"`,
    );
  });

  const TOKEN = { INFLUX_TOKEN: 't' };
  const unauthorized = refusal('unauthorized', 'unauthorized access');
  it.each([
    ['the token is missing', 401, unauthorized, {}, /asks for a token.*\n +-> set INFLUX_TOKEN/],
    [
      'the token is wrong',
      401,
      unauthorized,
      TOKEN,
      /does not know this token.*\n +-> set INFLUX_TOKEN .*influx auth list/,
    ],
    [
      'the token may not write',
      403,
      refusal('forbidden', 'insufficient permissions for write'),
      TOKEN,
      /may not write to sensor.*\n +-> .*influx auth create --org visualizer --write-buckets/,
    ],
    [
      'the bucket is missing',
      404,
      refusal('not found', 'bucket "sensor" not found'),
      TOKEN,
      /no bucket sensor.*\n +-> make it: influx bucket create --org visualizer --name sensor/,
    ],
    [
      'the organisation is wrong',
      404,
      refusal('not found', 'organization name "visualizer" not found'),
      TOKEN,
      /organisation visualizer.*\n +-> .*--org .*influx org list/,
    ],
  ])('says that %s', async (_name, status, body, environment, line) => {
    const { port, asked } = await scripted({ '/api/v2/write': { status, body } });
    const { exitCode, about } = await at(port, environment as Record<string, string>);
    expect(exitCode).toBe(77);
    expect(about('writing')).toMatch(line);
    expect(asked.map(({ path }) => path)).not.toContain('/api/v2/delete');
  });

  it('that is busy is not reachable', async () => {
    const { port } = await scripted({ '/api/v2/write': { status: 503, body: 'busy' } });
    const { exitCode, about } = await at(port, TOKEN);
    expect(exitCode).toBe(69);
    expect(about('writing')).toMatch(/fail .*503 busy\n +-> /);
  });

  it('has its point deleted although the check was stopped before it was read back', async () => {
    const { port, asked } = await scripted({
      '/ping': { status: 204, afterMs: 300 },
      '/query': { status: 200, hangs: true },
    });
    const sensor = shellSensor(folder, 'sleep 60');
    const own = ['--sensor', definitionFile(folder), '--state-dir', join(folder, 'state'), '--no-page'];
    const run = visualizer([
      'check',
      ...own,
      '--path-executable',
      sensor,
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
    ]);
    await until('the point is asked for', () => asked.some(({ path }) => path === '/query'));
    run.kill('SIGTERM');
    const { exitCode, stderr } = await run;
    expect([exitCode, stderr]).toEqual([130, 'visualizer: The check was stopped before its end.']);
    expect(asked.at(-1)?.path).toBe('/api/v2/delete');
  });

  it('has nothing deleted by --clear-data, which is the business of a run', async () => {
    const { port, asked } = await scripted();
    await at(port, TOKEN, '--clear-data', '--yes');
    const deleted = asked.filter(({ path }) => path === '/api/v2/delete').map(({ body }) => body);
    expect(deleted).toHaveLength(1);
    expect(deleted[0]).toContain('visualizer_check');
  });

  it('with a token that may only write is warned of, and the point deleted', async () => {
    const { port, asked } = await scripted({ '/query': { status: 403, body: refusal('forbidden', 'no') } });
    const { exitCode, about } = await at(port, TOKEN);
    expect(exitCode).toBe(0);
    expect(about('writing')).toMatch(/warn .*did not give it back: 403 no\n +-> .*Grafana/);
    expect(asked.at(-1)?.path).toBe('/api/v2/delete');
  });
});

it('an InfluxDB 3, which cannot delete, is said to keep the point', async () => {
  const { port } = await scripted({ '/ping': { status: 200, headers: { 'x-influxdb-version': '3.0.1' } } });
  const { exitCode, about } = await at(port, { INFLUX_TOKEN: 't' });
  expect(exitCode).toBe(0);
  expect(about('writing')).toMatch(
    /warn .*could not be deleted: .*InfluxDB 3 cannot delete points\n +-> it stays/,
  );
});

describe.skipIf(!hasInfluxd)('an InfluxDB 1.x', () => {
  let influxd: Influxd;
  beforeAll(async () => {
    influxd = await startInfluxd();
  });
  afterAll(() => influxd.stop());

  it('that lacks the database is warned of: a run makes it, a check does not', async () => {
    const { exitCode, about } = await at(influxd.port, {}, '--bucket', 'none');
    expect(exitCode).toBe(0);
    expect(about('writing')).toMatch(/warn +the database none is not there.*\n +-> .*CREATE DATABASE "none"/);
    expect(JSON.stringify(await influxd.query('', 'SHOW DATABASES'))).not.toContain('none');
  });

  it('holds nothing of the probe afterwards', async () => {
    await influxd.query('', 'CREATE DATABASE "sensor"');
    const { exitCode, about } = await at(influxd.port);
    expect(about('server')).toMatch(/^server +ok .*version 1\.\S+, answers in \d+ ms$/);
    expect([exitCode, about('writing')]).toEqual([
      0,
      'writing     ok    a point was written to sensor, read back and deleted',
    ]);
    expect(await influxd.query('sensor', 'SHOW SERIES')).toEqual([]);
    expect(await influxd.query('sensor', 'SHOW MEASUREMENTS')).toEqual([]);
  });

  it('listens for UDP, and stores nothing of what a check sends there', async () => {
    const { exitCode, about } = await at(influxd.udpPort, {}, '--use-udp');
    expect(exitCode).toBe(0);
    expect(about('server')).toMatch(/ok .*UDP does not tell/);
    // What was sent later is there: so what was sent earlier was looked at.
    const socket = createSocket('udp4');
    const seen = () => influxd.query('udp', 'SHOW SERIES').catch(() => []);
    await until('a later point is there', async () => {
      socket.send('later x=1', influxd.udpPort, '127.0.0.1');
      return (await seen()).length > 0;
    });
    socket.close();
    expect((await seen()).flatMap(({ values }) => values)).toEqual([['later']]);
  });
});

describe.skipIf(!hasInfluxd)('an InfluxDB 1.x that asks for a user', () => {
  let influxd: Influxd;
  beforeAll(async () => {
    influxd = await startInfluxd({ auth: true });
    const ask = (q: string) =>
      fetch(`http://127.0.0.1:${influxd.port}/query?u=${ADMIN.username}&p=${ADMIN.password}`, {
        method: 'POST',
        body: new URLSearchParams({ q }),
      });
    await ask('CREATE DATABASE sensor');
    await ask(`CREATE USER reader WITH PASSWORD 'secret'`);
    await ask('GRANT READ ON sensor TO reader');
  });
  afterAll(() => influxd.stop());

  it.each([
    ['none is given', {}, /asks for a user, and none is given.*\n +-> set INFLUX_USERNAME/],
    [
      'the password is wrong',
      { INFLUX_USERNAME: ADMIN.username, INFLUX_PASSWORD: 'wrong' },
      /does not know the user admin.*\n +-> set INFLUX_USERNAME/,
    ],
    [
      'the user may not write',
      { INFLUX_USERNAME: 'reader', INFLUX_PASSWORD: 'secret' },
      /may not write to sensor.*\n +-> .*GRANT ALL ON "sensor" TO "reader"/,
    ],
  ])('says that %s', async (_name, environment, line) => {
    const { exitCode, about, stdout } = await at(influxd.port, environment as Record<string, string>);
    expect(exitCode).toBe(77);
    expect(about('writing')).toMatch(line);
    expect(stdout).not.toContain('secret');
  });
});

describe.skipIf(!hasVictoriaMetrics)('a VictoriaMetrics', () => {
  it('is told to take points and to answer no InfluxQL', async () => {
    const server = await startVictoriaMetrics();
    closers.push(() => server.stop());
    const { exitCode, about } = await at(server.port);
    expect(exitCode).toBe(0);
    expect(about('writing')).toMatch(/^writing +warn .*did not give it back.*could not be deleted/);
  });
});
