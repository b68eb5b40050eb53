/**
 * The segment files of one directory, oldest first: the newest is appended to, the oldest is deleted.
 *
 * A segment is named by the sequence of its first record, and the name has authority: a record whose sequence
 * is not below the next segment's name is not part of the queue. Such a record is what a failed append may
 * have left behind; the record that took its place begins the next segment under the same sequence.
 */
import { join } from 'node:path';
import { systemCodeOf } from '../../errors.js';
import { type Files, type OpenFile, readAll, writeAll } from './files.js';
import { HEADER_BYTES, headerAt, pieceAt, type RecordHeader } from './record.js';

export interface Segment {
  readonly first: number;
  readonly name: string;
  /** Bytes that may hold records. What a failed append left behind them is not looked at. */
  end: number;
  /** The first record's header, once it was asked for; `null` where it is not sound. */
  start?: RecordHeader | null;
  /** Reads that failed in a row. */
  failedReads: number;
}

const NAME = /^(\d{16})\.segment$/;
const NAME_DIGITS = 16;
const BLOCK_BYTES = 4096;
/** A segment that cannot be read so often in a row is read block by block, the bad ones as zeros. */
const PATIENCE_READS = 5;

export class Segments {
  readonly #files: Files;
  readonly #directory: string;
  readonly #segmentBytes: number;
  readonly #list: Segment[];
  #active: OpenFile | undefined;

  constructor(files: Files, directory: string, segmentBytes: number, list: Segment[]) {
    this.#files = files;
    this.#directory = directory;
    this.#segmentBytes = segmentBytes;
    this.#list = list;
  }

  get count(): number {
    return this.#list.length;
  }

  get bytes(): number {
    return this.#list.reduce((sum, segment) => sum + segment.end, 0);
  }

  get oldest(): Segment | undefined {
    return this.#list[0];
  }

  /** The one that is appended to, or was. */
  get newest(): Segment | undefined {
    return this.#list.at(-1);
  }

  get second(): Segment | undefined {
    return this.#list[1];
  }

  /** Nothing will be appended to the segments there are. */
  get allRetired(): boolean {
    return this.#active === undefined;
  }

  /** The oldest segment that can hold a record younger than `sequence`, with the last sequence it can hold. */
  after(sequence: number): { segment: Segment; last: number } | undefined {
    for (const [index, segment] of this.#list.entries()) {
      const next = this.#list[index + 1];
      const last = next === undefined ? Number.POSITIVE_INFINITY : next.first - 1;
      if (last > sequence) return { segment, last };
    }
    return undefined;
  }

