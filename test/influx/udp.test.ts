import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { UdpLink } from '../../src/influx/udp.js';
import { hasInfluxd, type Influxd, numberOf, startInfluxd } from '../servers/influxd.js';
import { until } from '../until.js';
import { BUNDLED_SENSOR, logLines, temporaryFolder, visualizer } from '../visualizer.js';

/** A name such as `localhost` often is; the machine that tests run on need not have one. */
const TWO_ADDRESSES = 'two-addresses.test';
vi.mock('node:dns/promises', async (original) => {
  const real = await original<typeof import('node:dns/promises')>();
  const both = [
    { address: '::1', family: 6 },
    { address: '127.0.0.1', family: 4 },
  ];
  const lookup = (host: string, options: { all: true }) =>
    host === TWO_ADDRESSES ? Promise.resolve(both) : real.lookup(host, options);
  return { ...real, lookup };
});

const NEVER = new AbortController().signal;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function link(port: number, host = '127.0.0.1', payloadBytes = 1_400): UdpLink {
  const made = new UdpLink({ host, port, payloadBytes });
  closers.push(() => made.close());
  return made;
}

/** A plain UDP socket on loopback that keeps what comes in. */
async function receiver({ port = 0, address = '127.0.0.1' } = {}) {
  const socket: Socket = createSocket({
    type: address.includes(':') ? 'udp6' : 'udp4',
    recvBufferSize: 8 * 1024 * 1024,
  });
  const datagrams: Buffer[] = [];
  socket.on('message', (datagram) => datagrams.push(datagram));
  socket.bind(port, address);
  await once(socket, 'listening');
  closers.push(() => socket.close());
  return { port: (socket.address() as AddressInfo).port, datagrams, text: () => datagrams.join('') };
}

async function unusedPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}

const write = (udp: UdpLink, text: string, signal = NEVER) => udp.write(Buffer.from(text), signal);

const linesOf = (count: number, measurement = 'sensor') =>
  Array.from({ length: count }, (_, index) => `${measurement},sensor=demo value=${index}i ${index + 1}\n`);

describe('the datagrams', () => {
  it.each([1_400, 500, 40, 10])('are at most %i bytes of whole lines, in order', async (payloadBytes) => {
    const { port, datagrams, text } = await receiver();
    const lines = linesOf(200);
    expect(await write(link(port, '127.0.0.1', payloadBytes), lines.join(''))).toEqual({
      kind: 'accepted',
    });
    await until('all has come', () => text().length === lines.join('').length);
    expect(text()).toBe(lines.join(''));
    for (const [index, datagram] of datagrams.entries()) {
      const inside = datagram.toString().split('\n').length - 1;
      expect(datagram.at(-1)).toBe(0x0a);
      expect(datagram.length <= payloadBytes || inside === 1).toBe(true);
      // As full as can be: the next one's first line would not have fitted in.
      const [next] = datagrams[index + 1]?.toString().split('\n') ?? [];
      if (next !== undefined) expect(datagram.length + next.length + 1).toBeGreaterThan(payloadBytes);
    }
  });

  it('count bytes, not characters', async () => {
    const { port, datagrams } = await receiver();
    await write(link(port, '127.0.0.1', 100), `m,env=${'ü'.repeat(30)} v=1 1\n`.repeat(4));
    await until('four have come', () => datagrams.length === 4);
    expect(datagrams.every(({ length }) => length === 73)).toBe(true);
  });

  it('hold a longer line alone, up to the largest that there is', async () => {
    const { port, datagrams } = await receiver();
    const [short] = linesOf(1) as [string];
    const long = `${'x'.repeat(65_506)}\n`;
    expect(await write(link(port), short + long + short)).toEqual({ kind: 'accepted' });
    await until('three have come', () => datagrams.length === 3);
    expect(datagrams.map(String)).toEqual([short, long, short]);
  });

  it('are none where a line is too long for any: it is refused before anything is sent', async () => {
    const { port, datagrams } = await receiver();
    const udp = link(port);
    const [short] = linesOf(1) as [string];
    const refused = { kind: 'refused', reason: expect.stringContaining('too long for one datagram') };
    expect(await write(udp, `${short}${'x'.repeat(65_507)}\n`)).toEqual(refused);
    expect(await write(udp, short)).toEqual({ kind: 'accepted' });
    await until('one has come', () => datagrams.length > 0);
    expect(datagrams.map(String)).toEqual([short]);
  });

  it('of a body of 1 MB come to a receiver with the default buffer, all of them', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    closers.push(() => socket.close());
    let bytes = 0;
    socket.on('message', ({ length }) => {
      bytes += length;
    });
    const body = linesOf(27_000).join('');
    expect(body.length).toBeGreaterThan(1_000_000);
    expect(await write(link(socket.address().port), body)).toEqual({ kind: 'accepted' });
    await until('all has come', () => bytes === body.length);
  });

  it('go to an IPv6 address', async () => {
    const { port, text } = await receiver({ address: '::1' });
    const udp = link(port, '::1');
    expect(udp.name).toBe(`InfluxDB at [::1]:${port} over UDP`);
    expect(await write(udp, 'm v=1 1\n')).toEqual({ kind: 'accepted' });
    await until('it has come', () => text() === 'm v=1 1\n');
  });
});

