import { deepStrictEqual, ok } from 'node:assert';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { encode, pieceAt } from '../../src/influx/buffer/record.js';
import { BufferScan } from '../../src/influx/buffer/scan.js';
import { DurableBuffer } from '../../src/influx/buffer.js';
import { drain, entry, expectBalance, ROOMY } from '../influx/buffer/scenario.js';
import { FUZZ_TIMEOUT_MS, fuzz, type Lot } from './fuzz.js';

describe('a segment that is damaged by lot', () => {
  it(
    'is read to its end, gives no record that was not written, and all that are whole',
    {
      timeout: FUZZ_TIMEOUT_MS,
    },
    () =>
      fuzz(0.1, (lot) => {
        const records = lot.times(1 + lot.below(5), (index) => recordBy(lot, index + 1));
        const bytes = Buffer.concat(records);
        const [from, to] = overwrite(lot, bytes);

        const found: string[] = [];
        let end = 0;
        for (let piece = pieceAt(bytes, 0); piece !== undefined; piece = pieceAt(bytes, end)) {
          deepStrictEqual(piece.start, end);
          ok(piece.end > piece.start);
          end = piece.end;
          if (piece.record !== undefined) found.push(bytes.toString('hex', piece.start, piece.end));
        }
        deepStrictEqual(end, bytes.length);
        const whole = (_: Buffer, index: number) => {
          const start = Buffer.concat(records.slice(0, index)).length;
          return to <= start || from >= start + (records[index] as Buffer).length;
        };
        const written = records.map((record) => record.toString('hex'));
        const unharmed = records.filter(whole).map((record) => record.toString('hex'));
        deepStrictEqual(
          found.filter((record) => unharmed.includes(record)),
          unharmed,
        );
        ok(found.every((record) => written.includes(record)));
      }),
  );
});

describe('a buffer whose files are damaged by lot', () => {
  it(
    'opens, hands out in order what it was given and nothing else, and its books balance',
    {
      timeout: FUZZ_TIMEOUT_MS,
    },
    () =>
      fuzz(0.0003, async (lot) => {
        const directory = await mkdtemp(join(tmpdir(), 'visualizer-fuzz-'));
        try {
          const buffer = await DurableBuffer.open(directory, ROOMY);
          const count = 1 + lot.below(6);
          for (let n = 1; n <= count; n += 1) {
            await buffer.append(entry(n, { bytes: lot.one([0, 100, 3_000]), lines: 1 + lot.below(3) }));
          }
          if (lot.oneIn(2)) {
            for (const { sequence, lines } of (await buffer.peek(1)).slice(0, 1)) {
              await buffer.settle({ sequence, delivered: lines, rejected: 0 });
            }
          }
          await buffer.close();
          for (const name of await readdir(directory)) {
            if (lot.oneIn(2)) await damageFile(lot, join(directory, name));
          }

          await (await BufferScan.open(directory)).summary();
          const again = await DurableBuffer.open(directory, ROOMY);
          expectBalance(again);
          await again.append(entry(count + 1));
          const drained = await drain(again);
          expectBalance(again);
          deepStrictEqual(again.totals.queued, 0);
          deepStrictEqual(drained.at(-1), count + 1);
          ok(
            drained.every((n, index) => index === 0 || n > (drained[index - 1] as number)),
            String(drained),
          );
          ok(
            drained.every((n) => n >= 1 && n <= count + 1),
            String(drained),
          );
          await again.close();
        } finally {
          await rm(directory, { recursive: true });
        }
      }),
  );
});

function recordBy(lot: Lot, sequence: number): Buffer {
  const body = lot.oneIn(4) ? Buffer.from('VZR1'.repeat(lot.below(40))) : lot.bytes(lot.below(60));
  const counts = { stored: sequence, refused: lot.below(9), lost: 0, lines: 1 };
  const header = { sequence, time: BigInt(lot.below(1e9)), compressed: false, payloadBytes: body.length };
  return encode({ ...header, ...counts }, body);
}

/** Other bytes in some place. Returns from where and up to where. */
function overwrite(lot: Lot, bytes: Buffer): [number, number] {
  const from = lot.below(bytes.length);
  const to = Math.min(bytes.length, from + 1 + lot.below(lot.one([1, 4, 80])));
  if (to === from + 1) bytes[from] = (bytes[from] as number) ^ (1 << lot.below(8));
  else lot.bytes(to - from).copy(bytes, from);
  return [from, to];
}

async function damageFile(lot: Lot, file: string): Promise<void> {
  const bytes = await readFile(file);
  if (bytes.length === 0) return;
  const place = lot.below(bytes.length);
  const damaged = lot.one([
    () => bytes.subarray(0, place),
    () => Buffer.concat([bytes, lot.bytes(1 + lot.below(100))]),
    () => Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + 1 + lot.below(64))]),
    () => Buffer.concat([bytes.subarray(0, place), lot.bytes(1 + lot.below(64)), bytes.subarray(place)]),
    () => {
      overwrite(lot, bytes);
      return bytes;
    },
  ])();
  await writeFile(file, damaged);
}