  /**
   * Finds the newest record, and goes on appending behind it if nothing but records precedes it up to the
   * end. Torn bytes are left alone and a fresh segment begins at the next append: cutting them off would be
   * one more write that can fail, and a fresh segment is right in every case. Segments that hold no record
   * at all are the remains of one that was just begun; they are removed.
   */
  async recover(): Promise<{ newest: RecordHeader | undefined; tornBytes: number }> {
    let tornBytes = 0;
    let removed = true;
    for (;;) {
      const segment = this.#list.at(-1);
      if (segment === undefined) return { newest: undefined, tornBytes };
      const { newest, soundEnd } = newestOf(await this.#readRange(segment, 0, segment.end));
      tornBytes += segment.end - soundEnd;
      if (newest !== undefined) {
        if (removed && soundEnd === segment.end) await this.#reopen(segment);
        return { newest, tornBytes };
      }
      this.#list.pop();
      await this.#remove(segment).catch(() => {
        removed = false;
      });
    }
  }

  /**
   * Writes a record so that it survives a power loss, or rejects with what is in the way; then it is as if
   * nothing had been tried. A segment whose write or sync failed is never written to again: after a failed
   * sync nobody knows which of its pages are on the disk. The record is tried once more, in a fresh one.
   */
  async write(record: Buffer, sequence: number): Promise<void> {
    const active = this.#list.at(-1);
    if (active !== undefined && active.end + record.length > this.#segmentBytes) await this.retire();
    if (this.#active !== undefined) {
      try {
        return await this.#writeToActive(record);
      } catch {
        await this.#abandon();
      }
    }
    await this.#begin(sequence);
    try {
      await this.#writeToActive(record);
    } catch (cause) {
      await this.#abandon();
      throw cause;
    }
  }

  /** The bytes of a segment from an offset to its end, as a rule in `room`. A segment that has vanished has none. */
  async read(segment: Segment, from: number, room: Buffer): Promise<Buffer> {
    try {
      const bytes = await this.#readRange(segment, from, segment.end - from, room);
      segment.failedReads = 0;
      return bytes;
    } catch (cause) {
      if (systemCodeOf(cause) === 'ENOENT') return Buffer.alloc(0);
      if (systemCodeOf(cause) !== 'EIO') throw cause;
      segment.failedReads += 1;
      if (segment.failedReads < PATIENCE_READS) throw cause;
      return this.#salvage(segment, from);
    }
  }

  /** The first record's header; undefined where it cannot be had. */
  async startOf(segment: Segment): Promise<RecordHeader | undefined> {
    if (segment.start === undefined) {
      const bytes = await this.#readRange(segment, 0, HEADER_BYTES).catch(() => undefined);
      if (bytes === undefined) return undefined;
      const header = headerAt(bytes, 0);
      segment.start = header?.sequence === segment.first ? header : null;
    }
    return segment.start ?? undefined;
  }

  async removeOldest(): Promise<void> {
    const [segment, next] = this.#list;
    if (segment === undefined) return;
    if (next === undefined) await this.retire();
    await this.#remove(segment);
    this.#list.shift();
    // A deletion that a crash undoes brings back a segment that the cursor knows to be settled.
    await this.#files.syncDirectory(this.#directory).catch(() => {});
  }

  /** Ends the active segment: the next record begins a fresh one. */
  async retire(): Promise<void> {
    const file = this.#active;
    this.#active = undefined;
    await file?.close().catch(() => {});
  }

  async #reopen(segment: Segment): Promise<void> {
    let file: OpenFile | undefined;
    try {
      // A later segment may have been deleted a moment ago. Were it to come back after a power loss, its name
      // would have authority over the records that are appended here now.
      await this.#files.syncDirectory(this.#directory);
      file = await this.#files.open(this.#path(segment), 'r+');
      // The last record may have been read from memory alone: from here on it counts as stored, so it must be.
      await file.datasync();
      this.#active = file;
    } catch {
      await file?.close().catch(() => {});
    }
  }

  async #begin(sequence: number): Promise<void> {
    const name = `${String(sequence).padStart(NAME_DIGITS, '0')}.segment`;
    const segment: Segment = { first: sequence, name, end: 0, failedReads: 0 };
    // Whatever bears this name is left of an append that failed: a sequence once acknowledged is not used again.
    await this.#remove(segment);
    this.#active = await this.#files.open(this.#path(segment), 'wx+');
    this.#list.push(segment);
    try {
      await this.#files.syncDirectory(this.#directory);
    } catch (cause) {
      await this.#abandon();
      throw cause;
    }
  }

  async #writeToActive(record: Buffer): Promise<void> {
    const file = this.#active as OpenFile;
    const segment = this.#list.at(-1) as Segment;
    await writeAll(file, record, segment.end);
    await file.datasync();
    segment.end += record.length;
  }

  /** Cuts off what a failed append may have written and retires the segment; all of it only as far as it goes. */
  async #abandon(): Promise<void> {
    const segment = this.#list.at(-1) as Segment;
    await this.#active?.truncate(segment.end).catch(() => {});
    await this.retire();
    if (segment.end > 0) return;
    this.#list.pop();
    await this.#remove(segment).catch(() => {});
  }

  async #remove(segment: Segment): Promise<void> {
    await this.#files.remove(this.#path(segment)).catch((cause) => {
      if (systemCodeOf(cause) !== 'ENOENT') throw cause;
    });
  }

  async #readRange(segment: Segment, from: number, length: number, room?: Buffer): Promise<Buffer> {
    const file = await this.#files.open(this.#path(segment), 'r');
    try {
      return await readAll(file, from, length, room);
    } finally {
      await file.close().catch(() => {});
    }
  }

  async #salvage(segment: Segment, from: number): Promise<Buffer> {
    const bytes = Buffer.alloc(segment.end - from);
    for (let at = from; at < segment.end; at += BLOCK_BYTES) {
      const block = this.#readRange(segment, at, Math.min(BLOCK_BYTES, segment.end - at));
      bytes.set(await block.catch(() => Buffer.alloc(0)), at - from);
    }
    return bytes;
  }

  #path(segment: Segment): string {
    return join(this.#directory, segment.name);
  }
}

/** The segment files in a directory, oldest first; those that vanish meanwhile are left out. */
export async function listSegments(files: Files, directory: string): Promise<Segment[]> {
  const names = (await files.list(directory)).filter((name) => NAME.test(name)).sort();
  const found = names.map(async (name): Promise<Segment[]> => {
    try {
      const end = await files.size(join(directory, name));
      return [{ first: Number.parseInt(name, 10), name, end, failedReads: 0 }];
    } catch (cause) {
      if (systemCodeOf(cause) === 'ENOENT') return [];
      throw cause;
    }
  });
  return (await Promise.all(found)).flat();
}

function newestOf(bytes: Buffer): { newest: RecordHeader | undefined; soundEnd: number } {
  let newest: RecordHeader | undefined;
  let soundEnd = 0;
  for (let piece = pieceAt(bytes, 0); piece !== undefined; piece = pieceAt(bytes, piece.end)) {
    if (piece.record === undefined) continue;
    newest = piece.record;
    soundEnd = piece.end;
  }
  return { newest, soundEnd };
}
