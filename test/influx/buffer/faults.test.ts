/** Everything that can go wrong on a disk, one at a time and everywhere. */
import { describe, expect, it } from 'vitest';
import { BufferScan } from '../../../src/influx/buffer/scan.js';
import { type BufferOptions, DurableBuffer } from '../../../src/influx/buffer.js';
import { seeded } from '../../seeded.js';
import { type Fault, FaultyDisk, type Operation } from './faulty-files.js';
import { drain, EVERYTHING, entry, eventLog, expectBalance, queued, ROOMY } from './scenario.js';

const DIRECTORY = '/buffer';
const SECOND = 1_000_000_000n;

async function open(disk: FaultyDisk, options: Partial<BufferOptions> = {}): Promise<DurableBuffer> {
  return DurableBuffer.open(DIRECTORY, { ...ROOMY, ...options, files: disk.boot() });
}

/** Fails each operation of that kind until told otherwise, on names that contain `where`. */
function failing(disk: FaultyDisk, operation: Operation, fault: Fault, where = ''): () => void {
  disk.faults = (asked, name) => (asked === operation && name.includes(where) ? fault : undefined);
  return () => {
    disk.faults = () => undefined;
  };
}

/** Three entries of 1, 2 and 3 lines in one segment. The first is settled. */
async function smallBuffer({ segmentBytes = 4096, settle = true } = {}): Promise<FaultyDisk> {
  const disk = new FaultyDisk();
  const buffer = await open(disk, { segmentBytes });
  for (const n of [1, 2, 3]) await buffer.append(entry(n, { lines: n }));
  await buffer.peek(EVERYTHING);
  if (settle) await buffer.settle({ sequence: 1, delivered: 1, rejected: 0 });
  await buffer.close();
  return disk;
}

function copyOf(disk: FaultyDisk, change: (bytes: Buffer, name: string) => Buffer): FaultyDisk {
  const copy = new FaultyDisk();
  for (const name of disk.names) copy.plant(name, change(disk.contents(name), name));
  return copy;
}

