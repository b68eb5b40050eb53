/**
 * The durable FIFO between the intake and a database: what `append` has acknowledged is either settled or
 * readable, in order, after any crash, and every line ever counted is delivered, queued, rejected or dropped.
 *
 * Layout. A directory with segment files (`0000000000000001.segment`, see `buffer/segments.ts`), each a
 * sequence of records (`buffer/record.ts`), and a file `cursor` (`buffer/cursor.ts`). Records are only ever
 * appended, segments only ever deleted whole, and the cursor says up to which record the queue is settled.
 * Nothing is allocated ahead: `fdatasync` keeps a grown file's length too, and an end that was never written
 * is an end, not zeros to be told from data.
 *
 * The axis. Every record carries how many lines were stored up to and with it. A record thus covers a piece of
 * one axis of lines, from 0 to the last line stored, and the ledger is that axis, cut in two:
 *
 *     0 ........ delivered + rejected + dropped ........ | ........ queued ........ stored
 *
 * `queued` is never counted, it is what is left, so the books balance by construction. That they are also true
 * is the reader's doing (`buffer/reader.ts`): a hole in the axis is counted as dropped when the queue comes to
 * it, in its turn (`buffer/books.ts`). Lines refused or lost before they were stored never lie on the axis;
 * every record carries their sums too, and so does the cursor, for the time when no record is left.
 *
 * Invariants.
 *  1. A record is acknowledged after its bytes and its segment's name are synced. A sequence that was
 *     acknowledged is never used again.
 *  2. In the cursor, delivered + rejected + dropped is the place on the axis at which its sequence ends.
 *  3. A settled segment is deleted after a cursor that says so was synced.
 *  4. A record is in the queue if its sequence is above the cursor's and below the next segment's name.
 *
 * Crashes, one by one.
 *  - While a record is written: the last segment has a torn tail. It was not acknowledged. The next record
 *    begins a fresh segment under the same sequence, so by (4) the tail is never looked at again.
 *  - After it was written, before it was acknowledged: it may be there after all. Then it is in the queue and
 *    in the books; sent twice, it overwrites itself.
 *  - After a failed sync, or where a torn record could not be cut off: the same record, or the next one, begins
 *    a fresh segment under the same sequence; by (4) what the old one holds is not in the queue.
 *  - After lines were settled, before the cursor was synced: they are queued again. The books balance, since
 *    the older cursor counts them as queued; sent twice, they overwrite themselves.
 *  - After the cursor was synced, before its segment was deleted, or when the deletion did not last: the
 *    segment lies below the cursor, and is deleted when the directory is opened.
 *  - While the cursor is written: the other slot still holds the one before.
 *  - After an oldest segment was deleted for want of room although the cursor could not be synced: the axis
 *    has a hole between the cursor and the oldest record, as large as what is missing, and it is dropped.
 *
 * What is handed out is owed an answer. When the limits delete the segment of records that are handed out and
 * not settled, those stay `queued` until `settle` says how they ended. The cursor meanwhile counts them as
 * dropped, because a crash would make that true.
 *
 * Both cursor slots rotten. The queue begins again at the oldest record on the disk; what lay before it is
 * taken as delivered, most likely so, and the event says so.
 *
 * One lane. All operations run one after the other, so that each sees the state between two others; the totals
 * may be read at any moment.
 */
import { VisualizerError } from '../errors.js';
import type { Totals } from '../ledger.js';
import type { Entry, HandedOut, Settlement } from './buffer/books.js';
import { type BufferOptions, type Dropped, Queue } from './buffer/queue.js';
import { HEADER_BYTES, type Packed, pack, unpack } from './buffer/record.js';

export type { Entry, Settlement } from './buffer/books.js';
export type { Files } from './buffer/files.js';
export type { BufferEvent, BufferOptions, Dropped } from './buffer/queue.js';

export interface NewEntry {
  /** Not to be changed until `append` is done. Empty, where there are only lines to be counted. */
  readonly payload: Uint8Array;
  /** Readings in the payload. */
  readonly lines: number;
  /** Lines refused at intake since the entry before. */
  readonly refused: number;
  /** Lines lost since the entry before because they could not be appended; counted as dropped. */
  readonly lost?: number;
  /** Of the newest line, in ns. */
  readonly time: bigint;
}

const CURSOR_INTERVAL_MS = 1000;
/** At so many bytes a millisecond gzip takes about a tenth of one core. */
const SLOW_BYTES_A_MS = 10_000;
/** From this share of the limit on, room is scarce. */
const SCARCE = 1 / 4;
const NS_PER_MS = 1_000_000n;

export class DurableBuffer {
  readonly #queue: Queue;
  readonly #maxBytes: number;
  readonly #maxAgeMs: number | undefined;
  readonly #now: () => number;
  #lane: Promise<unknown> = Promise.resolve();
  #appendedAt = Number.NEGATIVE_INFINITY;
  #saveTimer: NodeJS.Timeout | undefined;
  #closed = false;

  /** Opens a directory that nobody else writes to, and makes it if need be. Reads no more than two segments. */
  static async open(directory: string, options: BufferOptions): Promise<DurableBuffer> {
    return new DurableBuffer(await Queue.open(directory, options), options);
  }

  private constructor(queue: Queue, { maxBytes, maxAgeMs, now = Date.now }: BufferOptions) {
    this.#queue = queue;
    this.#maxBytes = maxBytes;
    this.#maxAgeMs = maxAgeMs;
    this.#now = now;
  }

  get totals(): Totals {
    return this.#queue.books.totals;
  }

  /** Bytes of the segments on the disk. */
  get bytes(): number {
    return this.#queue.segments.bytes;
  }

