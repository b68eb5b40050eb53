import { once } from 'node:events';
import { type ClientRequest, get, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { VisualizerError } from '../../src/errors.js';
import type { Page, PageOptions } from '../../src/local/server.js';
import type { Change, Snapshot } from '../../src/local/wire.js';
import { until } from '../until.js';
import { ASSETS, DEFINITION, FakeRun, history, reading } from './page-fixture.js';

const open: { destroy(): unknown }[] = [];
const pages: Page[] = [];
afterEach(async () => {
  for (const connection of open.splice(0)) connection.destroy();
  for (const page of pages.splice(0)) await page.close();
});

async function start(run = new FakeRun(), options: Partial<PageOptions> = {}): Promise<Page> {
  const page = await run.start({ assets: ASSETS, ...options });
  pages.push(page);
  return page;
}

interface Answer {
  status: number | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

/** As node:http sends it: the path is not tidied up as `fetch` would. */
function ask(page: Page, path: string, options: { method?: string; host?: string } = {}): Promise<Answer> {
  const { hostname, port, host } = new URL(page.url);
  return new Promise((resolve, reject) => {
    const headers = { host: options.host ?? host };
    const sent = httpRequest(
      { hostname, port, path, method: options.method ?? 'GET', headers, agent: false },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
      },
    );
    sent.on('error', reject).end();
  });
}

/** What an event stream has said so far. */
class Listener {
  text = '';
  ended = false;
  readonly #request: ClientRequest;

  constructor(page: Page) {
    this.#request = get(`${page.url}events`, { agent: false }, (response) => {
      response.setEncoding('utf8').on('data', (chunk) => {
        this.text += chunk;
      });
      response.on('close', () => {
        this.ended = true;
      });
    });
    this.#request.on('error', () => {});
    open.push(this.#request);
  }

  events(name: 'snapshot'): Snapshot[];
  events(name: 'change'): Change[];
  events(name: string): unknown[] {
    return [...this.text.matchAll(/event: (\w+)\ndata: (.*)\n\n/g)]
      .filter(([, event]) => event === name)
      .map(([, , data]) => JSON.parse(data as string));
  }

  leave(): void {
    this.#request.destroy();
  }
}

