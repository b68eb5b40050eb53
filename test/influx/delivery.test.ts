import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Backlog, Entry } from '../../src/influx/backlog.js';
import { DurableBuffer } from '../../src/influx/buffer.js';
import { Delivery } from '../../src/influx/delivery.js';
import { HttpLink } from '../../src/influx/http.js';
import type { Link } from '../../src/influx/link.js';
import { LinkMonitor } from '../../src/influx/link-monitor.js';
import { REJECTED_FILES, RejectedLines } from '../../src/influx/rejected.js';
import type { Verdict } from '../../src/influx/verdict.js';
import { Ledger, type Totals } from '../../src/ledger.js';
import {
  type Act,
  accept,
  answer,
  atMost,
  busyUntilDate,
  cutOffAbove,
  hang,
  hangInBody,
  parseLine,
  partialWrite,
  refuseWith,
  resetInBody,
  type ScriptedInflux,
  slowly,
  startScriptedInflux,
  storeAndFail,
} from '../servers/scripted-influx.js';
import { until } from '../until.js';

const START = 1_795_334_400_000_000_000n;
const BAD = 'bad=1';
const bad = (line: string) => line.includes(BAD);

let folder: string;
let server: ScriptedInflux;
const cleanUps: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'visualizer-delivery-'));
  server = await startScriptedInflux();
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

/** What delivery asks of a buffer, and what a test asks. */
interface TestBacklog extends Backlog {
  append(entry: { payload: Buffer; lines: number; refused: number; time: bigint }): Promise<void>;
  readonly records: number;
  readonly totals: Totals;
  close(): Promise<void>;
}

/** The smallest thing that keeps the contract of a backlog. */
class BacklogInMemory implements TestBacklog {
  readonly #entries: Entry[] = [];
  #sequence = 0;
  totals: { -readonly [Key in keyof Totals]: number } = {
    read: 0,
    delivered: 0,
    queued: 0,
    rejected: 0,
    dropped: 0,
  };

  get records(): number {
    return this.#entries.length;
  }

  async append({ payload, lines }: { payload: Buffer; lines: number }): Promise<void> {
    this.#sequence += 1;
    this.#entries.push({ sequence: this.#sequence, payload, lines });
    this.totals.read += lines;
    this.totals.queued += lines;
  }

  async peek(maxBytes: number, after = 0): Promise<Entry[]> {
    let room = maxBytes;
    return this.#entries
      .filter(({ sequence }) => sequence > after)
      .filter(({ payload }, index) => {
        room -= payload.length;
        return index === 0 || room >= 0;
      });
  }

  async settle({ sequence, delivered, rejected }: Parameters<Backlog['settle']>[0]): Promise<void> {
    const oldest = this.#entries.shift();
    expect({ sequence, lines: delivered + rejected }).toEqual({
      sequence: oldest?.sequence,
      lines: oldest?.lines,
    });
    this.totals.queued -= delivered + rejected;
    this.totals.delivered += delivered;
    this.totals.rejected += rejected;
  }

  async close(): Promise<void> {}
}

const openDurable = (): Promise<TestBacklog> =>
  DurableBuffer.open(join(folder, 'buffer'), { maxBytes: 64 * 1024 * 1024 });
const openInMemory = async (): Promise<TestBacklog> => new BacklogInMemory();

interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A delivery with all that belongs to it. */
class Bench {
  readonly ledger = new Ledger({ metrics: [] });
  readonly log: LogLine[] = [];
  readonly backlog: TestBacklog;
  readonly delivery: Delivery;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #lines = 0;

  constructor(
    backlog: TestBacklog,
    { link, backOffMs = [1, 20] }: { link?: Link; backOffMs?: readonly [number, number] } = {},
  ) {
    this.backlog = backlog;
    const log = pino({ level: 'debug' }, { write: (line: string) => this.log.push(JSON.parse(line)) });
    const chosen = link ?? httpLink();
    this.delivery = new Delivery({
      link: chosen,
      backlog,
      ledger: this.ledger,
      rejected: new RejectedLines(join(folder, 'rejected'), log),
      monitor: new LinkMonitor(chosen.name, log, () => this.ledger.totals.queued),
      log,
      backOffMs,
    });
    cleanUps.push(() => this.stop());
  }

