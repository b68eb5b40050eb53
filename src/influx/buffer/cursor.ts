/**
 * The cursor: up to where the queue is settled and how its lines ended, kept in two slots that are written in
 * turn, each with a generation and a CRC-32, so that a torn write can only hurt the older one.
 *
 *     offset  size
 *          0     4  magic "VZC1"
 *          4     4  CRC-32 of the slot from offset 8 on
 *          8     8  generation
 *         16     8  sequence: everything up to it is settled
 *         24    24  lines delivered, rejected, dropped so far (three of 8 bytes)
 *         48    32  the newest record's sequence; lines stored, refused, lost so far (four of 8 bytes)
 *
 * The slots lie 4 KiB apart: in different sectors and different pages.
 *
 * A slot counts as written once it is synced; until then the next save goes to the same slot, for the other
 * one is the only one that is known to be on the disk. Such a save writes all of the slot again, so its sync
 * does not rely on pages that an earlier, failed sync may have marked clean.
 */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { systemCodeOf } from '../../errors.js';
import { type Files, type OpenFile, readAll, writeAll } from './files.js';
import type { Head } from './record.js';

export interface CursorState {
  readonly sequence: number;
  readonly delivered: number;
  readonly rejected: number;
  readonly dropped: number;
  readonly head: Head;
}

export interface LoadedCursor {
  readonly state: CursorState | undefined;
  readonly generation: number;
  /** The slot that holds it, 0 or 1. */
  readonly slot: number;
  /** Both slots were written once, and neither can be read. */
  readonly rotten: boolean;
}

/** Where a queue begins. */
export const BLANK_CURSOR: CursorState = {
  sequence: 0,
  delivered: 0,
  rejected: 0,
  dropped: 0,
  head: { sequence: 0, stored: 0, refused: 0, lost: 0 },
};

const FILE_NAME = 'cursor';
const MAGIC = 'VZC1';
const SLOT_BYTES = 80;
const SLOT_SPACING = 4096;

export class Cursor {
  readonly #files: Files;
  readonly #directory: string;
  #generation: number;
  #newestSlot: number;
  #file: OpenFile | undefined;

  constructor(files: Files, directory: string, loaded: LoadedCursor) {
    this.#files = files;
    this.#directory = directory;
    this.#generation = loaded.generation;
    this.#newestSlot = loaded.slot;
  }

  /** Resolves once the state is on the disk. Where it rejects, the state saved before still holds. */
  async save(state: CursorState): Promise<void> {
    const slot = 1 - this.#newestSlot;
    try {
      this.#file ??= await this.#open();
      await writeAll(this.#file, encodeSlot(state, this.#generation + 1), slot * SLOT_SPACING);
      await this.#file.datasync();
    } catch (cause) {
      await this.close();
      throw cause;
    }
    this.#generation += 1;
    this.#newestSlot = slot;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => {});
  }

  async #open(): Promise<OpenFile> {
    const path = join(this.#directory, FILE_NAME);
    let made = false;
    const file = await this.#files.open(path, 'r+').catch((cause) => {
      made = systemCodeOf(cause) === 'ENOENT';
      if (made) return this.#files.open(path, 'wx+');
      throw cause;
    });
    try {
      // Room for both slots at once: a disk that fills up later cannot stop the cursor.
      if (made) await writeAll(file, Buffer.alloc(SLOT_SPACING + SLOT_BYTES), 0);
      await this.#files.syncDirectory(this.#directory);
    } catch (cause) {
      await file.close().catch(() => {});
      throw cause;
    }
    return file;
  }
}

/** The newest sound slot. A slot that the disk cannot read counts as rotten: the other one may be well. */
export async function loadCursor(files: Files, directory: string): Promise<LoadedCursor> {
  const blank = { state: undefined, generation: 0, slot: 1, rotten: false };
  let file: OpenFile;
  try {
    file = await files.open(join(directory, FILE_NAME), 'r');
  } catch (cause) {
    if (systemCodeOf(cause) === 'ENOENT') return blank;
    throw cause;
  }
  try {
    const slots = [await readSlot(file, 0), await readSlot(file, 1)];
    const sound = slots
      .flatMap((bytes, slot) => decodeSlot(bytes, slot) ?? [])
      .sort((a, b) => b.generation - a.generation);
    return (
      sound[0] ?? { ...blank, rotten: slots.every((bytes) => bytes?.some((byte) => byte !== 0) ?? true) }
    );
  } finally {
    await file.close().catch(() => {});
  }
}

async function readSlot(file: OpenFile, slot: number): Promise<Buffer | undefined> {
  try {
    return await readAll(file, slot * SLOT_SPACING, SLOT_BYTES);
  } catch (cause) {
    if (systemCodeOf(cause) === 'EIO') return undefined;
    throw cause;
  }
}

function encodeSlot(state: CursorState, generation: number): Buffer {
  const { sequence, delivered, rejected, dropped, head } = state;
  const bytes = Buffer.alloc(SLOT_BYTES);
  bytes.write(MAGIC, 'latin1');
  const numbers = [generation, sequence, delivered, rejected, dropped];
  numbers.push(head.sequence, head.stored, head.refused, head.lost);
  for (const [index, value] of numbers.entries()) bytes.writeBigUInt64LE(BigInt(value), 8 + index * 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

function decodeSlot(bytes: Buffer | undefined, slot: number): LoadedCursor | undefined {
  if (bytes?.length !== SLOT_BYTES || bytes.toString('latin1', 0, 4) !== MAGIC) return undefined;
  if (crc32(bytes.subarray(8)) !== bytes.readUInt32LE(4)) return undefined;
  const number = (index: number) => Number(bytes.readBigUInt64LE(8 + index * 8));
  const head = { sequence: number(5), stored: number(6), refused: number(7), lost: number(8) };
  const counted = { delivered: number(2), rejected: number(3), dropped: number(4) };
  return { state: { sequence: number(1), ...counted, head }, generation: number(0), slot, rotten: false };
}
