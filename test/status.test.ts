import { describe, expect, it } from 'vitest';
import type { DestinationState as State } from '../src/destination.js';
import { Ledger } from '../src/ledger.js';
import { Rate, statusLine } from '../src/status.js';

const NONE = new Ledger({ metrics: [] }).counters;

const textOf = (counters = {}, { rate = 1, elapsedMs = 763_000, state = 'online' as State } = {}) =>
  statusLine({ counters: { ...NONE, ...counters }, state, elapsedMs, rate }, false);

describe('the status line', () => {
  it('tells time, state, rate, queue, errors and defects', () => {
    const text = textOf({ read: 763, delivered: 763, defects: 12 });
    expect(text).toBe('00:12:43  online  1.0 lines/s  queued 0  errors 0  defects 12');
  });

  it('tells what is lost once there is something', () => {
    const text = textOf({ restarts: 2, rejected: 3, dropped: 1_200 });
    expect(text).toMatch(/ {2}defects 0 {2}restarts 2 {2}rejected 3 {2}dropped 1\.2k$/);
  });

  it.each([
    [0, '00:00:00'],
    [999, '00:00:00'],
    [1_000, '00:00:01'],
    [86_399_999, '23:59:59'],
    [86_400_000, '1d 00:00:00'],
    [400 * 86_400_000 + 3_661_000, '400d 01:01:01'],
  ])('writes %i ms as %s', (elapsedMs, expected) => {
    expect(textOf({}, { elapsedMs })).toMatch(new RegExp(`^${expected}  online`));
  });

  it.each([
    [0, '0'],
    [999, '999'],
    [1_000, '1.0k'],
    [12_345, '12.3k'],
    [99_949, '99.9k'],
    [99_950, '100k'],
    [999_499, '999k'],
    [999_500, '1.0M'],
    [1_234_567_890, '1.2G'],
    [7e15, '7.0e+15'],
  ])('writes %i waiting lines as %s', (queued, expected) => {
    expect(textOf({ queued })).toContain(`  queued ${expected}  `);
  });

  it.each([
    [0, '0.0'],
    [0.04, '0.0'],
    [0.1, '0.1'],
    [1.0321, '1.0'],
    [99.94, '99.9'],
    [99.96, '100'],
    [999.6, '1.0k'],
    [12_345.6, '12.3k'],
  ])('writes a rate of %d as %s lines/s', (rate, expected) => {
    expect(textOf({}, { rate })).toContain(`  ${expected} lines/s  `);
  });

  it.each<[State, number]>([
    ['online', 32],
    ['recording', 32],
    ['connecting', 33],
    ['offline', 33],
    ['held', 31],
    ['failing', 31],
  ])('paints %s with colour %i', (state, colour) => {
    const line = statusLine({ counters: NONE, state, elapsedMs: 0, rate: 0 }, true);
    expect(line).toContain(`  \u001b[${colour}m${state}\u001b[39m  `);
    expect(line.split('\u001b')).toHaveLength(3);
  });

  it.each(['errors', 'restarts', 'rejected', 'dropped'])('paints %s red where there are any', (name) => {
    const status = { counters: { ...NONE, [name]: 7 }, state: 'online', elapsedMs: 0, rate: 0 } as const;
    expect(statusLine(status, true)).toContain(`  \u001b[31m${name} 7\u001b[39m`);
    expect(statusLine(status, false)).not.toContain('\u001b');
  });
});

/** What is told at each look, every 200 ms, while batches of lines come every `everyMs`. */
function observed(rate: Rate, { everyMs = 1_000, lines = 1, fromMs = 0, toMs = 20_000, lookMs = 200 }) {
  const told: number[] = [];
  for (let now = fromMs; now <= toMs; now += lookMs) {
    told.push(rate.observe(lines * Math.floor(now / everyMs), now));
  }
  return told;
}

describe('the rate', () => {
  it.each([
    { everyMs: 1_000, lines: 1, expected: 1 },
    { everyMs: 1_000, lines: 12_345, expected: 12_345 },
    { everyMs: 200, lines: 50, expected: 250 },
    { everyMs: 4_000, lines: 1, expected: 0.25 },
    { everyMs: 9_000, lines: 9, expected: 1 },
    { everyMs: 1_000, lines: 5, lookMs: 10_000, expected: 5 },
  ])('of $lines lines each $everyMs ms is a steady $expected', ({ expected, ...way }) => {
    const told = observed(new Rate(), { toMs: 60_000, ...way });
    const settled = told.slice(told.length / 2);
    for (const value of settled) expect(value).toBeCloseTo(expected, 6);
  });

  it('wavers little when looks and lines do not match', () => {
    const told = observed(new Rate(), { everyMs: 1_000, lookMs: 230, toMs: 60_000 }).slice(40);
    expect(Math.min(...told)).toBeGreaterThan(0.94);
    expect(Math.max(...told)).toBeLessThan(1.06);
  });

  it('is that of the last seconds, not that since the start', () => {
    const rate = new Rate();
    observed(rate, { everyMs: 100, lines: 100, toMs: 3_600_000 });
    const base = 3_600_000;
    let told = 0;
    for (let now = 200; now <= 6_000; now += 200) {
      told = rate.observe(base + Math.floor(now / 1_000), base + now);
    }
    expect(told).toBeCloseTo(1, 1);
  });

  it('falls while nothing comes, and is 0 after some seconds', () => {
    const rate = new Rate();
    observed(rate, { lines: 1_000, toMs: 20_000 });
    const told = [];
    for (let now = 20_200; now <= 26_000; now += 200) told.push(rate.observe(20_000, now));
    expect(told).toEqual(told.toSorted((a, b) => b - a));
    expect(told.at(-1)).toBe(0);
  });

  it('does not count a pause once lines come again', () => {
    const rate = new Rate();
    observed(rate, { toMs: 10_000 });
    for (let now = 10_000; now < 600_000; now += 200) rate.observe(10, now);
    expect(rate.observe(11, 600_000)).toBeLessThan(0.01);
    expect(rate.observe(12, 601_000)).toBe(1);
    expect(rate.observe(13, 602_000)).toBe(1);
  });

  it('is right from the second line on, whenever the first one came', () => {
    const rate = new Rate();
    const told = [];
    for (let now = 0; now <= 5_000; now += 200) {
      told.push(rate.observe(Math.floor((now + 600) / 1_000), now));
    }
    expect([...new Set(told)]).toEqual([0, 1]);
  });

  it('does not count the time before the first line', () => {
    const rate = new Rate();
    for (let now = 0; now < 30_000; now += 200) rate.observe(0, now);
    rate.observe(1, 30_000);
    expect(rate.observe(2, 31_000)).toBe(1);
  });

  it.each([
    ['nothing was read yet', [[0, 0]]],
    [
      'two looks fall together',
      [
        [0, 5],
        [0, 6],
      ],
    ],
    [
      'the total falls',
      [
        [0, 100],
        [1_000, 5],
      ],
    ],
  ])('is 0 where %s', (_, looks) => {
    const rate = new Rate();
    expect(looks.map(([now, total]) => rate.observe(total as number, now)).at(-1)).toBe(0);
  });
});
