import { describe, expect, it } from 'vitest';
import { Recent, WINDOW_MS } from '../../src/local/recent.js';
import type { Reading } from '../../src/reading.js';
import { reading } from './page-fixture.js';

const NOW = 1_700_000_000_000;

function recentOf(metrics: number, ...readings: Reading[]): Recent {
  const recent = new Recent({ metrics: new Array(metrics).fill(null) });
  recent.add(batch(...readings));
  return recent;
}

function batch(...readings: Reading[]) {
  return { readings };
}

describe('the last ten minutes', () => {
  it('are empty before the first reading', () => {
    const { time, latest, lastReading } = recentOf(2).snapshot(NOW);
    expect({ time, latest, lastReading }).toEqual({ time: [], latest: [null, null], lastReading: null });
  });

  it('hold count, mean, lowest and highest of each half second', () => {
    const recent = recentOf(
      1,
      reading(NOW, [1]),
      reading(NOW + 100, [2]),
      reading(NOW + 499, [6]),
      reading(NOW + 500, [9]),
    );
    const { time, metrics } = recent.snapshot(NOW + 600);
    expect(time).toEqual([NOW, NOW + 500]);
    expect(metrics).toEqual([{ count: [3, 1], mean: [3, 9], min: [1, 9], max: [6, 9] }]);
  });

  it('count defect rows and leave their values out, also out of the latest', () => {
    const recent = recentOf(2, reading(NOW, [7.5, 5n]), reading(NOW + 1, [0, 0n], true));
    const { defects, metrics, latest } = recent.snapshot(NOW);
    expect(defects).toEqual([1]);
    expect(metrics.map(({ count, min }) => [count, min])).toEqual([
      [[1], [7.5]],
      [[1], [5]],
    ]);
    expect(latest).toEqual(['7.5', '5']);
  });

  it('show a bucket of nothing but defects or uncastable values, with no value in it', () => {
    const recent = recentOf(1, reading(NOW, [0], true), reading(NOW + 500, [null]));
    const { time, defects, metrics } = recent.snapshot(NOW + 500);
    expect({ time, defects }).toEqual({ time: [NOW, NOW + 500], defects: [1, 0] });
    expect(metrics).toEqual([{ count: [0, 0], mean: [null, null], min: [null, null], max: [null, null] }]);
  });

  it('lose only the value that could not be cast', () => {
    const recent = recentOf(2, reading(NOW, [1, 2n]), reading(NOW + 1, [null, 4n]));
    expect(recent.snapshot(NOW).metrics.map(({ count }) => count)).toEqual([[1], [2]]);
    expect(recent.snapshot(NOW).latest).toEqual(['1', '4']);
  });

  it('keep the latest integer to its last digit', () => {
    expect(recentOf(1, reading(NOW, [9_007_199_254_740_993n])).snapshot(NOW).latest).toEqual([
      '9007199254740993',
    ]);
  });

  it('stay finite at the ends of the floats', () => {
    const values = [Number.MAX_VALUE, -Number.MAX_VALUE, Number.MAX_VALUE, 0];
    const recent = recentOf(1, ...values.map((value, index) => reading(NOW + index, [value])));
    const { mean, min, max } = recent.snapshot(NOW).metrics[0] ?? {};
    expect([min, max]).toEqual([[-Number.MAX_VALUE], [Number.MAX_VALUE]]);
    expect(mean?.every(Number.isFinite)).toBe(true);
  });

  it('keep the mean of equal values equal', () => {
    const recent = recentOf(1, ...Array.from({ length: 97 }, (_, index) => reading(NOW + index, [0.1])));
    expect(recent.snapshot(NOW).metrics[0]?.mean).toEqual([0.1]);
  });

  it('end at the time they are asked for', () => {
    const recent = recentOf(1, reading(NOW, [1]), reading(NOW + 1_000, [2]));
    expect(recent.snapshot(NOW + WINDOW_MS - 500).time).toEqual([NOW, NOW + 1_000]);
    expect(recent.snapshot(NOW + WINDOW_MS).time).toEqual([NOW + 1_000]);
    expect(recent.snapshot(NOW + 2 * WINDOW_MS).time).toEqual([]);
  });

  it('go round: a new reading takes the place of the one ten minutes before it', () => {
    const recent = recentOf(1, reading(NOW, [1]), reading(NOW, [1], true));
    recent.add(batch(reading(NOW + WINDOW_MS, [2])));
    const { time, defects, metrics } = recent.snapshot(NOW + WINDOW_MS);
    expect({ time, defects }).toEqual({ time: [NOW + WINDOW_MS], defects: [0] });
    expect(metrics[0]).toEqual({ count: [1], mean: [2], min: [2], max: [2] });
  });

  it('refuse a reading that is older than the window', () => {
    const recent = recentOf(1, reading(NOW, [1]));
    recent.add(batch(reading(NOW - WINDOW_MS, [2]), reading(NOW - WINDOW_MS - 700, [3])));
    const { time, metrics, latest, lastReading } = recent.snapshot(NOW);
    expect({ time, latest, lastReading }).toEqual({ time: [NOW], latest: ['1'], lastReading: NOW });
    expect(metrics[0]?.mean).toEqual([1]);
  });

  it('put readings that come out of order where they belong', () => {
    const recent = recentOf(1, reading(NOW, [1]));
    recent.add(batch(reading(NOW - 300_000, [2]), reading(NOW - 1_000, [3]), reading(NOW - 1_000, [5])));
    const { time, metrics, latest } = recent.snapshot(NOW);
    expect(time).toEqual([NOW - 300_000, NOW - 1_000, NOW]);
    expect(metrics[0]?.mean).toEqual([2, 4, 1]);
    expect(latest).toEqual(['1']);
  });

  it('end with the newest reading where it runs ahead of a clock that was set back', () => {
    const recent = recentOf(1, reading(NOW, [1]));
    expect(recent.snapshot(NOW - 3_600_000).time).toEqual([NOW]);
  });

  it('say what changed since a revision, whole buckets each', () => {
    const recent = recentOf(1, reading(NOW, [1]), reading(NOW + 500, [2]));
    const { revision } = recent.snapshot(NOW);
    expect(recent.since(revision, NOW).time).toEqual([]);

    recent.add(batch());
    expect(recent.revision).toBe(revision);

    recent.add(batch(reading(NOW + 501, [4]), reading(NOW + 1_000, [8])));
    const changed = recent.since(revision, NOW + 1_000);
    expect(changed.time).toEqual([NOW + 500, NOW + 1_000]);
    expect(changed.metrics[0]?.mean).toEqual([3, 8]);
    expect(recent.since(changed.revision, NOW + 1_000).time).toEqual([]);
  });

  it('take the same room after a million readings as after a thousand', () => {
    const recent = recentOf(3);
    const fill = (from: number, count: number, everyMs: number) =>
      recent.add(
        batch(
          ...Array.from({ length: count }, (_, index) =>
            reading(from + Math.floor(index * everyMs), [1.5, 2n, BigInt(index)]),
          ),
        ),
      );
    fill(NOW, 1_000, 600);
    const before = process.memoryUsage().arrayBuffers;
    for (let round = 0; round < 10; round += 1) fill(NOW + (round + 1) * 100_000, 100_000, 1);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
    expect(recent.snapshot(NOW + 1_100_000).time).toHaveLength(WINDOW_MS / 500 - 1);
  });
});