/** A client that asks for the event stream and never reads it. */
function sleeper(page: Page): Socket {
  const { hostname, port, host } = new URL(page.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  socket.pause();
  socket.write(`GET /events HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  open.push(socket);
  return socket;
}

describe('the page server', () => {
  it.each([
    ['/', 'text/html; charset=utf-8', '<!doctype html>'],
    ['/?from=a-bookmark', 'text/html; charset=utf-8', '<!doctype html>'],
    ['/page.css', 'text/css; charset=utf-8', ':root'],
    ['/page.js', 'text/javascript; charset=utf-8', 'import'],
    ['/favicon.svg', 'image/svg+xml', '<svg'],
    ['/uplot.js', 'text/javascript; charset=utf-8', 'export { uPlot as default }'],
    ['/uplot.css', 'text/css; charset=utf-8', '.uplot'],
    ['/healthz', 'application/json; charset=utf-8', '{"status":"ok"}'],
  ])('serves %s as %s', async (path, type, excerpt) => {
    const page = await start();
    const answer = await ask(page, path);
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'content-type': type, 'x-content-type-options': 'nosniff' },
    });
    expect(answer.body).toContain(excerpt);
    expect(answer.headers['content-security-policy']).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self';/,
    );
  });

  it('says in /api/recent what the run is and what it has seen', async () => {
    const run = new FakeRun();
    const page = await start(run, {
      env: 'prod',
      destination: 'InfluxDB at db:8086',
      now: () => 1_700_000_000_400,
    });
    run.feed([reading(1_700_000_000_000, [7.5, 5n, 1n]), reading(1_700_000_000_001, [0, 0n, 0n], true)]);
    const snapshot: Snapshot = JSON.parse((await ask(page, '/api/recent')).body);
    expect(snapshot.about).toEqual({
      sensor: 'demo',
      env: 'prod',
      destination: 'InfluxDB at db:8086',
      metrics: DEFINITION.metrics,
      windowMs: 600_000,
      bucketMs: 500,
    });
    expect(snapshot.now).toBe(1_700_000_000_400);
    expect(snapshot.counters).toMatchObject({ read: 2, stored: 2, defects: 1 });
    expect(snapshot.recent).toMatchObject({
      time: [1_700_000_000_000],
      defects: [1],
      latest: ['7.5', '5', '1'],
    });
  });

  it.each(['/', '/api/recent', '/healthz', '/uplot.js', '/events'])(
    'answers HEAD %s with headers only',
    async (path) => {
      const page = await start();
      expect(await ask(page, path, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
    },
  );

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'])('answers %s with 405', async (method) => {
    const page = await start();
    const answer = await ask(page, '/api/recent', { method });
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
    expect(JSON.parse(answer.body).error).toContain(method);
  });

  it.each([
    '/nothing',
    '/page/',
    '/api/',
    '/page.ts',
    '/tsconfig.json',
    '/../package.json',
    '/../../errors.ts',
    '/%2e%2e/%2e%2e/errors.ts',
    '/..%2f..%2ferrors.ts',
    '/..\\..\\errors.ts',
    '//etc/passwd',
    '/%00',
    '/page.js%00.html',
    '/%',
    '/__proto__',
    '/constructor',
    'http://127.0.0.1/page.js',
    '*',
  ])('answers %s with 404 in JSON', async (path) => {
    const page = await start();
    const answer = await ask(page, path);
    expect(answer).toMatchObject({
      status: 404,
      headers: { 'content-type': 'application/json; charset=utf-8' },
    });
    expect(JSON.parse(answer.body)).toHaveProperty('error');
  });

  it('listens to its own name only', async () => {
    const page = await start();
    const { port } = new URL(page.url);
    const status = async (host: string) => (await ask(page, '/api/recent', { host })).status;
    for (const own of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`])
      expect(await status(own)).toBe(200);
    const foreign = [
      'evil.example',
      `evil.example:${port}`,
      `localhost.evil.example:${port}`,
      '127.0.0.1',
      'localhost:1',
      `127.0.0.1:${port}@evil.example`,
      `evil.example, localhost:${port}`,
      '*',
    ];
    for (const host of foreign) expect(await status(host), host).toBe(421);
  });

  it('is reached by loopback only', async () => {
    const { port, hostname } = new URL((await start()).url);
    expect(hostname).toBe('127.0.0.1');
    const addresses = Object.values(networkInterfaces()).flatMap((ofOne) => ofOne ?? []);
    for (const { address } of addresses.filter(({ internal, family }) => !internal && family === 'IPv4')) {
      const socket = connect(Number(port), address);
      const [error] = await once(socket, 'error');
      expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    }
  });

  it('survives bytes that are no HTTP', async () => {
    const page = await start();
    const { hostname, port } = new URL(page.url);
    for (const bytes of [
      '\0\xff\0\r\n\r\n',
      'GET / HTTP/1.1\r\n\r\n',
      `GET /${'a'.repeat(100_000)} HTTP/1.1\r\n\r\n`,
      '',
    ]) {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => {}).resume();
      socket.end(bytes, 'latin1');
      await until('the connection is over', () => socket.destroyed);
    }
    expect((await ask(page, '/healthz')).status).toBe(200);
  });

  it('answers 500, and goes on, where the counters fail', async () => {
    const run = new FakeRun();
    let broken = true;
    const counters = () => {
      if (broken) throw new Error('no ledger');
      return run.counters;
    };
    const page = await start(run, { counters });
    expect((await ask(page, '/api/recent')).status).toBe(500);
    expect((await ask(page, '/events')).status).toBe(500);
    expect(run.errors).toHaveLength(2);
    broken = false;
    expect((await ask(page, '/api/recent')).status).toBe(200);

    const listener = new Listener(page);
    await until('the stream stands', () => listener.events('snapshot').length === 1);
    broken = true;
    await until('an update has failed', () => run.errors.length > 2);
    broken = false;
    run.feed(history(1));
    await until('updates come again', () => listener.events('change').length === 1);
  });

  it('refuses a port that is taken, naming the port and the way out', async () => {
    const page = await start();
    const port = Number(new URL(page.url).port);
    const error = await new FakeRun().start({ assets: ASSETS, port }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(VisualizerError);
    expect(error).toMatchObject({ code: 'BAD_SETTING' });
    expect((error as Error).message).toMatch(
      new RegExp(`--page-port ${port}.*another program.*--page-port.*--no-page`),
    );
  });

  it('says so where the page was not built', async () => {
    const nowhere = new URL('./nowhere/', ASSETS);
    await expect(new FakeRun().start({ assets: nowhere })).rejects.toThrow('npm run build');
  });
});

