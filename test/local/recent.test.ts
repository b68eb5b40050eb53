import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { Definition } from '../../src/definition.js';
import { SERIES_MEASURES } from '../../src/local/api.js';
import type { SeriesAnswer } from '../../src/local/data.js';
import { Recent } from '../../src/local/recent.js';
import { WINDOW_MS } from '../../src/local/ring.js';
import type { Batch, Point } from '../../src/reading.js';
import { until } from '../until.js';
import { batch, DEFINITION, reading } from './server-fixture.js';

const NOW = 1_700_000_000_000;
const GAUGE = { name: 'g', type: 'float', kind: 'gauge' } as const;
const RANDOM = { name: 'r', type: 'integer', kind: 'random', range: [0, 10] } as const;
const COUNTER = { name: 'c', type: 'integer', kind: 'counter' } as const;

class Memory extends Recent {
  readonly definition: Definition;

  constructor(metrics: Definition['metrics'], ...batches: Batch[]) {
    super({ metrics });
    this.definition = { ...DEFINITION, metrics };
    for (const each of batches) this.add(each);
  }

  ask(from: number, to: number, every = 1_000): Promise<SeriesAnswer> {
    return this.series({
      buckets: { from, to, every },
      metrics: this.definition.metrics,
      measures: SERIES_MEASURES,
      parts: ['defects', 'errors', 'runner'],
    });
  }
}

