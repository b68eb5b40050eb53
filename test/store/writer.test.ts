/** What is written is what is stored, chunk after chunk. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Definition, Metric } from '../../src/definition.js';
import { openLog } from '../../src/log.js';
import type { Batch, Reading, Value } from '../../src/reading.js';
import { packReadings } from '../../src/readings-builder.js';
import { Store } from '../../src/store/duckdb.js';
import type { StoreWriter } from '../../src/store/writer.js';
import { seeded } from '../seeded.js';
import { temporaryFolder } from '../visualizer.js';

/** Rows that DuckDB takes at a time. */
const CHUNK = 2_048;
const TIME = 1_795_334_400_000_000_000n;
const LOAD: Metric = { name: 'load', type: 'float', kind: 'gauge' };
const COUNTER: Metric = { name: 'counter', type: 'integer', kind: 'counter' };
const GONE: Metric = { name: 'gone', type: 'integer', kind: 'counter' };
const LEFT: Metric = { name: 'left', type: 'float', kind: 'gauge' };
const DRAUGHT: Metric = { name: 'draught', type: 'float', kind: 'gauge' };
/** Longer than what DuckDB keeps in place. */
const ENV = 'the laboratory of the second floor, größer';

const log = await openLog('silent');
let folder: string;
let store: Store;
let writers: StoreWriter[];
beforeEach(async () => {
  folder = temporaryFolder();
  store = await Store.open(join(folder, 'store.duckdb'), log);
  writers = [];
});
afterEach(async () => {
  for (const writer of writers) writer.close();
  store.close();
  await rm(folder, { recursive: true, force: true });
});

async function writerOf(metrics: readonly Metric[], env = ENV): Promise<StoreWriter> {
  const definition: Definition = {
    ...{ name: 'test', measurement: 'sensor', separator: 'whitespace' },
    ...{ defect: 'none', alerts: [], notify: [], metrics },
  };
  await store.prepare(definition);
  const writer = await store.writer(definition, env);
  writers.push(writer);
  return writer;
}

/** Drawn by lot, with defects and values that could not be cast; of all values or of none where `gaps` is 1 or 0. */
function drawn(metrics: readonly Metric[], count: number, { seed = 1, first = 0, gaps = 0.3 } = {}) {
  const random = seeded(seed);
  const readings = Array.from({ length: count }, (_, row): Reading => {
    const values = metrics.map(({ type }): Value | null => {
      if (random() < gaps) return null;
      if (type === 'float') return (random() - 0.5) * 10 ** Math.floor(random() * 40);
      return BigInt.asIntN(64, BigInt(Math.floor(random() * 2 ** 53)) << BigInt(Math.floor(random() * 12)));
    });
    return { timestamp: TIME + BigInt(first + row), values, defect: random() < 0.4 };
  });
  return readings;
}

function batchOf(metrics: readonly Metric[], readings: readonly Reading[]): Batch {
  return { readings: packReadings(metrics, readings), points: [], refused: 0, lost: 0 };
}

/** All that is stored, in the order of time. */
function stored(columns: readonly string[]): Promise<unknown[][]> {
  return store.query(`SELECT epoch_ns(time), env, defect, ${columns.join(', ')} FROM readings ORDER BY time`);
}

const rowsOf = (readings: readonly Reading[], env = ENV) =>
  readings.map(({ timestamp, defect, values }) => [timestamp, env, defect, ...values]);

describe('readings in the embedded store', () => {
  it.each([1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 5_000])(
    'are stored as they are, and nothing of them shines through later ones: %d at first',
    async (count) => {
      const metrics = [LOAD, COUNTER];
      const writer = await writerOf(metrics);
      const sizes = [count, 3, count, 1, CHUNK];
      const all: Reading[] = [];
      for (const [seed, size] of sizes.entries()) {
        // In turn mixed, without any value, and with all of them.
        const gaps = [0.3, 1, 0][seed % 3] as number;
        const readings = drawn(metrics, size, { seed, gaps, first: all.length });
        await writer.write(batchOf(metrics, readings));
        all.push(...readings);
      }
      expect(await stored(['load', 'counter'])).toEqual(rowsOf(all));
    },
  );

  it('have no value in a column that the definition no longer has, nor in one that it had not yet', async () => {
    const old = [LOAD, GONE, LEFT, COUNTER];
    const before = drawn(old, 3_000, { gaps: 0 });
    await (await writerOf(old)).write(batchOf(old, before));

    // In another order than the table's.
    const metrics = [COUNTER, DRAUGHT, LOAD];
    const writer = await writerOf(metrics);
    const after = drawn(metrics, 5_000, { seed: 2, first: 3_000 });
    await writer.write(batchOf(metrics, after));
    const few = drawn(metrics, 2, { seed: 3, first: 8_000, gaps: 0 });
    await writer.write(batchOf(metrics, few));

    expect(await stored(['load', 'gone', '"left"', 'counter', 'draught'])).toEqual([
      ...rowsOf(before).map((row) => [...row, null]),
      ...rowsOf([...after, ...few]).map(([time, env, defect, counter, draught, load]) => {
        return [time, env, defect, load, null, null, counter, draught];
      }),
    ]);
  });

  it('are of the environment that they were recorded in, one after the other and in turn', async () => {
    const metrics = [LOAD];
    const expected: unknown[][] = [];
    let first = 0;
    const write = async (writer: StoreWriter, env: string, count: number) => {
      const readings = drawn(metrics, count, { seed: first, first });
      await writer.write(batchOf(metrics, readings));
      expected.push(...rowsOf(readings, env));
      first += count;
    };
    const lab = await writerOf(metrics, ENV);
    await write(lab, ENV, 2_500);
    const dev = await writerOf(metrics, 'dev');
    await write(dev, 'dev', 10);
    await write(lab, ENV, 1);
    await write(dev, 'dev', 2_500);
    await write(lab, ENV, 2_049);
    expect(await stored(['load'])).toEqual(expected);
  });

  it('are exact to 64 bits, and to the nanosecond', async () => {
    const values = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, 0n, -1n].map((value) => [0.1, value]);
    const times = [1n, 999_999_999n, TIME, TIME + 1n, TIME + 10n ** 17n + 1n];
    const readings = times.map((timestamp, row) => ({
      timestamp,
      values: values[row] as Value[],
      defect: false,
    }));
    const writer = await writerOf([LOAD, COUNTER]);
    await writer.write(batchOf([LOAD, COUNTER], readings));
    expect(await stored(['load', 'counter'])).toEqual(rowsOf(readings));
  });

  it('are stored all or none: what failed may be written again', async () => {
    const metrics = [LOAD, COUNTER];
    const writer = await writerOf(metrics);
    const readings = drawn(metrics, 5_000);
    const batch = batchOf(metrics, readings);
    const point = { measurement: 'runner', fields: { read: 0.5 }, timestamp: TIME };
    await expect(writer.write({ ...batch, points: [point] })).rejects.toThrow();
    expect(await stored(['load', 'counter'])).toEqual([]);
    await writer.write(batch);
    expect(await stored(['load', 'counter'])).toEqual(rowsOf(readings));
  });
});