describe('an append', () => {
  it.each<[Operation, Fault]>([
    ['write', 'ENOSPC'],
    ['write', 'EIO'],
    ['datasync', 'EIO'],
    ['datasync', 'ENOSPC'],
  ])('rejects when every %s of a segment fails with %s, and later ones go on', async (operation, fault) => {
    const disk = new FaultyDisk();
    let buffer = await open(disk);
    await buffer.append(entry(1));
    const heal = failing(disk, operation, fault, 'segment');
    await expect(buffer.append(entry(2))).rejects.toMatchObject({ code: fault });
    await expect(buffer.append(entry(3))).rejects.toMatchObject({ code: fault });
    expect(buffer.totals).toMatchObject({ read: 1, queued: 1 });
    expect(await drain(buffer)).toEqual([1]);
    heal();
    await buffer.append(entry(4));
    expect(await queued(buffer)).toEqual([4]);
    await buffer.close();
    buffer = await open(disk);
    expect(await queued(buffer)).toEqual([4]);
    expect(buffer.totals).toEqual({ read: 2, delivered: 1, queued: 1, rejected: 0, dropped: 0 });
  });

  it('is written whole though every write is short', async () => {
    const disk = new FaultyDisk();
    const buffer = await open(disk);
    failing(disk, 'write', 'short');
    await buffer.append(entry(1));
    await buffer.append(entry(2, { bytes: 1000 }));
    disk.losePower(() => 0);
    expect(await queued(await open(disk))).toEqual([1, 2]);
  });

  it('survives a failed sync in a fresh segment, and never twice', async () => {
    for (const luck of [0, 0.4, 0.6, 0.99]) {
      const disk = new FaultyDisk();
      const buffer = await open(disk);
      await buffer.append(entry(1));
      let failed = false;
      disk.faults = (operation, name) => {
        if (failed || operation !== 'datasync' || !name.includes('segment')) return undefined;
        failed = true;
        return 'EIO';
      };
      await buffer.append(entry(2));
      await buffer.append(entry(3));
      expect(buffer.segments).toBe(2);
      disk.losePower(() => luck);
      const reopened = await open(disk);
      expect(await drain(reopened)).toEqual([1, 2, 3]);
      expect(reopened.totals).toMatchObject({ read: 3, delivered: 3, dropped: 0 });
    }
  });

  it('is superseded by the next one when it failed and could not be cut off', async () => {
    const disk = new FaultyDisk();
    const buffer = await open(disk);
    await buffer.append(entry(1));
    disk.faults = (operation, name) => {
      if (operation === 'truncate' || operation === 'create') return 'EIO';
      return operation === 'datasync' && name.includes('segment') ? 'EIO' : undefined;
    };
    await expect(buffer.append(entry(2, { lines: 5 }))).rejects.toThrow('EIO');
    disk.faults = () => undefined;
    await buffer.append(entry(3, { lines: 7 }));
    expect(await queued(buffer)).toEqual([1, 3]);
    const reopened = await open(disk);
    expect(await queued(reopened)).toEqual([1, 3]);
    expect(reopened.totals).toMatchObject({ read: 8, queued: 8 });
    const states: string[] = [];
    for await (const found of (await BufferScan.open(DIRECTORY, disk.boot())).records()) {
      states.push(found.kind === 'record' ? found.state : found.kind);
    }
    expect(states).toEqual(['queued', 'superseded', 'queued']);

    const rotten = copyOf(disk, (bytes, name) =>
      name.includes('1.segment') ? bytes.fill(0, 70, 71) : bytes,
    );
    expect(await queued(await open(rotten))).toEqual([3]);
  });

  it('is not superseded by a failed one whose deletion a power loss undoes', async () => {
    const disk = new FaultyDisk();
    disk.luck = () => 0.5;
    await (await open(disk)).append(entry(1));
    const buffer = await open(disk);
    const heal = failing(disk, 'datasync', 'EIO', 'segment');
    await expect(buffer.append(entry(2))).rejects.toThrow('EIO');
    heal();
    await (await open(disk)).append(entry(3));
    disk.losePower(() => 0.2);
    expect(await queued(await open(disk))).toEqual([1, 3]);
  });

  it('resumes by itself after the disk was full, while draining never stopped', async () => {
    const disk = new FaultyDisk();
    disk.capacity = 12_000;
    const buffer = await open(disk, { segmentBytes: 1000 });
    let n = 0;
    let refusal: unknown;
    while (refusal === undefined) {
      n += 1;
      await buffer.append(entry(n, { bytes: 200 })).catch((cause: unknown) => {
        refusal = cause;
      });
    }
    expect(refusal).toMatchObject({ code: 'ENOSPC' });
    const stored = n - 1;
    for (let i = 0; i < 3; i += 1) await expect(buffer.append(entry(n, { bytes: 200 }))).rejects.toThrow();
    expect(await drain(buffer, 500)).toEqual(Array.from({ length: stored }, (_, i) => i + 1));
    expect(buffer.bytes).toBe(0);
    await buffer.append({ ...entry(n, { bytes: 200 }), lost: 9 });
    expect(await queued(buffer)).toEqual([n]);
    expect(buffer.totals).toEqual({ read: n + 9, delivered: stored, queued: 1, rejected: 0, dropped: 9 });
  });
});

