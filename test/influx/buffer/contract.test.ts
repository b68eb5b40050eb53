/** What the buffer promises, over the real file system and over the one that the fault tests use. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realFiles } from '../../../src/influx/buffer/files.js';
import { BufferScan } from '../../../src/influx/buffer/scan.js';
import { type BufferOptions, DurableBuffer, type Files } from '../../../src/influx/buffer.js';
import { FaultyDisk } from './faulty-files.js';
import { drain, EVERYTHING, entry, eventLog, expectBalance, numberOf, queued, ROOMY } from './scenario.js';

let directory: string;
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'buffer-')), 'state', 'buffer');
});
afterEach(async () => {
  await rm(join(directory, '..', '..'), { recursive: true, force: true });
});

describe.each([
  ['the real file system', () => realFiles],
  ['the file system of the fault tests', () => new FaultyDisk().boot()],
])('a buffer over %s', (_name, newFiles) => {
  let files: Files;
  let buffer: DurableBuffer;
  const open = async (options: Partial<BufferOptions> = {}) => {
    buffer = await DurableBuffer.open(directory, { ...ROOMY, files, ...options });
    return buffer;
  };
  const reopen = async (options: Partial<BufferOptions> = {}) => {
    await buffer.close();
    return open(options);
  };
  const append = async (from: number, to: number, shape = {}) => {
    for (let n = from; n <= to; n += 1) await buffer.append(entry(n, shape));
  };
  beforeEach(async () => {
    files = newFiles();
    await open();
  });
  afterEach(() => buffer.close().catch(() => {}));

  it('is empty at first', async () => {
    expect(await buffer.peek(EVERYTHING)).toEqual([]);
    expect(buffer.totals).toEqual({ read: 0, delivered: 0, queued: 0, rejected: 0, dropped: 0 });
    const { bytes, records, segments, oldestTime, newestTime } = buffer;
    expect([bytes, records, segments, oldestTime, newestTime]).toEqual([0, 0, 0, undefined, undefined]);
  });

  it('hands out what was appended, in order and whole', async () => {
    const given = [entry(1), entry(2, { lines: 7 }), entry(3, { bytes: 5000 }), entry(4, { bytes: 1023 })];
    for (const each of given) await buffer.append(each);
    const entries = await buffer.peek(EVERYTHING);
    expect(entries.map(({ payload, lines, time }) => ({ payload, lines, time }))).toEqual(
      given.map(({ payload, lines, time }) => ({ payload, lines, time })),
    );
    expect(entries.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
  });

  it('keeps the order of appends that were not waited for', async () => {
    await Promise.all(
      [entry(1, { bytes: 300_000 }), entry(2), entry(3, { bytes: 9000 })].map((e) => buffer.append(e)),
    );
    expect(await queued(buffer)).toEqual([1, 2, 3]);
  });

  it('packs what can be packed and leaves the rest as it is', async () => {
    const noise = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * i * 31 + (i >> 3) * 17) & 255));
    await buffer.append(entry(1, { bytes: 100_000 }));
    expect(buffer.bytes).toBeLessThan(10_000);
    const before = buffer.bytes;
    await buffer.append({ ...entry(2), payload: noise.subarray(0, 1000) });
    expect(buffer.bytes - before).toBe(1064);
    expect((await buffer.peek(EVERYTHING))[1]?.payload.equals(noise.subarray(0, 1000))).toBe(true);
  });

  it('hands out the same again until it is settled', async () => {
    await append(1, 3);
    const once = await buffer.peek(EVERYTHING);
    expect(await buffer.peek(EVERYTHING)).toEqual(once);
    await buffer.settle({ sequence: 1, delivered: 1, rejected: 0 });
    await append(4, 4);
    expect(await queued(buffer)).toEqual([2, 3, 4]);
  });

  it('hands out as much as was asked for, and one entry at least', async () => {
    await append(1, 5, { bytes: 100 });
    expect((await buffer.peek(1)).map(numberOf)).toEqual([1]);
    expect((await buffer.peek(250)).map(numberOf)).toEqual([1, 2]);
    expect((await buffer.peek(300)).map(numberOf)).toEqual([1, 2, 3]);
    expect((await buffer.peek(100)).map(numberOf)).toEqual([1]);
  });

  it('hands out what comes after what is handed out', async () => {
    await append(1, 5, { bytes: 100 });
    expect((await buffer.peek(200)).map(numberOf)).toEqual([1, 2]);
    expect((await buffer.peek(200, 2)).map(numberOf)).toEqual([3, 4]);
    await buffer.settle({ sequence: 1, delivered: 1, rejected: 0 });
    expect((await buffer.peek(200, 3)).map(numberOf)).toEqual([4, 5]);
    expect(await buffer.peek(200, 5)).toEqual([]);
    expect((await buffer.peek(EVERYTHING)).map(numberOf)).toEqual([2, 3, 4, 5]);
  });

  it('counts every line to its end', async () => {
    await buffer.append(entry(1, { lines: 10, refused: 3 }));
    await buffer.append(entry(2, { lines: 20, lost: 2 }));
    await buffer.peek(EVERYTHING);
    await buffer.settle({ sequence: 1, delivered: 8, rejected: 2 });
    const expected = { read: 35, delivered: 8, queued: 20, rejected: 5, dropped: 2 };
    expect(buffer.totals).toEqual(expected);
    await reopen();
    expect(buffer.totals).toEqual(expected);
  });

  it('refuses a settlement out of turn or of the wrong size, and stays as it was', async () => {
    await append(1, 2, { lines: 5 });
    await expect(buffer.settle({ sequence: 1, delivered: 5, rejected: 0 })).rejects.toThrow(
      'nothing is handed out',
    );
    await buffer.peek(EVERYTHING);
    await expect(buffer.settle({ sequence: 2, delivered: 5, rejected: 0 })).rejects.toThrow(
      '1 is the oldest',
    );
    await expect(buffer.settle({ sequence: 1, delivered: 5, rejected: 1 })).rejects.toThrow('has 5 lines');
    await expect(buffer.settle({ sequence: 1, delivered: 6, rejected: -1 })).rejects.toThrow('has 5 lines');
    expect(buffer.totals.queued).toBe(10);
    expect(await queued(buffer)).toEqual([1, 2]);
  });

  it('counts what was refused even when there is nothing to store with it', async () => {
    await append(1, 1);
    await buffer.append({ payload: Buffer.alloc(0), lines: 0, refused: 4, time: 2n });
    await append(3, 3);
    expect(await queued(buffer)).toEqual([1, 3]);
    await reopen();
    expect(await drain(buffer)).toEqual([1, 3]);
    expect(buffer.totals).toEqual({ read: 6, delivered: 2, queued: 0, rejected: 4, dropped: 0 });
  });

  it('goes on where it was after reopening', async () => {
    await append(1, 3);
    await buffer.peek(EVERYTHING);
    await buffer.settle({ sequence: 1, delivered: 1, rejected: 0 });
    await reopen();
    expect([buffer.records, buffer.oldestTime, buffer.newestTime]).toEqual([
      2,
      2_000_000_000n,
      3_000_000_000n,
    ]);
    await append(4, 4);
    expect(await drain(buffer)).toEqual([2, 3, 4]);
    await reopen();
    expect(await queued(buffer)).toEqual([]);
    expect(buffer.totals).toEqual({ read: 4, delivered: 4, queued: 0, rejected: 0, dropped: 0 });
  });

  it('deletes a segment when all of it is settled', async () => {
    await reopen({ segmentBytes: 230 });
    await append(1, 9);
    expect(buffer.segments).toBe(3);
    const entries = await buffer.peek(EVERYTHING);
    for (const { sequence } of entries.slice(0, 2))
      await buffer.settle({ sequence, delivered: 1, rejected: 0 });
    expect(buffer.segments).toBe(3);
    await buffer.settle({ sequence: 3, delivered: 1, rejected: 0 });
    expect(buffer.segments).toBe(2);
    expect(await drain(buffer)).toEqual([4, 5, 6, 7, 8, 9]);
    expect(buffer.segments).toBe(1);
  });

  it('knows the books when no record is left', async () => {
    await reopen({ segmentBytes: 80 });
    await append(1, 4, { lines: 3, refused: 1 });
    await drain(buffer);
    await append(5, 5);
    await reopen({ segmentBytes: 80 });
    expect(buffer.totals).toEqual({ read: 17, delivered: 12, queued: 1, rejected: 4, dropped: 0 });
    expect((await buffer.peek(1))[0]?.sequence).toBe(5);
  });

  it('drops the oldest segment when there is no room, and says so', async () => {
    const { events, onEvent } = eventLog();
    await reopen({ maxBytes: 2000, segmentBytes: 250, onEvent });
    await append(1, 40, { lines: 2 });
    expect(buffer.bytes).toBeLessThanOrEqual(2000);
    const left = await queued(buffer);
    expect(left).toEqual(Array.from({ length: left.length }, (_, i) => 41 - left.length + i));
    expect(buffer.records).toBe(left.length);
    expect(buffer.totals.dropped).toBe(2 * (40 - left.length));
    expectBalance(buffer);
    const dropped = events.filter((event) => event.kind === 'dropped');
    expect(dropped.every(({ reason }) => reason === 'overflow')).toBe(true);
    expect(dropped.reduce((sum, { lines }) => sum + lines, 0)).toBe(buffer.totals.dropped);
    expect(dropped.reduce((sum, { records }) => sum + records, 0)).toBe(40 - left.length);
    const before = buffer.totals;
    await reopen({ maxBytes: 2000, segmentBytes: 250, onEvent });
    expect(buffer.totals).toEqual(before);
    expect(await queued(buffer)).toEqual(left);
  });

  it('lets what is handed out be settled though its segment is gone', async () => {
    await reopen({ maxBytes: 2000, segmentBytes: 250 });
    await append(1, 5);
    const inFlight = await buffer.peek(20);
    expect(inFlight.map(numberOf)).toEqual([1, 2]);
    await append(6, 60);
    expectBalance(buffer);
    const { dropped } = buffer.totals;
    expect((await buffer.peek(20)).map(numberOf)).toEqual([1, 2]);
    for (const { sequence } of inFlight) await buffer.settle({ sequence, delivered: 1, rejected: 0 });
    expect(buffer.totals).toMatchObject({ delivered: 2, dropped });
    const rest = await drain(buffer);
    expect(rest).toEqual(Array.from({ length: 58 - dropped }, (_, i) => 3 + dropped + i));
    expect(buffer.totals).toEqual({ read: 60, delivered: 60 - dropped, queued: 0, rejected: 0, dropped });
    await reopen();
    expect(buffer.totals).toEqual({ read: 60, delivered: 60 - dropped, queued: 0, rejected: 0, dropped });
  });

  it('refuses an entry that is larger than the buffer may be, and keeps the others', async () => {
    await reopen({ maxBytes: 2000 });
    await append(1, 1);
    const payload = Buffer.from(Array.from({ length: 900 }, (_, i) => (i * 7919) & 255));
    await expect(
      buffer.append({ ...entry(2), payload: Buffer.concat([payload, payload, payload]) }),
    ).resolves.toBe(undefined);
    const noise = Buffer.from(
      Array.from({ length: 3000 }, (_, i) => Math.floor(Math.abs(Math.sin(i * i)) * 256)),
    );
    await expect(buffer.append({ ...entry(3), payload: noise })).rejects.toThrow('--buffer-max');
    expect(buffer.totals).toMatchObject({ read: 2, queued: 2 });
  });

  it('drops what is too old, at append and at peek', async () => {
    const { events, onEvent } = eventLog();
    let now = 0;
    await reopen({ segmentBytes: 250, maxAgeMs: 10_000, now: () => now, onEvent });
    await append(1, 10, { lines: 2 });
    now = 15_000;
    await append(11, 11);
    expect(buffer.totals.dropped).toBe(8);
    expect(buffer.oldestTime).toBe(5_000_000_000n);
    now = 18_500;
    expect(await queued(buffer)).toEqual([9, 10, 11]);
    expect(buffer.totals).toEqual({ read: 21, delivered: 0, queued: 5, rejected: 0, dropped: 16 });
    expect(events).toMatchObject([
      { reason: 'age', records: 4, lines: 8 },
      { reason: 'age', records: 4, lines: 8 },
    ]);
    now = 100_000;
    expect(await queued(buffer)).toEqual([9, 10, 11]);
    expect(await drain(buffer)).toEqual([9, 10, 11]);
    const before = buffer.totals;
    await reopen();
    expect(buffer.totals).toEqual(before);
  });

  it('drops on request what is older than a moment', async () => {
    await reopen({ segmentBytes: 250 });
    await append(1, 20, { lines: 3 });
    expect(await buffer.drop({ before: 14_000_000_000n })).toMatchObject({ lines: 39, records: 13 });
    expect(buffer.totals).toEqual({ read: 60, delivered: 0, queued: 21, rejected: 0, dropped: 39 });
    await reopen({ segmentBytes: 250 });
    expect(await queued(buffer)).toEqual([14, 15, 16, 17, 18, 19, 20]);
    expectBalance(buffer);
  });

  it('saves the cursor about a second after the last settlement', async () => {
    await append(1, 3);
    await buffer.peek(EVERYTHING);
    await buffer.settle({ sequence: 1, delivered: 1, rejected: 0 });
    expect((await BufferScan.open(directory, files)).cursor?.sequence).toBe(0);
    await expect
      .poll(async () => (await BufferScan.open(directory, files)).cursor?.sequence, { timeout: 3000 })
      .toBe(1);
  });

  it('is used no more after it was closed', async () => {
    await buffer.close();
    await expect(buffer.append(entry(1))).rejects.toThrow('closed');
    await expect(buffer.peek(1)).rejects.toThrow('closed');
  });

  it('can be looked at while it is open', async () => {
    await reopen({ segmentBytes: 230 });
    await append(1, 8, { lines: 2, refused: 1 });
    await buffer.peek(EVERYTHING);
    for (const sequence of [1, 2, 3, 4]) await buffer.settle({ sequence, delivered: 2, rejected: 0 });
    const scan = await BufferScan.open(directory, files);
    const summary = await scan.summary();
    expect(summary).toMatchObject({
      segments: buffer.segments,
      bytes: buffer.bytes,
      rotten: [],
      tailBytes: 0,
    });
    expect(summary.newest).toBe(8_000_000_000n);
    // The cursor was saved when the first segment went, after entry 3.
    expect(summary.totals).toEqual({ read: 24, delivered: 6, queued: 10, rejected: 8, dropped: 0 });
    expect([summary.records, summary.queuedRecords, summary.oldestQueued]).toEqual([5, 5, 4_000_000_000n]);
    const exported: string[] = [];
    for await (const found of scan.records()) {
      if (found.kind === 'record') exported.push((await found.payload()).toString());
    }
    expect(exported).toEqual([4, 5, 6, 7, 8].map((n) => `entry ${n} `));
    await drain(buffer);
    expect((await scan.summary()).records).toBeLessThan(5);
  });
});

it('is for its owner alone', async () => {
  const buffer = await DurableBuffer.open(directory, ROOMY);
  await buffer.append(entry(1));
  const modes = await Promise.all(
    ['.', 'cursor', '0000000000000001.segment'].map(
      async (name) => (await stat(join(directory, name))).mode & 0o777,
    ),
  );
  expect(modes).toEqual([0o700, 0o600, 0o600]);
  await buffer.close();
});
