/** When a batch is packed: where that is cheap, or where there is little room. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BufferScan } from '../../../src/influx/buffer/scan.js';
import { type BufferOptions, DurableBuffer, type Files } from '../../../src/influx/buffer.js';
import { FaultyDisk } from './faulty-files.js';
import { drain, entry } from './scenario.js';

const MAX_BYTES = 4_000_000;
const BATCH_BYTES = 100_000;

let files: Files;
let buffer: DurableBuffer;
let now: number;
beforeEach(async () => {
  files = new FaultyDisk().boot();
  now = 5_000;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  await open();
});
afterEach(async () => {
  await buffer.close();
  vi.restoreAllMocks();
});

async function open(options: Partial<BufferOptions> = {}): Promise<void> {
  buffer = await DurableBuffer.open('/buffer', { maxBytes: MAX_BYTES, ...options, files });
}

/** Batches that come so far apart. */
async function append(count: number, everyMs: number, bytes = BATCH_BYTES): Promise<void> {
  for (let n = 1; n <= count; n += 1) {
    now += everyMs;
    await buffer.append(entry(n, { bytes }));
  }
}

/** Which records on the disk are packed. */
async function packed(): Promise<boolean[]> {
  const records: boolean[] = [];
  for await (const record of (await BufferScan.open('/buffer', files)).records()) {
    if (record.kind === 'record') records.push(record.compressed);
  }
  return records;
}

describe('a batch', () => {
  it('is packed in a trickle', async () => {
    await append(5, 1_000);
    expect(await packed()).toEqual([true, true, true, true, true]);
    expect(buffer.bytes).toBeLessThan(BATCH_BYTES / 5);
  });

  it('is not packed in a flood', async () => {
    await append(6, 1);
    // How fast they come is not known at the first.
    expect(await packed()).toEqual([true, false, false, false, false, false]);
    expect(await drain(buffer)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it.each([
    ['of 9 MB in a second', 11, true],
    ['of 11 MB in a second', 9, false],
  ])('is packed up to 10 MB in a second: %s', async (_, everyMs, isPacked) => {
    await append(4, everyMs);
    expect((await packed()).slice(1)).toEqual([isPacked, isPacked, isPacked]);
  });

  it('is packed again once the flood is over', async () => {
    await append(3, 1);
    await append(2, 100);
    expect(await packed()).toEqual([true, false, false, true, true]);
  });

  it('is always packed once the buffer is a quarter full, and no more when there is room again', async () => {
    await append(30, 1);
    const before = await packed();
    const last = before.lastIndexOf(false);
    expect(before).toEqual(before.map((_, index) => index === 0 || index > last));
    // A quarter is ten batches.
    expect(last).toBeGreaterThanOrEqual(8);
    expect(last).toBeLessThanOrEqual(10);
    expect(buffer.bytes).toBeLessThan(MAX_BYTES * 0.3);
    expect(buffer.totals).toMatchObject({ queued: 30, dropped: 0 });
    await drain(buffer);
    await buffer.close();
    await open();
    await append(2, 1);
    expect((await packed()).at(-1)).toBe(false);
  });

  it('is packed where it would be too large as it is, however fast it comes', async () => {
    await append(1, 1);
    await append(1, 1, MAX_BYTES + 1);
    expect(await packed()).toEqual([true, true]);
    expect(await drain(buffer)).toEqual([1, 1]);
  });

  it('is not packed where it is small', async () => {
    await append(3, 1_000, 1_023);
    expect(await packed()).toEqual([false, false, false]);
  });
});
