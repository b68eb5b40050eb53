import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Definition, errorKinds } from '../src/definition.js';
import { Feed } from '../src/feed.js';
import { type IntakeOptions, intake } from '../src/intake.js';
import { Ledger } from '../src/ledger.js';
import type { Batch } from '../src/reading.js';
import { Clock } from '../src/source/clock.js';
import { NO_LINES } from '../src/source/lines.js';
import type { SourceEvent } from '../src/source/source.js';

const definition: Definition = {
  name: 'test',
  measurement: 'sensor',
  separator: 'whitespace',
  metrics: [
    { name: 'load', type: 'float', kind: 'gauge' },
    { name: 'counter', type: 'integer', kind: 'counter' },
  ],
  defect: 'all-zero',
  alerts: [],
  notify: [],
};

const lines = (...texts: string[]): SourceEvent & { kind: 'lines' } => ({
  kind: 'lines',
  lines: { blocks: [Buffer.from(texts.map((text) => `${text}\n`).join(''))], refused: [] },
});

/** What the intake makes of these events, and what it logs. */
async function take(
  events: AsyncIterable<SourceEvent>,
  { flushIntervalMs = 1_000, batchLines = 5_000, ...given }: Partial<IntakeOptions> = {},
) {
  const ledger = new Ledger(definition);
  const said: Record<string, unknown>[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => said.push(JSON.parse(line)) });
  const clock = await Clock.open(undefined);
  const batches = intake(events, { definition, clock, ledger, log, flushIntervalMs, batchLines, ...given });
  return { ledger, said, batches };
}

async function all(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const list: Batch[] = [];
  for await (const batch of batches) list.push(batch);
  return list;
}

async function* these(...events: SourceEvent[]): AsyncGenerator<SourceEvent> {
  yield* events;
}

describe('the intake', () => {
  it('accounts for every line: stored, rejected as a whole, or stored without a value', async () => {
    const { ledger, batches, said } = await take(
      these(
        lines('7.5 1', '0 0', 'x 3', '7.5', '', 'x y', '7.5 6'),
        { kind: 'lines', lines: { ...NO_LINES, refused: [{ reason: 'not UTF-8', excerpt: '?' }] } },
        { kind: 'exit', exit: { code: 3, signal: undefined, wanted: false, restarts: true } },
      ),
    );
    const [batch, ...rest] = await all(batches);
    expect(rest).toEqual([]);
    expect([...(batch?.readings ?? [])].map(({ values, defect }) => [...values, defect])).toEqual([
      [7.5, 1n, false],
      [0, 0n, true],
      [null, 3n, false],
      [7.5, 6n, false],
    ]);
    expect(batch?.refused).toBe(4);
    expect(ledger.totals).toEqual({ read: 8, delivered: 0, queued: 4, rejected: 4, dropped: 0 });
    expect(ledger.counters).toMatchObject({ defects: 1, restarts: 1, errors: 7 });
    const counts = Object.fromEntries(
      batch?.points.map(({ measurement, fields }) => [measurement, fields.value]) ?? [],
    );
    expect(counts).toMatchObject({
      'error.load': 2,
      'error.counter': 1,
      'error.line': 3,
      'error.sensor_exit': 1,
      'error.sensor_stuck': 0,
    });
    expect(said.map(({ kind, count }) => [kind, count])).toContainEqual(['error.line', 3]);
  });

  it('gives out a batch as soon as it is full, and a last one for the last heartbeat', async () => {
    const { batches } = await take(these(lines('1 1', '1 2'), lines('1 3'), lines('1 4')), { batchLines: 2 });
    expect((await all(batches)).map(({ readings }) => readings.length)).toEqual([2, 2, 0]);
  });

  it('gives out a batch of few lines that are long: memory is bounded, whatever a sensor prints', async () => {
    const long = `7.5 1${' '.repeat(60_000)}`;
    const events = Array.from({ length: 100 }, () => lines(long));
    const { batches } = await take(these(...events));
    const sizes = (await all(batches)).map(({ readings }) => readings.text.length);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(100 * (long.length + 1));
    expect(Math.max(...sizes)).toBeLessThan(2.2 * 1024 * 1024);
  });

  it('tells of errors that happen while the last batch is stored', async () => {
    const { ledger, batches } = await take(these());
    const list: Batch[] = [];
    for await (const batch of batches) {
      if (list.length === 0) ledger.error('error.buffer_overflow', 5);
      list.push(batch);
    }
    expect(list[1]?.points).toMatchObject([{ measurement: 'error.buffer_overflow', fields: { value: 5 } }]);
  });
});

