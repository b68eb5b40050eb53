import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Definition, errorKinds } from '../src/definition.js';
import { intake } from '../src/intake.js';
import { Ledger } from '../src/ledger.js';
import type { Batch } from '../src/reading.js';
import { Clock } from '../src/source/clock.js';
import type { SourceEvent } from '../src/source/supervisor.js';

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
};

const lines = (...texts: string[]): SourceEvent => ({ kind: 'lines', lines: { lines: texts, refused: [] } });

/** What the intake makes of these events, and what it logs. */
async function take(
  events: AsyncIterable<SourceEvent>,
  { flushIntervalMs = 1_000, batchLines = 5_000 } = {},
) {
  const ledger = new Ledger(definition);
  const said: Record<string, unknown>[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => said.push(JSON.parse(line)) });
  const clock = await Clock.open(undefined);
  const batches = intake(events, { definition, clock, ledger, log, flushIntervalMs, batchLines });
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
        { kind: 'lines', lines: { lines: [], refused: [{ reason: 'not UTF-8', excerpt: '?' }] } },
        { kind: 'exit', exit: { code: 3, signal: undefined, wanted: false, restarts: true } },
      ),
    );
    const [batch, ...rest] = await all(batches);
    expect(rest).toEqual([]);
    expect(batch?.readings.map(({ values, defect }) => [...values, defect])).toEqual([
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

describe('the heartbeat', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date', 'hrtime'] });
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