  get segments(): number {
    return this.#queue.segments.count;
  }

  /** Records in the queue, those included that are handed out. */
  get records(): number {
    const { books, reader } = this.#queue;
    return books.handedOut.length + books.head.sequence - reader.sequence;
  }

  /** Records found rotten or missing since the buffer was opened. */
  get corruptRecords(): number {
    return this.#queue.corruptRecords;
  }

  /** Time of the oldest record in the queue, in ns. */
  get oldestTime(): bigint | undefined {
    const { books, reader } = this.#queue;
    return (books.handedOut[0]?.content ?? reader.next)?.time;
  }

  /** Time of the newest record, in ns, be it settled or not; unknown once a reopened directory holds none. */
  get newestTime(): bigint | undefined {
    return this.#queue.newestTime;
  }

  /**
   * Resolves once the entry would survive a power loss. Rejects with what is in the way; then nothing of it is
   * stored or counted, and everything else goes on.
   */
  append(entry: NewEntry): Promise<void> {
    const packing: Promise<Packed> = this.#paysToPack(entry.payload)
      ? pack(entry.payload)
      : Promise.resolve({ body: entry.payload, compressed: false });
    packing.catch(() => {});
    return this.#run(async () => {
      const { body, compressed } = await packing;
      const { time, lines, refused, lost = 0, payload } = entry;
      const before = this.#queue.books.head;
      const header = {
        sequence: before.sequence + 1,
        stored: before.stored + lines,
        refused: before.refused + refused,
        lost: before.lost + lost,
        time,
        lines,
        compressed,
        payloadBytes: payload.length,
      };
      // What cannot be read now is dropped later; that is no reason not to store.
      await this.#expire().catch(() => {});
      await this.#queue.makeRoom(HEADER_BYTES + body.length, this.#maxBytes);
      await this.#queue.store(header, body);
    });
  }

  /**
   * The oldest entries that are not settled, in order: as many as fit into `maxBytes` once unpacked, at least
   * one if there is any. Asked again before they are settled, it begins with the same ones, or behind the one of the
   * sequence `after`. Once an entry is settled, its payload may be overwritten.
   */
  peek(maxBytes: number, after = 0): Promise<Entry[]> {
    return this.#run(async () => {
      await this.#expire();
      const chosen: HandedOut[] = [];
      let room = maxBytes;
      const fits = (bytes: number): boolean => {
        room -= bytes;
        return room >= 0 || chosen.length === 0;
      };
      for (const handedOut of this.#queue.books.handedOut) {
        if (handedOut.sequence <= after) continue;
        if (!fits(payloadBytesOf(handedOut))) return unpackAll(chosen);
        chosen.push(handedOut);
      }
      for (let next = await this.#queue.look(); next !== undefined; next = await this.#queue.look()) {
        if (next.payloadBytes > 0 && !fits(next.payloadBytes)) break;
        const handedOut = this.#queue.take();
        if (handedOut !== undefined) chosen.push(handedOut);
      }
      return unpackAll(chosen);
    });
  }

  /** The oldest entry handed out is done: so many of its lines were delivered, all others rejected. */
  settle(settlement: Settlement): Promise<void> {
    return this.#run(() => this.#queue.settle(settlement));
  }

  /** Drops every entry older than `before` (ns) that is not handed out. */
  drop({ before }: { before: bigint }): Promise<Dropped> {
    return this.#run(async () => {
      const dropped = await this.#queue.dropOlder(before, 'request');
      await this.#queue.save();
      return dropped;
    });
  }

  /** Waits for what is under way and saves the cursor. What is queued stays queued. */
  close(): Promise<void> {
    return this.#run(async () => {
      this.#closed = true;
      clearTimeout(this.#saveTimer);
      await this.#queue.close();
    });
  }

  /** A little work for less to be written, or for more room; in a flood that is delivered at once it gains nothing. */
  #paysToPack(payload: Uint8Array): boolean {
    const now = performance.now();
    const slow = payload.length < (now - this.#appendedAt) * SLOW_BYTES_A_MS;
    this.#appendedAt = now;
    return slow || this.bytes + payload.length > this.#maxBytes * SCARCE;
  }

  async #expire(): Promise<void> {
    if (this.#maxAgeMs === undefined) return;
    const oldestMs = Math.floor(this.#now() - this.#maxAgeMs);
    await this.#queue.dropOlder(BigInt(oldestMs) * NS_PER_MS, 'age');
  }

  /** Runs after all that was asked for before, be it done or failed. */
  #run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#lane.then(() => {
      if (this.#closed) throw new VisualizerError('INTERNAL', 'The buffer is used after it was closed');
      return work();
    });
    this.#lane = result.catch(() => {}).then(() => this.#saveSoon());
    return result;
  }

  #saveSoon(): void {
    if (!this.#queue.unsaved || this.#closed) return;
    this.#saveTimer ??= setTimeout(() => {
      this.#saveTimer = undefined;
      this.#run(() => this.#queue.save()).catch(() => {});
    }, CURSOR_INTERVAL_MS).unref();
  }
}

function payloadBytesOf({ content }: HandedOut): number {
  return 'body' in content ? content.payloadBytes : content.payload.length;
}

/** What could not be unpacked stays as it is, for the next time. */
async function unpackAll(chosen: HandedOut[]): Promise<Entry[]> {
  return Promise.all(
    chosen.map(async (handedOut) => {
      if (!('body' in handedOut.content)) return handedOut.content;
      const { sequence, lines, time } = handedOut.content;
      const entry: Entry = { sequence, payload: await unpack(handedOut.content), lines, time };
      handedOut.content = entry;
      return entry;
    }),
  );
}