describe('the last ten minutes', () => {
  it('are empty before the first reading', async () => {
    const memory = new Memory([GAUGE]);
    expect(memory).toMatchObject({ newest: null, oldest: null, latest: [null], distanceMs: 0 });
    expect(await memory.ask(NOW, NOW + 1_000)).toEqual({
      metrics: { g: { mean: [null], min: [null], max: [null], spread: [null], count: [0] } },
      defects: [0],
      errors: {},
      runner: {},
    });
  });

  it('answer by kind, over buckets that hold several slots', async () => {
    const lines = [
      [1, 1n, 5n],
      [2, 3n, 7n],
      [6, 3n, 6n],
      [9, 10n, 16n],
    ] as const;
    const memory = new Memory(
      [GAUGE, RANDOM, COUNTER],
      batch(lines.map((values, index) => reading(NOW + index * 300, values))),
    );
    const { metrics } = await memory.ask(NOW, NOW + 2_000, 2_000);
    expect(metrics.g).toEqual({ mean: [4.5], min: [1], max: [9], spread: [8], count: [4] });
    expect(metrics.r).toMatchObject({ mean: [4.25], repeats: [null], count: [4] });
    expect(metrics.r?.stddev?.[0]).toBeCloseTo(Math.sqrt(46.75 / 3), 12);
    expect(metrics.c).toEqual({ last: [16], increase: [6], min_difference: [-1], count: [4] });
    expect(await memory.histogram(RANDOM, NOW, NOW + 2_000)).toMatchObject({
      counts: [0, 1, 0, 2, 0, 0, 0, 0, 0, 1],
      below: 0,
      above: 0,
    });
  });

  it('count defect lines and leave their values out, also out of the latest and of differences', async () => {
    const memory = new Memory(
      [COUNTER],
      batch([reading(NOW, [5n]), reading(NOW + 1, [0n]), reading(NOW + 2, [6n])]),
    );
    const { metrics, defects } = await memory.ask(NOW, NOW + 1_000);
    expect(defects).toEqual([1]);
    expect(metrics.c).toEqual({ last: [6], increase: [1], min_difference: [1], count: [2] });
    memory.add(batch([reading(NOW + 3, [0n])]));
    expect(memory).toMatchObject({ latest: ['6'], newest: NOW + 3 });
  });

  it('lose only the value that could not be cast', async () => {
    const memory = new Memory([GAUGE, COUNTER], batch([reading(NOW, [1, 2n]), reading(NOW + 1, [null, 4n])]));
    const { metrics } = await memory.ask(NOW, NOW + 1_000);
    expect([metrics.g?.count, metrics.c?.count]).toEqual([[1], [2]]);
    expect(memory.latest).toEqual(['1', '4']);
  });

  it('keep the latest integer, and differences of large ones, to the last digit', async () => {
    const memory = new Memory(
      [COUNTER],
      batch([reading(NOW, [9_007_199_254_740_993n]), reading(NOW + 1, [9_007_199_254_740_994n])]),
    );
    expect(memory.latest).toEqual(['9007199254740994']);
    expect((await memory.ask(NOW, NOW + 1_000)).metrics.c?.increase).toEqual([1]);
  });

  it('stay finite at the ends of the floats, and say nothing where they cannot', async () => {
    const values = [Number.MAX_VALUE, -Number.MAX_VALUE, Number.MAX_VALUE, 0];
    const memory = new Memory(
      [GAUGE],
      batch(values.map((value, index) => reading(NOW + index * 400, [value || 1e-9]))),
    );
    const { metrics } = await memory.ask(NOW, NOW + 2_000, 2_000);
    expect(metrics.g).toMatchObject({ min: [-Number.MAX_VALUE], max: [Number.MAX_VALUE], spread: [null] });
    expect(Number.isFinite(metrics.g?.mean?.[0])).toBe(true);
  });

  it('keep the mean of equal values equal', async () => {
    const memory = new Memory(
      [GAUGE],
      batch(Array.from({ length: 97 }, (_, n) => reading(NOW + n * 10, [0.1]))),
    );
    expect((await memory.ask(NOW, NOW + 1_000)).metrics.g).toMatchObject({ mean: [0.1], spread: [0] });
  });

  it('go round: a new reading takes the place of the one ten minutes before it', async () => {
    const memory = new Memory([RANDOM], batch([reading(NOW, [1n]), reading(NOW, [0n])]));
    memory.add(batch([reading(NOW + WINDOW_MS, [2n])]));
    const after = await memory.ask(NOW + WINDOW_MS, NOW + WINDOW_MS + 1_000);
    expect(after.defects).toEqual([0]);
    expect(after.metrics.r).toMatchObject({ mean: [2], count: [1] });
    expect((await memory.ask(NOW, NOW + 1_000)).metrics.r?.count).toEqual([0]);
    expect((await memory.histogram(RANDOM, 0, 2 * NOW)).counts).toEqual([0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('refuse a reading that is older than the window, and put others where they belong', async () => {
    const memory = new Memory([COUNTER], batch([reading(NOW, [10n])]));
    memory.add(batch([reading(NOW - WINDOW_MS, [2n]), reading(NOW - WINDOW_MS - 700, [3n])]));
    expect(memory).toMatchObject({ latest: ['10'], newest: NOW, oldest: NOW });
    memory.add(batch([reading(NOW - 300_000, [5n])]));
    expect(memory).toMatchObject({ latest: ['10'], newest: NOW, oldest: NOW - 300_000 });
    const { metrics } = await memory.ask(NOW - 300_000, NOW - 299_000);
    expect(metrics.c).toEqual({ last: [5], increase: [null], min_difference: [null], count: [1] });
  });

  it('hold the errors that occurred, and the runner’s totals as increases', async () => {
    const point = (ms: number, kind: string | undefined, fields: Point['fields']): Point => ({
      measurement: kind ?? 'runner',
      ...(kind === undefined ? {} : { kind }),
      fields,
      timestamp: BigInt(ms) * 1_000_000n,
    });
    const memory = new Memory(
      [GAUGE],
      batch([], [point(NOW, 'error.line', { value: 2 }), point(NOW, 'error.g', { value: 0 })]),
      batch(
        [],
        [
          point(NOW, undefined, { read: 10, queued: 3 }),
          point(NOW + 1_000, undefined, { read: 15, queued: 1 }),
        ],
      ),
      batch(
        [],
        [
          point(NOW + 1_500, 'error.line', { value: 1 }),
          point(NOW + 2_000, undefined, { read: 4, queued: 0 }),
        ],
      ),
    );
    const { errors, runner } = await memory.ask(NOW, NOW + 3_000);
    expect(errors).toEqual({ 'error.line': [2, 1, 0] });
    expect(runner).toEqual({ read: [null, 5, null], queued: [3, 1, 0] });
    memory.add(batch([], [point(NOW + WINDOW_MS + 5_000, undefined, { read: 9, queued: 0 })]));
    expect((await memory.ask(NOW, NOW + 3_000)).errors).toEqual({});
  });

  it('know how far lines are apart, whatever single ones are', () => {
    const memory = new Memory([GAUGE]);
    for (let n = 0; n < 50; n += 1) memory.add(batch([reading(NOW + n * 2_000 + (n === 40 ? 900 : 0), [1])]));
    expect(memory.distanceMs).toBe(2_000);
  });

  it('take the same room after a million readings as after a thousand', async () => {
    const memory = new Memory(DEFINITION.metrics);
    const fill = (from: number, count: number, everyMs: number) =>
      memory.add(
        batch(
          Array.from({ length: count }, (_, index) =>
            reading(from + Math.floor(index * everyMs), [1.5, 2n, BigInt(index + 1)]),
          ),
        ),
      );
    fill(NOW, 1_000, 600);
    const before = arrayBuffers();
    for (let round = 0; round < 10; round += 1) fill(NOW + (round + 1) * 100_000, 100_000, 1);
    // What is garbage is not all swept at once.
    await until('nothing more is held', () => arrayBuffers() - before < 1_000_000);
    const { metrics } = await memory.ask(NOW + 1_000_000, NOW + 1_100_000);
    expect(metrics.load?.count).toEqual(new Array(100).fill(1_000));
  });
});

/** In bytes, without those that nobody holds any more. */
function arrayBuffers(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().arrayBuffers;
}
