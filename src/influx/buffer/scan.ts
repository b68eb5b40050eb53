/**
 * Looks at a buffer's directory without touching it, while a run may hold it: segments may vanish under the
 * reader's eyes, and the end of the newest one may be half written.
 */
import { join } from 'node:path';
import { systemCodeOf } from '../../errors.js';
import type { Totals } from '../../ledger.js';
import { totalsOf } from './books.js';
import { BLANK_CURSOR, type CursorState, loadCursor } from './cursor.js';
import { type Files, readAll, realFiles } from './files.js';
import { furthest, pieceAt, type RecordHeader, unpack } from './record.js';
import { listSegments } from './segments.js';

export interface ScannedRecord extends RecordHeader {
  readonly kind: 'record';
  readonly segment: string;
  readonly offset: number;
  readonly bytes: number;
  /** `superseded`: left by an append that failed; another record took its place. */
  readonly state: 'settled' | 'queued' | 'superseded';
  payload(): Promise<Buffer>;
}

export interface ScannedDamage {
  readonly kind: 'rotten' | 'tail';
  readonly segment: string;
  readonly offset: number;
  readonly bytes: number;
}

export interface Summary {
  readonly segments: number;
  readonly bytes: number;
  readonly records: number;
  readonly queuedRecords: number;
  readonly oldestQueued: bigint | undefined;
  readonly newest: bigint | undefined;
  /** Stretches of bytes that hold no sound record, with something behind them. */
  readonly rotten: readonly ScannedDamage[];
  /** Bytes behind the last sound record: torn by a crash, or being written. */
  readonly tailBytes: number;
  readonly totals: Totals;
}

export class BufferScan {
  readonly #files: Files;
  readonly #directory: string;
  readonly segments: readonly { readonly name: string; readonly first: number; readonly bytes: number }[];
  /** Undefined where there is none, or where neither slot can be read. */
  readonly cursor: CursorState | undefined;
  readonly cursorRotten: boolean;

  /** The cursor is older than the segments listed, so that nothing queued seems settled. */
  static async open(directory: string, files: Files = realFiles): Promise<BufferScan> {
    const { state, rotten } = await loadCursor(files, directory);
    const segments = await listSegments(files, directory);
    return new BufferScan(files, directory, segments, state, rotten);
  }

  private constructor(
    files: Files,
    directory: string,
    segments: { name: string; first: number; end: number }[],
    cursor: CursorState | undefined,
    cursorRotten: boolean,
  ) {
    this.#files = files;
    this.#directory = directory;
    this.segments = segments.map(({ name, first, end }) => ({ name, first, bytes: end }));
    this.cursor = cursor;
    this.cursorRotten = cursorRotten;
  }

  /** All there is, in order, one segment in memory at a time. */
  async *records(): AsyncGenerator<ScannedRecord | ScannedDamage> {
    const settled = this.cursor?.sequence ?? 0;
    for (const [index, { name, bytes: length }] of this.segments.entries()) {
      const next = this.segments[index + 1];
      const bytes = await this.#read(name, length);
      for (let piece = pieceAt(bytes, 0); piece !== undefined; piece = pieceAt(bytes, piece.end)) {
        const { record, start, end } = piece;
        const place = { segment: name, offset: start, bytes: end - start };
        if (record === undefined) {
          const isTail = next === undefined && end === bytes.length;
          yield { kind: isTail ? 'tail' : 'rotten', ...place };
          continue;
        }
        const { body: _, ...header } = record;
        const superseded = next !== undefined && header.sequence >= next.first;
        const state = superseded ? 'superseded' : header.sequence <= settled ? 'settled' : 'queued';
        yield { kind: 'record', ...header, ...place, state, payload: () => unpack(record) };
      }
    }
  }

  /** Reads all of it. The totals are those that opening the buffer would find, but for what is rotten. */
  async summary(): Promise<Summary> {
    const { delivered, rejected, dropped, head: cursorHead } = this.cursor ?? BLANK_CURSOR;
    const rotten: ScannedDamage[] = [];
    let head = cursorHead;
    let before: number | undefined;
    let records = 0;
    let queuedRecords = 0;
    let tailBytes = 0;
    let oldestQueued: bigint | undefined;
    let newest: bigint | undefined;
    for await (const found of this.records()) {
      if (found.kind === 'tail') tailBytes += found.bytes;
      if (found.kind === 'rotten') rotten.push(found);
      if (found.kind !== 'record' || found.state === 'superseded') continue;
      head = furthest(head, found);
      before ??= found.stored - found.lines;
      newest = found.time;
      records += 1;
      if (found.state !== 'queued') continue;
      oldestQueued ??= found.time;
      queuedRecords += 1;
    }
    const ended = this.cursor === undefined ? (before ?? 0) : delivered;
    return {
      segments: this.segments.length,
      bytes: this.segments.reduce((sum, segment) => sum + segment.bytes, 0),
      records,
      queuedRecords,
      oldestQueued,
      newest,
      rotten,
      tailBytes,
      totals: totalsOf(head, { delivered: ended, rejected, dropped }),
    };
  }

  async #read(name: string, length: number): Promise<Buffer> {
    try {
      const file = await this.#files.open(join(this.#directory, name), 'r');
      try {
        return await readAll(file, 0, length);
      } finally {
        await file.close().catch(() => {});
      }
    } catch (cause) {
      if (systemCodeOf(cause) === 'ENOENT') return Buffer.alloc(0);
      throw cause;
    }
  }
}