describe('the cursor', () => {
  it('is told once to be unsaved, and settling goes on', async () => {
    const disk = new FaultyDisk();
    const { events, onEvent } = eventLog();
    const buffer = await open(disk, { segmentBytes: 80, onEvent });
    for (const n of [1, 2, 3, 4, 5]) await buffer.append(entry(n));
    const heal = failing(disk, 'datasync', 'EIO', 'cursor');
    expect(await drain(buffer)).toEqual([1, 2, 3, 4, 5]);
    expect(events).toMatchObject([{ kind: 'unsaved' }]);
    expect(buffer.segments).toBe(5);
    heal();
    await buffer.append(entry(6));
    expect(await drain(buffer)).toEqual([6]);
    expect(buffer.segments).toBe(1);
  });

  it('falls back to the slot before when the newest is rotten', async () => {
    const whole = await smallBuffer();
    for (const slot of [0, 1]) {
      const disk = copyOf(whole, (bytes, name) => {
        if (name === 'cursor') bytes[slot * 4096 + 20] = (bytes[slot * 4096 + 20] as number) ^ 1;
        return bytes;
      });
      const { events, onEvent } = eventLog();
      const buffer = await open(disk, { onEvent });
      expect(events).toEqual([]);
      expect([
        [1, 2, 3],
        [2, 3],
      ]).toContainEqual(await drain(buffer));
      expect(buffer.totals).toEqual({ read: 6, delivered: 6, queued: 0, rejected: 0, dropped: 0 });
    }
  });

  it('starts at the oldest record, loudly, when both slots are rotten', async () => {
    const whole = new FaultyDisk();
    let buffer = await open(whole, { segmentBytes: 80 });
    for (const n of [1, 2, 3, 4]) await buffer.append(entry(n, { lines: n, refused: 1 }));
    for (const { sequence, lines } of (await buffer.peek(EVERYTHING)).slice(0, 2)) {
      await buffer.settle({ sequence, delivered: 0, rejected: lines });
    }
    await buffer.close();
    const disk = copyOf(whole, (bytes, name) => (name === 'cursor' ? bytes.fill(0x5a) : bytes));
    const { events, onEvent } = eventLog();
    buffer = await open(disk, { onEvent });
    expect(events).toEqual([{ kind: 'cursorLost', lines: 3 }]);
    expect(buffer.totals).toEqual({ read: 14, delivered: 3, queued: 7, rejected: 4, dropped: 0 });
    expect(await drain(buffer)).toEqual([3, 4]);
    await buffer.close();
    buffer = await open(disk, { onEvent });
    expect(events.length).toBe(1);
    expect(buffer.totals).toEqual({ read: 14, delivered: 10, queued: 0, rejected: 4, dropped: 0 });
  });
});

describe('what is handed out when the limit takes its segment', () => {
  it.each([false, true])(
    'is dropped by a crash, and not taken for rot (the crash undoes the deletion: %s)',
    async (undone) => {
      const limits = { maxBytes: 2000, segmentBytes: 250 };
      const disk = new FaultyDisk();
      const buffer = await open(disk, limits);
      for (let n = 1; n <= 5; n += 1) await buffer.append(entry(n, { lines: 2 }));
      expect((await buffer.peek(20)).length).toBe(2);
      if (undone) failing(disk, 'remove', 'EIO', '01.segment');
      let appended = 5;
      for (let n = 6; n <= 40; n += 1) {
        await buffer.append(entry(n, { lines: 2 })).then(
          () => {
            appended = n;
          },
          () => {},
        );
      }
      disk.faults = () => undefined;
      const { events, onEvent } = eventLog();
      const reopened = await open(disk, { ...limits, onEvent });
      const left = await queued(reopened);
      expect(left[0]).toBeGreaterThan(3);
      expect(left.at(-1)).toBe(appended);
      expect(reopened.totals).toMatchObject({
        queued: 2 * left.length,
        dropped: 2 * (appended - left.length),
      });
      expect(events).toEqual([]);
      expectBalance(reopened);
    },
  );
});

