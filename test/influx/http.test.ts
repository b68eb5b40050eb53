import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { culprits, type Line } from '../../src/influx/culprits.js';
import { HttpLink, type HttpOptions } from '../../src/influx/http.js';
import type { Verdict } from '../../src/influx/verdict.js';
import { hasInfluxd, type Influxd, numberOf, startInfluxd } from '../servers/influxd.js';
import {
  accept,
  answer,
  endless,
  hang,
  hangInBody,
  resetInBody,
  type ScriptedInflux,
  startScriptedInflux,
} from '../servers/scripted-influx.js';
import { until } from '../until.js';

const NEVER = new AbortController().signal;
const TIMEOUT_MS = 250;
const LINE = 'm,env=a x=1 1795334400000000000\n';

const linkTo = (port: number, options: Partial<HttpOptions> = {}) =>
  new HttpLink({
    host: '127.0.0.1',
    port,
    org: 'an org',
    bucket: 'a bucket',
    timeoutMs: TIMEOUT_MS,
    ...options,
  });

describe('a link over HTTP', () => {
  let server: ScriptedInflux;
  beforeEach(async () => {
    server = await startScriptedInflux();
  });
  afterEach(() => server.close());

  const write = (link: HttpLink, lines = LINE) => link.write(Buffer.from(lines), NEVER);
  const paths = () => server.requests.map(({ method, url }) => `${method} ${url.pathname}`);

  it('writes to /api/v2/write of a server of 2.x, with org, bucket and token', async () => {
    expect(await write(linkTo(server.port, { token: 'secret' }))).toEqual({ kind: 'accepted' });
    expect(paths()).toEqual(['GET /ping', 'POST /api/v2/write']);
    const { url, headers } = server.requests[1] as (typeof server.requests)[0];
    expect(Object.fromEntries(url.searchParams)).toEqual({
      org: 'an org',
      bucket: 'a bucket',
      precision: 'ns',
    });
    expect(headers.authorization).toBe('Token secret');
  });

  it('creates the database on a server of 1.x, and writes to /write, as the user', async () => {
    server.version = '1.6.7~rc0';
    const link = linkTo(server.port, {
      bucket: 'a "b"',
      username: 'u',
      password: 'pässword',
      token: 'secret',
    });
    server.query = answer(200, { results: [{ statement_id: 0 }] });
    server.databases.add('a "b"');
    expect(await write(link)).toEqual({ kind: 'accepted' });
    expect(paths()).toEqual(['GET /ping', 'POST /query', 'POST /write']);
    const [, query, post] = server.requests as [unknown, ...typeof server.requests];
    expect(query?.url.searchParams.get('q')).toBe('CREATE DATABASE "a \\"b\\""');
    expect(Object.fromEntries(post?.url.searchParams ?? [])).toEqual({ db: 'a "b"', precision: 'ns' });
    const basic = Buffer.from('u:pässword').toString('base64');
    expect(post?.headers.authorization).toBe(`Basic ${basic}`);
  });

  it('compresses what is more than a packet, where that is wanted', async () => {
    const link = linkTo(server.port, { gzip: true });
    const lines = Array.from({ length: 1_000 }, (_, second) => `m,env=a x=${second} ${second}000000000\n`);
    expect(await write(link, lines.join(''))).toEqual({ kind: 'accepted' });
    expect(await write(link)).toEqual({ kind: 'accepted' });
    const [large, small] = server.writes;
    expect(large?.headers['content-encoding']).toBe('gzip');
    expect(Number(large?.headers['content-length'])).toBeLessThan(lines.join('').length / 3);
    expect(large?.lines).toEqual(lines.map((line) => line.trimEnd()));
    expect(small?.headers['content-encoding']).toBeUndefined();
    expect(small?.lines).toEqual([LINE.trimEnd()]);
  });

  it('says how to go on where a server does not read what is compressed', async () => {
    server.otherwise = answer(415, 'Unsupported Media Type');
    const verdict = await write(linkTo(server.port, { gzip: true }));
    expect(verdict).toMatchObject({ kind: 'hold', mend: expect.stringContaining('--no-gzip') });
  });

  it('tells lines that were cut off from a server that is not there', async () => {
    server.script.push(hang, accept);
    const link = linkTo(server.port);
    expect(await write(link)).toMatchObject({ kind: 'retry', cutOff: true });
    server.ping = hang;
    const away = await write(link);
    expect(away).toMatchObject({ kind: 'retry', reason: 'no answer in time', cutOff: false });
    server.ping = answer(504, 'Gateway Timeout');
    expect(await write(link)).toMatchObject({ kind: 'retry', cutOff: false });
  });

  it('leaves nothing of a request that took too long on the line', async () => {
    const bytes = 1_000_000;
    const sockets: Socket[] = [];
    const slow = createServer((socket) => {
      // Answers the ping, and then reads nothing.
      socket.once('data', () => {
        socket.write('HTTP/1.1 204 No Content\r\nX-Influxdb-Version: 2.7.1\r\n\r\n');
        socket.pause();
      });
      sockets.push(socket);
    });
    await once(slow.listen(0, '127.0.0.1'), 'listening');
    try {
      const verdict = await write(
        linkTo((slow.address() as AddressInfo).port),
        LINE.repeat(bytes / LINE.length),
      );
      expect(verdict).toMatchObject({ kind: 'retry', cutOff: true });
      const [socket] = sockets as [Socket];
      socket.on('error', () => {});
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.resume();
      await closed;
      expect(socket.bytesRead).toBeLessThan(bytes);
    } finally {
      for (const socket of sockets) socket.destroy();
      slow.close();
    }
  });

  it('asks who is there once, and keeps its connection, after a refusal too', async () => {
    server.script.push(accept, answer(400, { message: 'x'.repeat(5_000) }), accept, answer(503), accept);
    const link = linkTo(server.port);
    const kinds: string[] = [];
    for (let count = 0; count < 5; count += 1) kinds.push((await write(link)).kind);
    expect(kinds).toEqual(['accepted', 'refused', 'accepted', 'retry', 'accepted']);
    expect(paths().filter((path) => path === 'GET /ping')).toHaveLength(1);
    expect(server.connections).toBe(1);
  });

  it.each([
    ['a web page', answer(200, '<html>Welcome</html>')],
    ['not found', answer(404, 'nope')],
    ['not without a token', answer(401, { error: 'no' })],
    ['a version that is none', answer(204, '', { 'x-influxdb-version': 'unknown' })],
    ['a bad request', answer(400, '')],
  ])('writes where the answer to the ping is rubbish: %s', async (_, ping) => {
    server.ping = ping;
    expect(await write(linkTo(server.port))).toEqual({ kind: 'accepted' });
  });

  it('sends no lines to a server that cannot even answer a ping', async () => {
    server.ping = answer(429, '', { 'retry-after': '2' });
    expect(await write(linkTo(server.port))).toMatchObject({ kind: 'retry', afterMs: 2_000 });
    server.ping = answer(503);
    expect(await write(linkTo(server.port))).toMatchObject({ kind: 'retry' });
    server.ping = hang;
    expect(await write(linkTo(server.port))).toMatchObject({ kind: 'retry', reason: 'no answer in time' });
    expect(server.writes).toHaveLength(0);
  });

  it.each([
    ['is not allowed', 403],
    ['is no good request', 400],
    ['has no endpoint', 404],
    ['is too large', 413],
  ])('never takes it for a verdict on the lines that creating a database %s', async (_, status) => {
    server.version = '1.7.11';
    server.query = answer(status, { error: 'no' });
    const link = linkTo(server.port);
    expect(await write(link)).toMatchObject({
      kind: 'hold',
      reason: '404 database not found: "a bucket"',
    });
    server.databases.add('a bucket');
    expect(await write(link)).toEqual({ kind: 'accepted' });
  });

  it('creates the database again at once where it was dropped', async () => {
    server.version = '1.6.7';
    const link = linkTo(server.port);
    await write(link);
    server.databases.clear();
    expect(await write(link)).toEqual({ kind: 'accepted' });
  });

  it.each([
    ['1.6.7', '2.7.1'],
    ['2.7.1', '1.6.7'],
  ])('finds out that a server of %s is one of %s now', async (before, after) => {
    server.version = before;
    const link = linkTo(server.port);
    await write(link);
    server.version = after;
    expect(await write(link)).toEqual({ kind: 'accepted' });
    await server.refuse();
    server.version = before;
    expect(await write(link)).toMatchObject({ kind: 'retry' });
    await server.listen();
    expect(await write(link)).toEqual({ kind: 'accepted' });
  });

  it.each([
    ['never answers', hang, 'no answer in time'],
    ['answers the header and hangs in mid-body', hangInBody, 'no answer in time'],
    ['cuts the connection in mid-body', resetInBody, /aborted|ECONNRESET/],
    ['answers without end', endless(200), /longer than|aborted/],
    ['complains without end', endless(400), /longer than|aborted/],
  ])(
    'gives up in time on a server that %s, and leaves nothing of the request behind',
    async (_, act, reason) => {
      server.script.push(act, accept);
      const link = linkTo(server.port, { timeoutMs: 2_000 });
      const quick = linkTo(server.port);
      const started = performance.now();
      const verdict = await write(act === hang || act === hangInBody ? quick : link);
      expect(verdict).toMatchObject({ kind: 'retry', reason: expect.stringMatching(reason) });
      expect(performance.now() - started).toBeLessThan(3_000);
      expect(await write(link)).toEqual({ kind: 'accepted' });
      expect(server.mostAtOnce).toBe(1);
    },
  );

  it('does not hold the body of an answer without end', async () => {
    server.script.push(endless(400));
    const before = process.memoryUsage().rss;
    await write(linkTo(server.port, { timeoutMs: 3_000 }));
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024);
  });

  it('ends a request that was answered before it was sent whole', async () => {
    const deaf = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (start) => {
        const isPing = start.toString('latin1').startsWith('GET /ping');
        const status = isPing ? '204 No Content' : '401 Unauthorized';
        socket.write(
          `HTTP/1.1 ${status}\r\nconnection: ${isPing ? 'close' : 'keep-alive'}\r\ncontent-length: 0\r\n\r\n`,
        );
        if (isPing) socket.end();
        else socket.pause();
      });
    });
    deaf.listen(0, '127.0.0.1');
    await once(deaf, 'listening');
    const connections = promisify(deaf.getConnections.bind(deaf));
    const sockets: Socket[] = [];
    deaf.on('connection', (socket) => sockets.push(socket));
    const link = linkTo((deaf.address() as AddressInfo).port, { timeoutMs: 10_000 });
    try {
      expect(await write(link, LINE.repeat(500_000))).toMatchObject({ kind: 'hold', reason: '401' });
      // Only who reads is told of the end.
      for (const socket of sockets) socket.resume();
      await until('the connection is closed', async () => (await connections()) === 0, 2_000);
    } finally {
      for (const socket of sockets) socket.destroy();
      deaf.close();
    }
  });

  it('sends nothing when it is stopped already', async () => {
    const stopped = AbortSignal.abort();
    expect(await linkTo(server.port).write(Buffer.from(LINE), stopped)).toMatchObject({ kind: 'retry' });
    expect(server.requests).toHaveLength(0);
  });

  it('ends at once when it is stopped while the server does not answer', async () => {
    server.otherwise = hang;
    const stop = new AbortController();
    const writing = linkTo(server.port, { timeoutMs: 60_000 }).write(Buffer.from(LINE), stop.signal);
    await until('the request is there', () => server.writes.length > 0);
    const started = performance.now();
    stop.abort();
    expect(await writing).toMatchObject({ kind: 'retry' });
    expect(performance.now() - started).toBeLessThan(500);
  });

  it('reads a complaint as long as the request, in the header too', async () => {
    const message = `partial write: ${'y'.repeat(900_000)} dropped=3`;
    server.script.push(answer(400, { error: message }, { 'x-influxdb-error': message }));
    const verdict = await write(linkTo(server.port, { timeoutMs: 5_000 }));
    expect(verdict).toMatchObject({ kind: 'refused', leftOut: { count: 3, message } });
  });
});