describe('the event stream', () => {
  it('starts with everything and goes on with what changed', async () => {
    const run = new FakeRun();
    const now = Date.now();
    run.feed([reading(now, [1, 1n, 1n])]);
    const page = await start(run);
    const listener = new Listener(page);
    await until('the snapshot is there', () => listener.events('snapshot').length === 1);
    expect(listener.events('snapshot')[0]).toMatchObject({
      about: { sensor: 'demo' },
      counters: { read: 1 },
    });
    expect(listener.events('snapshot')[0]?.recent.time).toHaveLength(1);

    run.feed([reading(now + 1_000, [2, 2n, 2n])]);
    await until('the change is there', () => listener.events('change').length === 1);
    const [change] = listener.events('change');
    expect(change?.counters.read).toBe(2);
    expect(change?.recent).toMatchObject({
      time: [Math.floor((now + 1_000) / 500) * 500],
      latest: ['2', '2', '2'],
    });
    expect(listener.text.startsWith('retry: ')).toBe(true);
  });

  it('says only that it is there while nothing changes, and tells of counters alone', async () => {
    const run = new FakeRun();
    const page = await start(run);
    const listener = new Listener(page);
    await until('two keep-alives came', () => listener.text.split(': keep-alive').length > 2);
    expect(listener.events('change')).toEqual([]);
    run.counters = { ...run.counters, errors: 3 };
    await until('the error is told', () => listener.events('change').length === 1);
    expect(listener.events('change')[0]).toMatchObject({ counters: { errors: 3 }, recent: { time: [] } });
  });

  it('tells every listener the same', async () => {
    const run = new FakeRun();
    const page = await start(run);
    const listeners = Array.from({ length: 5 }, () => new Listener(page));
    await until('all listen', () => listeners.every((listener) => listener.events('snapshot').length === 1));
    run.feed(history(3));
    await until('all are told', () => listeners.every((listener) => listener.events('change').length === 1));
    const told = new Set(listeners.map((listener) => JSON.stringify(listener.events('change')[0]?.recent)));
    expect(told.size).toBe(1);
  });

  it('asks for nothing once nobody listens', async () => {
    const run = new FakeRun();
    const page = await start(run);
    const listener = new Listener(page);
    await until('it is told', () => run.asked > 2);
    listener.leave();
    let asked = -1;
    await until('the asking ends', async () => {
      const before = run.asked;
      await new Promise((resolve) => setTimeout(resolve, 200));
      asked = run.asked;
      return asked === before;
    });
    expect(asked).toBeGreaterThan(0);
  });

  it('drops a listener that does not read, and goes on telling the others', async () => {
    const metrics = Array.from(
      { length: 400 },
      (_, index) => ({ name: `m${index}`, kind: 'gauge', type: 'float' }) as const,
    );
    const run = new FakeRun({ name: 'wide', metrics });
    const now = Date.now();
    const wide = (ms: number) =>
      reading(
        ms,
        metrics.map((_, index) => Math.sqrt(index + ms)),
      );
    run.feed(Array.from({ length: 1_000 }, (_, index) => wide(now - index * 500)));
    const page = await start(run, { patienceMs: 500 });
    const sockets = [sleeper(page), sleeper(page)];
    const reader = new Listener(page);
    await until('the reader has the snapshot', () => reader.events('snapshot').length === 1, 30_000);

    const feeding = setInterval(() => run.feed([wide(Date.now())]), 20);
    await until('both sleepers are dropped', () => run.warnings.length === 2).finally(() =>
      clearInterval(feeding),
    );
    expect(run.warnings[0]).toContain('does not read');
    for (const socket of sockets) {
      socket.resume();
      await until('the sleeper sees the end', () => socket.destroyed);
    }
    const told = reader.events('change').length;
    run.feed([wide(Date.now() + 1_000)]);
    await until('the reader is still told', () => reader.events('change').length > told);
  });
});

describe('closing', () => {
  it('ends open streams at once', async () => {
    const page = await start();
    const listeners = [new Listener(page), new Listener(page)];
    await until('both listen', () => listeners.every((listener) => listener.events('snapshot').length === 1));
    const began = performance.now();
    await page.close();
    expect(performance.now() - began).toBeLessThan(2_000);
    await until('both saw the end', () => listeners.every((listener) => listener.ended));
    await expect(ask(page, '/')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    pages.length = 0;
  });

  it('does not wait for one that does not read, nor for one that never asks', async () => {
    const metrics = Array.from(
      { length: 400 },
      (_, index) => ({ name: `m${index}`, kind: 'gauge', type: 'float' }) as const,
    );
    const run = new FakeRun({ name: 'wide', metrics });
    run.feed(
      Array.from({ length: 1_000 }, (_, index) =>
        reading(
          Date.now() - index * 500,
          metrics.map(() => Math.PI),
        ),
      ),
    );
    const page = await start(run);
    sleeper(page);
    const { hostname, port } = new URL(page.url);
    open.push(connect(Number(port), hostname).on('error', () => {}));
    await until('the stream stands', () => run.asked > 0);
    const began = performance.now();
    await page.close();
    expect(performance.now() - began).toBeLessThan(2_000);
    pages.length = 0;
  });

  it('leaves the port to the next run', async () => {
    const page = await start();
    const port = Number(new URL(page.url).port);
    await page.close();
    pages.length = 0;
    expect((await ask(await start(new FakeRun(), { port }), '/healthz')).status).toBe(200);
  });
});