describe('a torn tail', () => {
  it('costs only the tail, wherever it is torn, be it cut or filled with zeros or noise', async () => {
    const whole = await smallBuffer({ settle: false });
    const segment = whole.names.find((name) => name.includes('segment')) as string;
    const bytes = whole.contents(segment);
    const recordBytes = bytes.length / 3;
    const fillings = [
      (torn: Buffer) => torn,
      (torn: Buffer) => Buffer.concat([torn, Buffer.alloc(bytes.length - torn.length)]),
      (torn: Buffer) => Buffer.concat([torn, Buffer.alloc(5000, 'VZR1')]),
    ];
    for (const filled of fillings) {
      for (let length = recordBytes * 2; length < bytes.length; length += 1) {
        const disk = new FaultyDisk();
        disk.plant(segment, filled(bytes.subarray(0, length)));
        const { events, onEvent } = eventLog();
        let buffer = await open(disk, { onEvent });
        const tornBytes = disk.contents(segment).length - recordBytes * 2;
        expect(events).toEqual(tornBytes > 0 ? [{ kind: 'tornTail', bytes: tornBytes }] : []);
        await buffer.append(entry(4, { lines: 4 }));
        await buffer.close();
        buffer = await open(disk, { onEvent });
        expect(await drain(buffer)).toEqual([1, 2, 4]);
        expect(buffer.totals).toEqual({ read: 7, delivered: 7, queued: 0, rejected: 0, dropped: 0 });
        expect(events.length).toBe(tornBytes > 0 ? 1 : 0);
      }
    }
  });

  it('is counted exactly when the cursor knew of it', async () => {
    const whole = await smallBuffer();
    const disk = copyOf(whole, (bytes, name) =>
      name === 'cursor' ? bytes : bytes.subarray(0, bytes.length - 1),
    );
    const { events, onEvent } = eventLog();
    const buffer = await open(disk, { onEvent });
    expect(await drain(buffer)).toEqual([2]);
    expect(events).toMatchObject([
      { kind: 'tornTail' },
      { kind: 'dropped', reason: 'corrupt', lines: 3, records: 1 },
    ]);
    expect(buffer.totals).toEqual({ read: 6, delivered: 3, queued: 0, rejected: 0, dropped: 3 });
    await buffer.append(entry(4));
    expect((await buffer.peek(1))[0]?.sequence).toBe(4);
  });
});

describe('a flipped bit', () => {
  it.each([4096, 80])(
    'anywhere costs one record at most, and is counted (segments of %d bytes)',
    async (segmentBytes) => {
      const whole = await smallBuffer({ segmentBytes });
      const pristine = await open(copyOf(whole, (bytes) => bytes));
      const all = await queued(pristine);
      for (const rotten of whole.names) {
        for (let at = 0; at < whole.contents(rotten).length; at += 1) {
          if (rotten === 'cursor' && at % 4096 > 100) continue;
          const disk = copyOf(whole, (bytes, name) => {
            if (name === rotten) bytes[at] = (bytes[at] as number) ^ (1 << (at % 8));
            return bytes;
          });
          const place = `${rotten}, byte ${at}`;
          const buffer = await open(disk);
          expectBalance(buffer);
          await buffer.append(entry(4, { lines: 4 }));
          const drained = await drain(buffer);
          const lost = all.filter((n) => !drained.includes(n));
          expect(drained, place).toEqual([...drained].sort());
          expect(drained.at(-1), place).toBe(4);
          expect(lost.length, place).toBeLessThanOrEqual(rotten === 'cursor' ? 0 : 1);
          expect(buffer.totals, place).toMatchObject({ read: 10, queued: 0, dropped: lost[0] ?? 0 });
          expect(buffer.corruptRecords, place).toBe(lost.length);
          expectBalance(buffer);
        }
      }
    },
  );

  it('is found by a scan, which changes nothing', async () => {
    const whole = await smallBuffer();
    const disk = copyOf(whole, (bytes, name) => {
      if (name !== 'cursor') bytes[80] = (bytes[80] as number) ^ 1;
      return bytes;
    });
    const before = disk.names.map((name) => disk.contents(name));
    const summary = await (await BufferScan.open(DIRECTORY, disk.boot())).summary();
    expect(summary.rotten.map(({ offset, bytes }) => [offset, bytes])).toEqual([[72, 72]]);
    expect([summary.records, summary.queuedRecords]).toEqual([2, 1]);
    expect(disk.names.map((name) => disk.contents(name))).toEqual(before);
  });
});