describe.skipIf(!hasInfluxd)('a link to a real InfluxDB 1.x', () => {
  let influxd: Influxd;
  beforeAll(async () => {
    influxd = await startInfluxd();
  });
  afterAll(() => influxd?.stop());

  const now = BigInt(Date.now()) * 1_000_000n;
  const line = (fields: string, index: number, measurement = 'sensor') =>
    `${measurement},env=a\\ b,sensor=demo,defect=false ${fields} ${now + BigInt(index)}`;
  const linesOf = (texts: string[]): Line[] => texts.map((text) => ({ text, entry: 0, reading: true }));
  const write = (bucket: string, texts: string[], port = influxd.port): Promise<Verdict> =>
    linkTo(port, { bucket, timeoutMs: 10_000 }).write(
      Buffer.from(texts.map((text) => `${text}\n`).join('')),
      NEVER,
    );

  /** What the link and the sieve make of a partial write. */
  async function leftOutOf(bucket: string, texts: string[]): Promise<string[]> {
    const verdict = await write(bucket, texts);
    if (verdict.kind !== 'refused' || verdict.leftOut === undefined) throw new Error(JSON.stringify(verdict));
    const found = culprits(linesOf(texts), verdict.leftOut);
    expect(found?.count).toBe(found?.lines.length);
    return found?.lines.map(({ text }) => text) ?? [];
  }

  it('names the lines whose field has another type, and no others', async () => {
    expect(await write('types', [line('load=1.5,counter=1i', 0)])).toEqual({ kind: 'accepted' });
    const poison = [line('load=2i,counter=3i', 2), line('load=4i,counter=5i', 4)];
    const sound = [line('load=1.5,counter=2i', 1), line('counter=4i', 3), line('load=1i', 5, 'sensor2')];
    expect(
      await leftOutOf('types', [sound[0], poison[0], sound[1], poison[1], sound[2]] as string[]),
    ).toEqual(poison);
    expect(await numberOf(influxd, 'types', 'SELECT count(counter) FROM sensor')).toBe(3);
    expect(await numberOf(influxd, 'types', 'SELECT count(load) FROM sensor2')).toBe(1);
  });

  it('names the lines beyond the retention policy', async () => {
    await write('retention', [line('x=1', 0)]);
    await influxd.query(
      'retention',
      'CREATE RETENTION POLICY short ON "retention" DURATION 1h REPLICATION 1 DEFAULT',
    );
    const old = ['sensor x=1 1000', 'sensor x=2 2000'];
    expect(await leftOutOf('retention', [line('x=2', 1), ...old, line('x=3', 2)])).toEqual(old);
    expect(await numberOf(influxd, 'retention', 'SELECT count(x) FROM sensor')).toBe(2);
  });

  it('names the lines that cannot be parsed, a thousand of them', async () => {
    const broken = Array.from({ length: 1_000 }, (_, index) => line('x=', index));
    expect(await leftOutOf('parsing', [...broken, line('x=1', 1_001)])).toEqual(broken);
    expect(await numberOf(influxd, 'parsing', 'SELECT count(x) FROM sensor')).toBe(1);
  });

  it('refuses a request of which no line can be parsed, without a partial write', async () => {
    expect(await write('parsing', [line('x=', 0)])).toMatchObject({ kind: 'refused', leftOut: undefined });
  });

  it('creates a database again that was dropped while it is used', async () => {
    const link = linkTo(influxd.port, { bucket: 'dropped', timeoutMs: 10_000 });
    await link.write(Buffer.from(`${line('x=1', 0)}\n`), NEVER);
    await influxd.query('dropped', 'DROP DATABASE dropped');
    // For a moment after the drop, influxd may say 500: shard not found.
    const accepted = async () =>
      (await link.write(Buffer.from(`${line('x=2', 1)}\n`), NEVER)).kind === 'accepted';
    await until('the line is accepted', accepted, 10_000);
    expect(await numberOf(influxd, 'dropped', 'SELECT count(x) FROM sensor')).toBe(1);
  });
});