describe('where nobody listens', () => {
  it('even a single datagram is to be sent again, and gets through once somebody does', async () => {
    const port = await unusedPort();
    const udp = link(port);
    const refused = { kind: 'retry', reason: 'nothing listens there (ECONNREFUSED)' };
    expect(await write(udp, 'm v=1 1\n')).toEqual(refused);
    expect(await write(udp, linesOf(1_000).join(''))).toEqual(refused);
    const { text } = await receiver({ port });
    expect(await write(udp, 'm v=2 2\n')).toEqual({ kind: 'accepted' });
    await until('it has come', () => text() === 'm v=2 2\n');
  });

  it('the next address of the name is tried', async () => {
    const { port, text } = await receiver({ address: '127.0.0.1' });
    const udp = link(port, TWO_ADDRESSES);
    expect(await write(udp, 'm v=1 1\n')).toMatchObject({ kind: 'retry' });
    expect(await write(udp, 'm v=1 1\n')).toEqual({ kind: 'accepted' });
    await until('it has come', () => text() === 'm v=1 1\n');
  });

  it('a name that is none is to be tried again', async () => {
    const verdict = await write(link(8089, 'no-such-host.invalid'), 'm v=1 1\n');
    expect(verdict).toMatchObject({ kind: 'retry', reason: expect.stringMatching(/host name/) });
  });
});

it('ends a write that is stopped, and closes', async () => {
  const { port } = await receiver();
  const stop = new AbortController();
  const udp = link(port);
  const started = performance.now();
  const written = write(udp, linesOf(200_000).join(''), stop.signal);
  stop.abort();
  expect(await written).toMatchObject({ kind: 'retry' });
  expect(performance.now() - started).toBeLessThan(5_000);
  expect(await write(udp, 'm v=1 1\n', stop.signal)).toMatchObject({ kind: 'retry' });
  await udp.close();
  await udp.close();
});

describe.skipIf(!hasInfluxd)('a real InfluxDB 1.x', () => {
  let influxd: Influxd;
  beforeAll(async () => {
    influxd = await startInfluxd({ udpDatabase: 'udp' });
    // The listener makes it itself, but only with its first points; until then a query fails.
    await influxd.query('', 'CREATE DATABASE udp');
  });
  afterAll(() => influxd?.stop());

  it('has all of 500 lines', async () => {
    expect(await write(link(influxd.udpPort), linesOf(500).join(''))).toEqual({ kind: 'accepted' });
    const count = () => numberOf(influxd, 'udp', 'SELECT count(value) FROM sensor');
    await until('500 are there', async () => (await count()) === 500);
    const sum = await numberOf(influxd, 'udp', 'SELECT sum(value) FROM sensor');
    expect(sum).toBe((499 * 500) / 2);
  });

  it('has nearly all of 10,000 lines', async () => {
    await write(link(influxd.udpPort), linesOf(10_000, 'many').join(''));
    const count = () => numberOf(influxd, 'udp', 'SELECT count(value) FROM many');
    await until('9,000 are there', async () => (await count()) >= 9_000);
  });

  it('is waited for while it is away', async () => {
    const udp = link(influxd.udpPort);
    await influxd.kill();
    expect(await write(udp, 'back value=1i 1\n')).toMatchObject({ kind: 'retry' });
    await influxd.start();
    const there = () =>
      numberOf(influxd, 'udp', 'SELECT count(value) FROM back').then((count) => count === 1);
    await until('the listener takes it', async () => {
      const { kind } = await write(udp, 'back value=1i 1\n');
      return kind === 'accepted';
    });
    await until('it is there', there);
  });

  it('has the readings of a run with --use-udp, and its error counts', async () => {
    const folder = temporaryFolder();
    closers.push(() => rm(folder, { recursive: true, force: true }));
    const sensor = join(folder, 'sensor');
    await writeFile(sensor, `#!/bin/sh\nexec ${BUNDLED_SENSOR} --interval 0 --lines 300\n`, { mode: 0o755 });
    const { exitCode, stderr } = await visualizer([
      ...['run', '--no-page', '--state-dir', join(folder, 'state'), '--restart', 'never', '--use-udp'],
      ...['--host', '127.0.0.1', '--port', String(influxd.udpPort), '--path-executable', sensor],
    ]);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(logLines(stderr).at(-1)).toMatchObject({ read: 300, delivered: 300, queued: 0 });
    const count = (query: string) => numberOf(influxd, 'udp', query);
    const readings = `SELECT count(counter) FROM sensor WHERE "env" = 'dev'`;
    await until('300 are there', async () => (await count(readings)) === 300);
    await until('so is runner', async () => (await count('SELECT last("read") FROM runner')) === 300);
  });
});