it('a segment that vanished is a hole, counted', async () => {
  const whole = await smallBuffer({ segmentBytes: 80, settle: false });
  const disk = new FaultyDisk();
  for (const name of whole.names) if (!name.includes('2.segment')) disk.plant(name, whole.contents(name));
  const buffer = await open(disk);
  expect(await drain(buffer)).toEqual([1, 3]);
  expect(buffer.totals).toEqual({ read: 6, delivered: 4, queued: 0, rejected: 0, dropped: 2 });
});

it('a segment that cannot be read holds up the queue for a while, not for ever', async () => {
  const disk = new FaultyDisk();
  const buffer = await open(disk, { segmentBytes: 80 });
  failing(disk, 'read', 'EIO', '2.segment');
  // The first one is still at hand, and need not be read.
  for (const n of [1, 2, 3]) await buffer.append(entry(n));
  for (let attempt = 0; attempt < 4; attempt += 1) await expect(buffer.peek(1)).rejects.toThrow('EIO');
  expect(await drain(buffer)).toEqual([1, 3]);
  expect(buffer.totals).toEqual({ read: 3, delivered: 2, queued: 0, rejected: 0, dropped: 1 });
});

describe('one failure at any operation', () => {
  const faults: Fault[] = ['ENOSPC', 'EIO', 'short', 'die'];

  /** Appends and settles; notes what was acknowledged. */
  async function live(disk: FaultyDisk, acknowledged: number[], settled: number[]): Promise<void> {
    const buffer = await open(disk, { segmentBytes: 160, maxBytes: 1400 });
    for (let n = 1; n <= 12; n += 1) {
      await buffer.append(entry(n)).then(
        () => acknowledged.push(n),
        () => {},
      );
      expectBalance(buffer);
      if (n % 3 !== 0) continue;
      const [oldest] = await buffer.peek(1).catch(() => []);
      if (oldest === undefined) continue;
      await buffer.settle({ sequence: oldest.sequence, delivered: 1, rejected: 0 }).then(
        () => settled.push(Number.parseInt(oldest.payload.toString('latin1', 6), 10)),
        () => {},
      );
    }
    await buffer.close().catch(() => {});
  }

  it.each(faults)('(%s) loses nothing that was acknowledged, killed or without power', async (fault) => {
    const untroubled = new FaultyDisk();
    await live(untroubled, [], []);
    for (let strike = 1; strike <= untroubled.operations; strike += 1) {
      for (const powerSeed of [undefined, strike, strike * 7919]) {
        const disk = new FaultyDisk();
        disk.faults = () => (disk.operations === strike ? fault : undefined);
        const acknowledged: number[] = [];
        const settled: number[] = [];
        await live(disk, acknowledged, settled).catch(() => {});
        disk.faults = () => undefined;
        if (powerSeed !== undefined) disk.losePower(seeded(powerSeed));
        const { events, onEvent } = eventLog();
        const buffer = await open(disk, { segmentBytes: 160, maxBytes: 1400, onEvent });
        expect(events.filter(({ kind }) => kind !== 'tornTail')).toEqual([]);
        expectBalance(buffer);
        const left = await drain(buffer);
        const place = `operation ${strike}, power ${powerSeed}`;
        expect(left, place).toEqual([...new Set(left)].sort((a, b) => a - b));
        for (const n of acknowledged) expect([...settled, ...left], `${place}: ${n}`).toContain(n);
        expect(buffer.totals, place).toMatchObject({ queued: 0, dropped: 0 });
        expectBalance(buffer);
        await buffer.append({ ...entry(99), time: 99n * SECOND });
        expect(await drain(buffer), place).toEqual([99]);
        await buffer.close();
      }
    }
  });
});