describe('batches', () => {
  it('carry the newest acknowledgement of what they hold', async () => {
    const acked: string[] = [];
    const event = (name: string): SourceEvent => ({
      ...lines('7.5 1', '7.5 2'),
      ack: async () => {
        acked.push(name);
      },
    });
    const { batches } = await take(these(event('a'), event('b'), event('c')), { batchLines: 4 });
    for await (const { ack } of batches) await ack?.();
    expect(acked).toEqual(['b', 'c']);
  });

  it('are written into the memory of those that were released, and of no others', async () => {
    const values = ({ readings }: Batch) => [...readings].map(({ values, defect }) => [...values, defect]);
    const events = Array.from({ length: 60 }, (_, n) =>
      n % 3 === 0 ? lines('0 0', 'x 5', '-7.25 12') : lines(`${n}.5 ${n}`, '1 9007199254740993', '2 2'),
    );
    const { batches } = await take(these(...events), { batchLines: 3 });
    const kept: Batch[] = [];
    const seen: unknown[] = [];
    const memory = new Set<ArrayBufferLike>();
    for await (const batch of batches) {
      seen.push(values(batch));
      memory.add(batch.readings.spans.buffer);
      if (kept.length < 10) kept.push(batch);
      else batch.release?.();
    }
    expect(seen).toHaveLength(61);
    const expected = events.map((_, n) =>
      n % 3 === 0
        ? [
            [0, 0n, true],
            [null, 5n, false],
            [-7.25, 12n, false],
          ]
        : [
            [n + 0.5, BigInt(n), false],
            [1, 9007199254740993n, false],
            [2, 2n, false],
          ],
    );
    expect(seen.slice(0, -1)).toEqual(expected);
    expect(kept.map(values)).toEqual(expected.slice(0, 10));
    expect(memory.size).toBeLessThan(20);
  });

  it('count a sensor that hangs', async () => {
    const { batches } = await take(these({ kind: 'stuck' }, { kind: 'stuck' }));
    const points = (await all(batches)).flatMap((batch) => batch.points);
    expect(points.find(({ measurement }) => measurement === 'error.sensor_stuck')?.fields).toEqual({
      value: 2,
    });
  });

  it('end before the source does when they are told to, and lose nothing to the next intake', async () => {
    const feed = new Feed(endless(), () => {});
    const counters: unknown[] = [];
    for (let turn = 0; turn < 20; turn += 1) {
      const until = new AbortController();
      const { batches } = await take(feed, { batchLines: 1, flushIntervalMs: 10, until: until.signal });
      for await (const { readings } of batches) {
        counters.push(...Array.from(readings, ({ values }) => values[1]));
        if (readings.length > 0 && Math.random() < 0.5) until.abort();
      }
    }
    await feed.close();
    expect(counters.length).toBeGreaterThanOrEqual(20);
    expect(counters).toEqual(counters.map((_, index) => BigInt(index + 1)));
  });
});

/** Two lines now and then, numbered. */
async function* endless(): AsyncGenerator<SourceEvent> {
  for (let counter = 1; ; counter += 2) {
    yield lines(`7.5 ${counter}`, `7.5 ${counter + 1}`);
    if (Math.random() < 0.3) await delay(Math.random() * 20);
  }
}

describe('a feed', () => {
  it('knows how long it had something to tell while nobody asked', async () => {
    const feed = new Feed(these(lines('7.5 1'), lines('7.5 2'), lines('7.5 3')), () => {});
    const reader = feed[Symbol.asyncIterator]();
    await reader.next();
    await delay(50);
    await reader.next();
    expect(feed.blockedMs).toBeGreaterThanOrEqual(49);
    const before = feed.blockedMs;
    await reader.next();
    expect(feed.blockedMs - before).toBeLessThan(40);
  });
});

describe('the heartbeat', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date', 'hrtime'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([10, 1_000, 1_700, 2_000, 3_000, 5_000])(
    'writes every kind and the runner at least every 10 s, with a flush every %d ms',
    async (flushIntervalMs) => {
      const quiet = new Promise<never>(() => {});
      const silence: AsyncIterable<SourceEvent> = {
        [Symbol.asyncIterator]: () => ({ next: () => quiet }),
      };
      const { batches } = await take(silence, { flushIntervalMs });
      const seen = new Map<string, number[]>();
      void (async () => {
        for await (const { points } of batches) {
          for (const { measurement } of points) {
            seen.set(measurement, [...(seen.get(measurement) ?? [0]), performance.now()]);
          }
        }
      })();
      await vi.advanceTimersByTimeAsync(120_000);
      expect([...seen.keys()]).toEqual([...errorKinds(definition), 'runner']);
      for (const times of seen.values()) {
        const gaps = times.slice(1).map((time, index) => time - (times[index] as number));
        expect(Math.max(...gaps)).toBeLessThan(10_000);
        expect(times.length).toBeGreaterThan(12);
      }
    },
  );
});
