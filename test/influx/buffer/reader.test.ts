/** What was appended just now is handed out without being read again, but only in its turn. */
import { beforeEach, describe, expect, it } from 'vitest';
import { type BufferOptions, DurableBuffer } from '../../../src/influx/buffer.js';
import { seeded } from '../../seeded.js';
import { type Fault, FaultyDisk, type Operation } from './faulty-files.js';
import { drain, EVERYTHING, entry, expectBalance, numberOf, ROOMY } from './scenario.js';

let disk: FaultyDisk;
let buffer: DurableBuffer;
/** How often a segment was read. */
let reads: number;
let fault: (operation: Operation) => Fault | undefined;
beforeEach(() => {
  disk = new FaultyDisk();
  fault = () => undefined;
});

async function open(options: Partial<BufferOptions> = {}): Promise<void> {
  buffer = await DurableBuffer.open('/buffer', { ...ROOMY, ...options, files: disk.boot() });
  reads = 0;
  disk.faults = (operation, name) => {
    if (operation === 'read' && name.endsWith('.segment')) reads += 1;
    return name.endsWith('.segment') ? fault(operation) : undefined;
  };
}

async function append(...numbers: number[]): Promise<void> {
  for (const n of numbers) await buffer.append(entry(n, { bytes: 100 }));
}

/** Everything is delivered, in order and whole; then so is one more entry, which need not be read. */
async function expectRest(...numbers: number[]): Promise<void> {
  const entries = await buffer.peek(EVERYTHING);
  expect(entries.map(({ payload }) => payload)).toEqual(
    numbers.map((n) => Buffer.from(entry(n, { bytes: 100 }).payload)),
  );
  expect(await drain(buffer)).toEqual(numbers);
  const before = reads;
  await append(1_000);
  expect(await drain(buffer)).toEqual([1_000]);
  expect(reads).toBe(before);
  expectBalance(buffer);
}

describe('what was appended just now', () => {
  it('need not be read where it is handed out at once, however many segments there are', async () => {
    await open({ segmentBytes: 1_000 });
    for (let n = 1; n <= 100; n += 1) {
      await append(n);
      expect(await drain(buffer)).toEqual([n]);
    }
    // Packed as well.
    const packed = entry(101, { bytes: 50_000 });
    await buffer.append(packed);
    const [{ payload } = { payload: undefined }] = await buffer.peek(EVERYTHING);
    expect(payload).toEqual(packed.payload);
    await drain(buffer);
    expect(reads).toBe(0);
    await expectRest();
  });

  it('need not be read while what was handed out before waits for its answer', async () => {
    await open();
    for (const n of [1, 2, 3]) {
      await append(n);
      expect((await buffer.peek(EVERYTHING)).map(numberOf)).toHaveLength(n);
    }
    expect(reads).toBe(0);
    await expectRest(1, 2, 3);
  });

  it.each([400, 4_096])('waits for those before it, in segments of %d bytes', async (segmentBytes) => {
    await open({ segmentBytes });
    await append(1, 2, 3);
    expect((await buffer.peek(1)).map(numberOf)).toEqual([1]);
    await append(4, 5);
    expect((await buffer.peek(300)).map(numberOf)).toEqual([1, 2, 3]);
    await append(6);
    expect(reads).toBeGreaterThan(0);
    await expectRest(1, 2, 3, 4, 5, 6);
  });

  it('waits for those that cannot be read for the moment', async () => {
    await open({ segmentBytes: 400 });
    await append(1, 2, 3, 4, 5);
    fault = (operation) => (operation === 'read' ? 'EIO' : undefined);
    await expect(buffer.peek(EVERYTHING)).rejects.toThrow('EIO');
    await append(6);
    fault = () => undefined;
    await expectRest(1, 2, 3, 4, 5, 6);
  });

  it('waits for what an overflow has left', async () => {
    await open({ maxBytes: 3_200 });
    await append(...Array.from({ length: 40 }, (_, index) => index + 1));
    const { dropped, queued } = buffer.totals;
    expect(dropped).toBeGreaterThan(0);
    expect(queued).toBeGreaterThan(1);
    await expectRest(...Array.from({ length: queued }, (_, index) => 1 + dropped + index));
  });

  it('is next where an overflow has left nothing', async () => {
    await open({ maxBytes: 3_200, segmentBytes: 400 });
    await append(1, 2);
    const random = seeded(1);
    const noise = Buffer.from(Array.from({ length: 3_000 }, () => Math.floor(random() * 256)));
    await buffer.append({ ...entry(3), payload: noise });
    expect(buffer.totals).toMatchObject({ dropped: 2, queued: 1 });
    const [{ payload, sequence } = { payload: undefined, sequence: 0 }] = await buffer.peek(EVERYTHING);
    expect(payload).toEqual(noise);
    expect(reads).toBe(0);
    await buffer.settle({ sequence, delivered: 1, rejected: 0 });
    await expectRest();
  });

  it.each<[string, Operation[]]>([
    ['whose write failed', ['write']],
    ['whose sync failed', ['datasync']],
    ['whose remains could not be cut off', ['datasync', 'truncate']],
  ])('takes the place of one %s', async (_, failing) => {
    await open();
    await append(1);
    expect(await drain(buffer)).toEqual([1]);
    fault = (operation) => (failing.includes(operation) ? 'EIO' : undefined);
    await expect(append(2)).rejects.toThrow('EIO');
    fault = () => undefined;
    await append(3);
    expect(reads).toBe(0);
    await append(4);
    await expectRest(3, 4);
  });

  it('waits for those before it where the one between them could not be stored', async () => {
    await open();
    await append(1, 2);
    fault = (operation) => (operation === 'datasync' ? 'ENOSPC' : undefined);
    await expect(append(3)).rejects.toThrow('ENOSPC');
    fault = () => undefined;
    await append(4);
    await expectRest(1, 2, 4);
  });

  it('waits for what was queued before the buffer was opened', async () => {
    await open();
    await append(1, 2);
    await buffer.close();
    await open();
    await append(3);
    await expectRest(1, 2, 3);
  });

  it('need not be read where the buffer was empty when it was opened', async () => {
    await open();
    await append(1, 2);
    await drain(buffer);
    await buffer.close();
    await open();
    await append(3);
    expect(await drain(buffer)).toEqual([3]);
    expect(reads).toBe(0);
    await expectRest();
  });

  it('need not be read behind a torn tail', async () => {
    await open();
    await append(1);
    await drain(buffer);
    await buffer.close();
    const [name] = disk.names.filter((each) => each.endsWith('.segment'));
    disk.plant(name as string, Buffer.concat([disk.contents(name as string), Buffer.alloc(30, 7)]));
    await open();
    await append(2);
    expect(await drain(buffer)).toEqual([2]);
    expect(reads).toBe(0);
    await expectRest();
  });

  it('waits for the hole before it to be counted', async () => {
    await open({ segmentBytes: 400 });
    await append(1, 2, 3, 4);
    await buffer.close();
    const [, second] = disk.names.filter((each) => each.endsWith('.segment'));
    disk.plant(second as string, Buffer.alloc(300));
    await open({ segmentBytes: 400 });
    await append(5);
    const rest = await drain(buffer);
    const { dropped, delivered } = buffer.totals;
    expect(rest.at(-1)).toBe(5);
    expect([dropped, delivered]).toEqual([5 - rest.length, rest.length]);
    expect(dropped).toBeGreaterThan(0);
    await expectRest();
  });
});
