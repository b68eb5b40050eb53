import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Clock, type Time } from '../../src/source/clock.js';

const START = 1_800_000_000_000;
const MS = 1_000_000n;

/** A machine whose wall clock can be set; both clocks move only when they are told to. */
class FakeTime implements Time {
  wallMs = START;
  passedNs = 0n;

  wall = () => Math.floor(this.wallMs);
  monotonic = () => this.passedNs;

  pass(ms: number): void {
    this.wallMs += ms;
    this.passedNs += BigInt(Math.round(ms * 1e6));
  }

  set(ms: number): void {
    this.wallMs = ms;
  }
}

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'visualizer-clock-'));
  file = join(directory, 'clock');
});
afterEach(() => rm(directory, { recursive: true }));

describe('the clock', () => {
  it('tells the wall time to better than a millisecond', async () => {
    const time = new FakeTime();
    const clock = await Clock.open(undefined, { time });
    time.pass(12.25);
    expect(clock.stamp()).toBe(BigInt(START) * MS + 12_250_000n);
  });

  it('gives lines that were read together timestamps of their own', async () => {
    const clock = await Clock.open(undefined, { time: new FakeTime() });
    const first = clock.stamp(1_000);
    expect(clock.stamp()).toBeGreaterThan(first + 999n);
  });

  it('follows the wall clock when it is set forward', async () => {
    const time = new FakeTime();
    const clock = await Clock.open(undefined, { time });
    clock.stamp();
    time.set(START + 3_600_000);
    expect(clock.stamp()).toBe(BigInt(START + 3_600_000) * MS);
  });

  it('goes on at half speed when the wall clock is set back, until that has caught up', async () => {
    const time = new FakeTime();
    const clock = await Clock.open(undefined, { time });
    const before = clock.stamp();
    time.set(START - 10_000);
    time.pass(1_000);
    expect(clock.stamp() - before).toBe(500n * MS);
    expect(clock.aheadMs).toBe(9_500);
    time.pass(30_000);
    expect(clock.stamp()).toBe(BigInt(START + 21_000) * MS);
    expect(clock.aheadMs).toBe(0);
  });

  it('never gives a timestamp twice: 200,000 lines at once, also across a restart with the clock set back', async () => {
    const time = new FakeTime();
    const seen = new Set<bigint>();
    const take = async (clock: Clock) => {
      for (let line = 0; line < 100_000; line += 1) {
        seen.add(clock.stamp());
        if (line % 1_000 === 0) await clock.persist();
      }
      await clock.persist();
      await clock.close();
    };
    await take(await Clock.open(file, { time }));
    const newest = [...seen].at(-1) as bigint;
    time.set(START - 3_600_000);
    const restarted = await Clock.open(file, { time });
    expect(restarted.stamp()).toBeGreaterThan(newest);
    await take(restarted);
    expect(seen.size).toBe(200_000);
  });

  it('does not move the mark for every batch', async () => {
    const time = new FakeTime();
    const clock = await Clock.open(file, { time });
    clock.stamp();
    await clock.persist();
    const restarted = await Clock.open(file, { time });
    const ahead = restarted.stamp() - BigInt(START) * MS;
    await Promise.all([clock.close(), restarted.close()]);
    expect(ahead).toBeGreaterThan(0n);
    expect(ahead).toBeLessThan(200n * MS);
  });

  it.each(['rubbish', '', '9999999999999999999', '-5'])(
    'takes the wall clock where its file says %j',
    async (mark) => {
      await writeFile(file, mark);
      const clock = await Clock.open(file, { time: new FakeTime() });
      expect(clock.stamp()).toBe(BigInt(START) * MS);
      clock.stamp();
      await clock.persist();
      await clock.close();
    },
  );
});