  start(): this {
    this.#running = this.delivery.run(this.#stop.signal);
    return this;
  }

  /** Appends readings in one entry; those of these indexes hold what the scripted server may refuse. */
  async append(readings: number, poison: readonly number[] = [], points = 0): Promise<void> {
    const line = (index: number, name: string) =>
      `${name},env=test ${poison.includes(index) ? `${BAD},` : ''}x=${index} ${START + BigInt(this.#lines++)}\n`;
    const text =
      Array.from({ length: readings }, (_, index) => line(index, 'sensor')).join('') +
      Array.from({ length: points }, (_, index) => line(-1 - index, 'runner')).join('');
    this.ledger.read(readings, 0);
    const time = START + BigInt(this.#lines);
    await this.backlog.append({ payload: Buffer.from(text), lines: readings, refused: 0, time });
    this.delivery.wake();
  }

  drained(): Promise<void> {
    return until('the backlog is delivered', () => this.backlog.records === 0, 10_000);
  }

  /** Ends delivery; the books must balance, and be the same in the ledger and in the backlog. */
  async stop(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    await this.#running;
    const { read, delivered, queued, rejected, dropped } = this.ledger.totals;
    expect(delivered + queued + rejected + dropped).toBe(read);
    expect(this.backlog.totals).toEqual(this.ledger.totals);
    await this.backlog.close();
  }

  errors(): Record<string, number> {
    const points = this.ledger.takeErrors(0n);
    return Object.fromEntries(points.map(({ measurement, fields }) => [measurement, fields.value ?? 0]));
  }
}

const httpLink = (timeoutMs = 10_000) =>
  new HttpLink({ host: '127.0.0.1', port: server.port, org: 'o', bucket: 'b', timeoutMs });

const storedReadings = () => [...server.stored.keys()].filter((key) => key.startsWith('sensor,'));
const rejectedText = () => readFile(join(folder, 'rejected', REJECTED_FILES[0]), 'utf8').catch(() => '');
const rejectedLines = async () =>
  (await rejectedText()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
const gaps = () => server.writes.slice(1).map(({ at }, index) => at - (server.writes[index]?.at ?? 0));

interface Scenario {
  readonly script?: readonly Act[];
  readonly otherwise?: Act;
  /** Of 100 readings, appended as 60 and 40. */
  readonly poison?: readonly number[];
  readonly rejected?: number;
  readonly errors?: Record<string, number>;
  /** Requests that carried lines. */
  readonly writes?: number;
  readonly writesAtMost?: number;
  /** The shortest and longest wait after the first of them, in ms. */
  readonly waited?: readonly [number, number];
  readonly timeoutMs?: number;
  /** Each reading reached the store once. */
  readonly storedOnce?: boolean;
}

const conflict =
  'field type conflict: input field "bad" on measurement "sensor" is type float, already exists';

const SCENARIOS: Record<string, Scenario> = {
  'a server that takes everything': { writes: 1, storedOnce: true },
  'a server error, twice': {
    script: [answer(500), answer(502, '<html>Bad Gateway</html>')],
    errors: { connectivity_error: 2 },
    writes: 3,
    storedOnce: true,
  },
  'a batch that was stored although the server failed': {
    script: [storeAndFail],
    errors: { connectivity_error: 1 },
    writes: 2,
  },
  'a request time-out by the server': {
    script: [answer(408)],
    errors: { connectivity_error: 1 },
    writes: 2,
  },
  'no answer at all': {
    script: [hang],
    timeoutMs: 300,
    errors: { connectivity_error: 1 },
    writes: 2,
    // The first one reaches the server a little after its time began.
    waited: [150, 2_000],
  },
  'an answer that stops in mid-body': {
    script: [hangInBody],
    timeoutMs: 300,
    errors: { connectivity_error: 1 },
    writes: 2,
    // The first one reaches the server a little after its time began.
    waited: [150, 2_000],
  },
  'a connection that is cut in mid-body': {
    script: [resetInBody],
    errors: { connectivity_error: 1 },
    writes: 2,
    waited: [0, 250],
  },
  'patience asked for with Retry-After 0': {
    script: [answer(429, '', { 'retry-after': '0' })],
    errors: { connectivity_error: 1 },
    writes: 2,
    waited: [0, 250],
  },
  'an unknown Retry-After': {
    script: [answer(503, '', { 'retry-after': 'when I am ready' })],
    errors: { connectivity_error: 1 },
    writes: 2,
    waited: [0, 250],
  },
  'a token that is mended': {
    script: [answer(401, { code: 'unauthorized', message: 'unauthorized access' }), answer(403)],
    errors: { batch_sending_error: 2 },
    writes: 3,
    storedOnce: true,
  },
  'a bucket that is missing at first': {
    script: [answer(404, { code: 'not found', message: 'bucket "b" not found' })],
    errors: { batch_sending_error: 1 },
    writes: 2,
  },
  'a proxy that takes little at once': { otherwise: atMost(1100), writes: 11, storedOnce: true },
  'a proxy that takes nothing': {
    otherwise: atMost(10),
    rejected: 100,
    errors: { batch_sending_error: 100 },
    writes: 199,
  },
  'one poison line, refused with its batch': {
    otherwise: refuseWith(bad),
    poison: [17],
    rejected: 1,
    errors: { batch_sending_error: 1 },
    writesAtMost: 1 + 2 * 7,
    storedOnce: true,
  },
  'poison at both ends': {
    otherwise: refuseWith(bad, 422),
    poison: [0, 59],
    rejected: 2,
    errors: { batch_sending_error: 2 },
    writesAtMost: 1 + 2 * 2 * 7,
    storedOnce: true,
  },
  'poison while the server comes and goes': {
    script: [refuseWith(bad), answer(503), hang, answer(401)],
    timeoutMs: 300,
    otherwise: refuseWith(bad),
    poison: [17],
    rejected: 1,
    errors: { connectivity_error: 2, batch_sending_error: 2 },
    storedOnce: true,
  },
  'a partial write of 1.x': {
    otherwise: partialWrite(bad, `${conflict} as type integer`),
    poison: [3, 4, 30],
    rejected: 3,
    errors: { batch_sending_error: 3 },
    writes: 1,
    storedOnce: true,
  },
  'a partial write of 2.x': {
    otherwise: partialWrite(bad, `${conflict} as type integer`, 422),
    poison: [3, 4, 30],
    rejected: 3,
    errors: { batch_sending_error: 3 },
    writes: 1,
    storedOnce: true,
  },
  'a page that says 200': {
    script: [answer(200, '<!doctype html>Welcome'), answer(200, '<html>')],
    errors: { batch_sending_error: 2 },
    writes: 3,
    storedOnce: true,
  },
  'a TLS port for a while': {
    script: [answer(400, 'Client sent an HTTP request to an HTTPS server.\n')],
    errors: { batch_sending_error: 1 },
    writes: 2,
  },
};

describe.each([
  ['the durable buffer', openDurable],
  ['a backlog in memory', openInMemory],
])('delivery of %s', (_, open) => {
  it.each(Object.entries(SCENARIOS))('survives %s', async (_, scenario) => {
    const { poison = [], rejected = 0, errors = {}, waited, timeoutMs } = scenario;
    server.script.push(...(scenario.script ?? []));
    server.otherwise = scenario.otherwise ?? accept;
    const bench = new Bench(await open(), { link: httpLink(timeoutMs) });
    await bench.append(60, poison);
    await bench.append(40);
    await bench.start().drained();
    await bench.stop();

    expect(storedReadings()).toHaveLength(100 - rejected);
    expect(bench.ledger.totals).toEqual({
      read: 100,
      delivered: 100 - rejected,
      queued: 0,
      rejected,
      dropped: 0,
    });
    expect(bench.errors()).toEqual(errors);
    const setAside = await rejectedLines();
    expect(new Set(setAside).size).toBe(rejected);
    for (const line of setAside) expect(server.stored).not.toHaveProperty([parseLine(line)?.key ?? line]);
    expect(server.mostAtOnce).toBe(1);
    if (scenario.writes !== undefined) expect(server.writes).toHaveLength(scenario.writes);
    expect(server.writes.length).toBeLessThanOrEqual(scenario.writesAtMost ?? Number.POSITIVE_INFINITY);
    if (scenario.storedOnce) {
      expect([...server.stored.values()].filter(({ writes }) => writes !== 1)).toEqual([]);
    }
    if (waited !== undefined) {
      expect(gaps()[0]).toBeGreaterThanOrEqual(waited[0]);
      expect(gaps()[0]).toBeLessThan(waited[1]);
    }
  });
});

describe('delivery', () => {
  it('finds k poison lines among n in O(k log n) requests', async () => {
    server.otherwise = refuseWith(bad);
    const poison = [0, 700, 701, 1234, 2048, 3000, 4094, 4095];
    const bench = new Bench(await openDurable());
    await bench.append(4096, poison);
    await bench.start().drained();
    expect(server.writes.length).toBeLessThanOrEqual(1 + 2 * poison.length * 12);
    expect(storedReadings()).toHaveLength(4096 - poison.length);
    expect(await rejectedLines()).toHaveLength(poison.length);
  });

  it('keeps the order, whatever happens on the way', async () => {
    server.otherwise = refuseWith(bad);
    server.script.push(answer(503), refuseWith(bad), hang, refuseWith(bad), answer(500), answer(401));
    const bench = new Bench(await openDurable(), { link: httpLink(300) }).start();
    for (let entry = 0; entry < 10; entry += 1) await bench.append(20, [entry]);
    await bench.drained();
    const times = [...server.stored.keys()].map(
      (key) => parseLine(`${key.replace(/ /, ' x=1 ')}`)?.time ?? 0n,
    );
    expect(times).toHaveLength(190);
    expect(times).toEqual(times.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(server.mostAtOnce).toBe(1);
  });

  it('waits at least as long as Retry-After says, in seconds and as a date', async () => {
    server.script.push(answer(429, '', { 'retry-after': '1' }), busyUntilDate(503, 2_000));
    const bench = new Bench(await openDurable());
    await bench.append(1);
    await bench.start().drained();
    const [seconds = 0, date = 0] = gaps();
    expect(seconds).toBeGreaterThanOrEqual(995);
    expect(seconds).toBeLessThan(1_500);
    // A date has whole seconds: two seconds from now is between one and two.
    expect(date).toBeGreaterThanOrEqual(900);
    expect(date).toBeLessThan(2_500);
  });

  it('sends a long backlog in large requests, no larger than 1 MiB, over one connection', async () => {
    const bench = new Bench(await openDurable());
    for (let entry = 0; entry < 25; entry += 1) await bench.append(3_000);
    await bench.start().drained();
    const sizes = server.writes.map(({ headers }) => Number(headers['content-length']));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1024 * 1024);
    expect(sizes.slice(0, -1).every((size) => size > 850 * 1024)).toBe(true);
    expect(storedReadings()).toHaveLength(75_000);
    expect(server.connections).toBe(1);
  });

  it.each([
    ['takes so long that all of it is never there in time', slowly(1_000_000)],
    ['ends where much comes at once', cutOffAbove(300_000)],
  ])('gets a long backlog through a line that %s', async (_, act) => {
    server.otherwise = act;
    const bench = new Bench(await openDurable(), { link: httpLink(500) });
    for (let entry = 0; entry < 25; entry += 1) await bench.append(3_000);
    await bench.start().drained();
    expect(storedReadings()).toHaveLength(75_000);
    expect(bench.ledger.totals).toMatchObject({ delivered: 75_000, rejected: 0 });
    const inVain = bench.errors().connectivity_error ?? 0;
    expect(inVain).toBeGreaterThan(0);
    expect(inVain).toBeLessThan(10);
  });

  it('learns how much a proxy takes at once', async () => {
    server.otherwise = atMost(300_000);
    const bench = new Bench(await openDurable());
    for (let entry = 0; entry < 50; entry += 1) await bench.append(3_000);
    await bench.start().drained();
    expect(storedReadings()).toHaveLength(150_000);
    // Two requests of a mebibyte, of which the second was made ready before the first was answered, and their halves.
    const tooLarge = server.writes.filter(({ headers }) => Number(headers['content-length']) > 300_000);
    expect(tooLarge.length).toBeLessThanOrEqual(6);
  });

  it('sends more at a time again where that gets through', async () => {
    server.script.push(cutOffAbove(0), cutOffAbove(0));
    // A quarter of the time limit is long enough for a machine that is busy.
    const bench = new Bench(await openDurable(), { link: httpLink(60_000) });
    for (let entry = 0; entry < 75; entry += 1) await bench.append(3_000);
    await bench.start().drained();
    const sizes = server.writes.map(({ headers }) => Number(headers['content-length']));
    expect(sizes[2]).toBeLessThan(300 * 1024);
    // The last one has what is left.
    expect(sizes.at(-2)).toBeGreaterThan(850 * 1024);
  });

  it('seldom tries more again over a line where that was in vain', async () => {
    const link = linkOf(async (_, body) => throughLineOf(60_000, body));
    const bench = new Bench(await openInMemory(), { link });
    for (let entry = 0; entry < 100; entry += 1) await bench.append(1_000);
    await bench.start().drained();
    expect(bench.ledger.totals).toMatchObject({ delivered: 100_000, rejected: 0 });
    expect(link.calls).toBeGreaterThan(70);
    expect(bench.errors().connectivity_error).toBeLessThan(15);
  });

  it('keeps what got through of a request that was cut off, where a run ends before all of it has', async () => {
    let taken = 0;
    const link = linkOf(async (signal, body) => {
      if (taken === 5) return once(signal, 'abort').then(() => CUT_OFF);
      const verdict = throughLineOf(60_000, body);
      if (verdict.kind === 'accepted') taken += 1;
      return verdict;
    });
    const bench = new Bench(await openInMemory(), { link });
    for (let entry = 0; entry < 20; entry += 1) await bench.append(1_000);
    bench.start();
    await until('five requests are taken', () => taken === 5, 10_000);
    await bench.stop();
    expect(bench.backlog.records).toBe(15);
  });

  it('never gives up a line that is cut off by itself', async () => {
    const link = linkOf(async () => (link.calls <= 3 ? CUT_OFF : { kind: 'accepted' }));
    const bench = new Bench(await openInMemory(), { link });
    bench.ledger.read(1, 0);
    const payload = Buffer.from(`m text="${'x'.repeat(60_000)}" 1795334400000000000\n`);
    await bench.backlog.append({ payload, lines: 1, refused: 0, time: START });
    await bench.start().drained();
    await bench.stop();
    expect(link.calls).toBe(4);
    expect(bench.ledger.totals).toMatchObject({ delivered: 1, rejected: 0 });
  });

  it('counts readings only, where points of the runner are refused with them', async () => {
    server.otherwise = refuseWith((line) => bad(line) || line.startsWith('runner,'));
    const bench = new Bench(await openDurable());
    await bench.append(10, [9], 2);
    await bench.append(0, [], 1);
    await bench.append(3);
    await bench.start().drained();
    await bench.stop();
    expect(bench.ledger.totals).toMatchObject({ read: 13, delivered: 12, rejected: 1 });
    expect(bench.errors()).toEqual({ batch_sending_error: 4 });
    expect(await rejectedLines()).toHaveLength(4);
  });

  it.each([
    ['the server does not answer', hang],
    ['an answer stops in mid-body', hangInBody],
    ['the server asked for an absurd time', answer(503, '', { 'retry-after': '99999999999999999999' })],
    ['a person has to mend something', answer(401)],
  ])('stops at once while %s, and keeps what is queued', async (_, act) => {
    server.otherwise = act;
    const bench = new Bench(await openDurable(), { link: httpLink(60_000), backOffMs: [60_000, 60_000] });
    await bench.append(5);
    bench.start();
    await until('a request came', () => server.writes.length > 0);
    const started = performance.now();
    await bench.stop();
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(bench.ledger.totals).toMatchObject({ read: 5, queued: 5 });
  });

  it('stops at once while there is nothing to do', async () => {
    const bench = new Bench(await openDurable()).start();
    await bench.append(1);
    await bench.drained();
    await bench.stop();
    expect(bench.ledger.totals).toMatchObject({ delivered: 1, queued: 0 });
  });

  it('counts what the server took while everything was stopped', async () => {
    const link = linkOf(
      (signal) =>
        new Promise<Verdict>((resolve) => {
          signal.addEventListener('abort', () => resolve({ kind: 'accepted' }), { once: true });
        }),
    );
    const bench = new Bench(await openInMemory(), { link });
    await bench.append(5);
    bench.start();
    await until('a request is under way', () => link.calls > 0);
    await bench.stop();
    expect(bench.ledger.totals).toMatchObject({ delivered: 5, queued: 0 });
  });

  it('lets no server wait for the disk: the next request is under way while the one before is settled', async () => {
    const backlog = await openInMemory();
    const settle = backlog.settle.bind(backlog);
    let letGo = () => {};
    const disk = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    vi.spyOn(backlog, 'settle').mockImplementation(async (settlement) => {
      await disk;
      await settle(settlement);
    });
    const link = linkOf(async () => ({ kind: 'accepted' }));
    const bench = new Bench(backlog, { link });
    // Too much for one request.
    for (let entry = 0; entry < 3; entry += 1) await bench.append(25_000);
    bench.start();
    await until('the second request was answered', () => link.calls === 2);
    expect(bench.ledger.totals).toMatchObject({ delivered: 0, queued: 75_000 });
    letGo();
    await bench.drained();
    expect(link.calls).toBe(3);
    expect(bench.ledger.totals).toMatchObject({ delivered: 75_000, queued: 0 });
  });

  it('sends again what could not be settled, and what was sent behind it', async () => {
    const backlog = await openInMemory();
    vi.spyOn(backlog, 'settle').mockRejectedValueOnce(new Error('EIO'));
    const link = linkOf(async () => ({ kind: 'accepted' }));
    const bench = new Bench(backlog, { link });
    for (let entry = 0; entry < 3; entry += 1) await bench.append(25_000);
    await bench.start().drained();
    await bench.stop();
    expect(link.calls).toBeGreaterThan(3);
    expect(bench.ledger.totals).toMatchObject({ delivered: 75_000, queued: 0 });
  });

  it('goes on after a fault of the disk, says it once, and counts nothing twice', async () => {
    const backlog = await openInMemory();
    vi.spyOn(backlog, 'peek').mockRejectedValueOnce(new Error('EIO')).mockRejectedValueOnce(new Error('EIO'));
    vi.spyOn(backlog, 'settle').mockRejectedValueOnce(new Error('EIO'));
    const bench = new Bench(backlog);
    await bench.append(5);
    await bench.start().drained();
    await bench.stop();
    expect(bench.log.filter(({ msg }) => msg.includes('not the server'))).toHaveLength(1);
    expect(bench.ledger.totals).toMatchObject({ read: 5, delivered: 5, queued: 0 });
  });

  it('says a fault of the disk again that comes back, though there was always more to deliver', async () => {
    const backlog = await openInMemory();
    const settle = backlog.settle.bind(backlog);
    let calls = 0;
    vi.spyOn(backlog, 'settle').mockImplementation(async (settlement) => {
      calls += 1;
      if (calls === 1 || calls === 3) throw new Error('EIO');
      await settle(settlement);
    });
    const bench = new Bench(backlog, { link: linkOf(async () => ({ kind: 'accepted' })) });
    for (let entry = 0; entry < 5; entry += 1) await bench.append(25_000);
    await bench.start().drained();
    await bench.stop();
    expect(bench.log.filter(({ msg }) => msg.includes('not the server'))).toHaveLength(2);
  });

  it('tells of an outage in two lines, however many attempts it takes', async () => {
    const bench = new Bench(await openDurable(), { backOffMs: [0, 1] });
    await bench.append(5);
    server.otherwise = answer(503, { error: 'starting' });
    bench.start();
    await until('it was tried often', () => server.writes.length > 50);
    server.otherwise = accept;
    await bench.drained();
    expect(bench.log.map(({ level, msg }) => [level, msg])).toEqual([
      [40, expect.stringContaining('does not take readings now')],
      [30, expect.stringContaining('takes readings again')],
    ]);
    expect(bench.log[0]).toMatchObject({ reason: '503 starting', queued: 5 });
  });

  it('delivers when the server is there at last', async () => {
    await server.refuse();
    const bench = new Bench(await openDurable()).start();
    await bench.append(5);
    await until('it was tried', () => bench.log.length > 0);
    expect(bench.log[0]?.reason).toContain('ECONNREFUSED');
    await server.listen();
    await bench.drained();
    expect(storedReadings()).toHaveLength(5);
  });
});

describe('what the server rejects', () => {
  it('lies in rejected/ as line protocol, under the reason and the time', async () => {
    server.otherwise = refuseWith(bad, 400, { code: 'invalid', message: 'bad\nline' });
    const bench = new Bench(await openDurable());
    await bench.append(3, [1]);
    await bench.start().drained();
    expect(await rejectedText()).toMatch(
      /^# \d{4}-\d\d-\d\dT[\d:.]+Z 1 lines refused: 400 bad line\nsensor,env=test bad=1,x=1 \d+\n$/,
    );
  });

  it('lies there with those it cannot be told from, where the server does not say which', async () => {
    server.otherwise = partialWrite(bad, 'something else');
    const bench = new Bench(await openDurable());
    await bench.append(3, [1]);
    await bench.start().drained();
    await bench.stop();
    expect(await rejectedText()).toContain('1 of these 3 lines refused: 400 partial write: something else');
    expect(bench.ledger.totals).toMatchObject({ delivered: 2, rejected: 1 });
  });

  it('takes no more room than two files', async () => {
    const log = pino({ level: 'silent' });
    const rejected = new RejectedLines(join(folder, 'rejected'), log);
    const lines = Array.from({ length: 1_000 }, (_, index) => `${'x'.repeat(3_000)} ${index}`);
    for (let round = 0; round < 12; round += 1) await rejected.write(lines, `round ${round}`, 1_000);
    const texts = await Promise.all(
      REJECTED_FILES.map((name) => readFile(join(folder, 'rejected', name), 'utf8')),
    );
    for (const text of texts) expect(text.length).toBeLessThan(12 * 1024 * 1024);
    expect(texts[0]).toContain('round 11');
    expect(texts.join()).not.toContain('round 0 ');
  });

  it('does not hold up the rest where it cannot be set aside, and the log says so once', async () => {
    await writeFile(join(folder, 'rejected'), 'a file is in the way');
    server.otherwise = refuseWith(bad);
    const bench = new Bench(await openDurable());
    await bench.append(50, [1, 20, 40]);
    await bench.start().drained();
    await bench.stop();
    expect(bench.ledger.totals).toMatchObject({ delivered: 47, rejected: 3 });
    const told = bench.log.filter(({ msg }) => msg.includes('refused lines for good'));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ msg: expect.stringContaining('could not be set aside') });
  });
});

const CUT_OFF: Verdict = { kind: 'retry', reason: 'cut', cutOff: true };

/** A line that ends where more than so many bytes come at once. */
const throughLineOf = (bytes: number, body: Buffer): Verdict =>
  body.length > bytes ? CUT_OFF : { kind: 'accepted' };

function linkOf(write: (signal: AbortSignal, lines: Buffer) => Promise<Verdict>): Link & { calls: number } {
  return {
    name: 'a link',
    calls: 0,
    write(lines, signal) {
      this.calls += 1;
      return write(signal, lines);
    },
  };
}
