/** Entries lie in memory that is used again and again: each has to stay as it is for as long as it is needed. */
import { describe, expect, it } from 'vitest';
import { DurableBuffer, type Entry } from '../../../src/influx/buffer.js';
import { seeded } from '../../seeded.js';
import { FaultyDisk } from './faulty-files.js';
import { entry, expectBalance } from './scenario.js';

const LIMITS = { maxBytes: 1 << 24, segmentBytes: 60_000 };

describe('an entry', () => {
  it.each([1, 2, 3, 4])('is as it was appended until it is settled, seed %d', async (seed) => {
    const random = seeded(seed);
    const upTo = (most: number) => Math.floor(random() * most);
    const disk = new FaultyDisk();
    let buffer = await DurableBuffer.open('/buffer', { ...LIMITS, files: disk.boot() });
    const appended: Buffer[] = [];
    const append = async () => {
      const bytes = 1 + upTo([100, 4_000, 5_000, 30_000][upTo(4)] as number);
      // Noise stays as it is; the rest is packed.
      const payload = Buffer.from(Array.from({ length: bytes }, () => (random() < 0.7 ? upTo(256) : 7)));
      appended.push(payload);
      await buffer.append({ ...entry(appended.length), payload });
    };
    for (let n = 0; n < 30; n += 1) await append();

    let held: Entry[] = [];
    let settled = 0;
    const check = () => {
      for (const { sequence, payload } of held) {
        if (!payload.equals(appended[sequence - 1] as Buffer)) expect.fail(`entry ${sequence} has changed`);
      }
    };
    for (let step = 0; step < 300 || settled < appended.length; step += 1) {
      const choice = random();
      if (choice < 0.25 && step < 300) {
        await append();
      } else if (choice < 0.6) {
        held.push(...(await buffer.peek(upTo(80_000), held.at(-1)?.sequence ?? settled)));
      } else if (choice < 0.61) {
        await buffer.close();
        buffer = await DurableBuffer.open('/buffer', { ...LIMITS, files: disk.boot() });
        held = [];
      } else {
        const [oldest] = held;
        if (oldest === undefined) continue;
        await buffer.settle({ sequence: oldest.sequence, delivered: 1, rejected: 0 });
        held.shift();
        settled += 1;
      }
      check();
    }
    expect(buffer.totals).toMatchObject({ delivered: appended.length, queued: 0, dropped: 0 });
    expectBalance(buffer);
  });
});
