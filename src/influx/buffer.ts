/**
 * The durable FIFO between the intake and a database: what `append` has acknowledged is either settled or
 * readable, in order, after any crash, and every line ever counted is delivered, queued, rejected or dropped.
 *
 * Layout. A directory with segment files (`0000000000000001.segment`, see `buffer/segments.ts`), each a
 * sequence of records (`buffer/record.ts`), and a file `cursor` (`buffer/cursor.ts`). Records are only ever
 * appended, segments only ever deleted whole, and the cursor says up to which record the queue is settled.
 *
 * The axis. Every record carries how many lines were stored up to and with it. A record thus covers a piece of
 * one axis of lines, from 0 to the last line stored, and the ledger is that axis, cut in two:
 *
 *     0 ........ delivered + rejected + dropped ........ | ........ queued ........ stored
 *
 * `queued` is never counted, it is what is left, so the books balance by construction. That they are also true
 * is the reader's doing (`buffer/reader.ts`): a hole in the axis is counted as dropped when the queue comes to
 * it, in its turn. Lines refused or lost before they were stored never lie on the axis; every record carries
 * their sums too, and so does the cursor, for the time when no record is left.
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
import { Books, type Entry, type HandedOut, type Settlement, type Totals } from './buffer/books.js';
import { BLANK_CURSOR, Cursor, loadCursor } from './buffer/cursor.js';
import { type Files, realFiles } from './buffer/files.js';
import { type Hole, Reader } from './buffer/reader.js';
import { encode, furthest, HEADER_BYTES, pack, type StoredRecord, unpack } from './buffer/record.js';
import { listSegments, type Segment, Segments } from './buffer/segments.js';

export type { Entry, Settlement, Totals } from './buffer/books.js';
export type { Files } from './buffer/files.js';

export interface BufferOptions {
  /** The segments never take more than this. */
  readonly maxBytes: number;
  /** Records older than this are dropped; never, where it is left out. */
  readonly maxAgeMs?: number;
  /** Size of a segment; an eighth of `maxBytes` at most, so that no overflow costs more than that. */
  readonly segmentBytes?: number;
  readonly files?: Files;
  /** The wall clock, in ms. */
  readonly now?: () => number;
  readonly onEvent?: (event: BufferEvent) => void;
}

export type DropReason = 'overflow' | 'age' | 'corrupt' | 'request';

export interface Dropped {
  readonly lines: number;
  readonly records: number;
  readonly bytes: number;
}

/** What its owner should know of. What was dropped is counted already. */
export type BufferEvent =
  | ({ readonly kind: 'dropped'; readonly reason: DropReason } & Dropped)
  /** Bytes behind the last sound record, found at opening: what a crash interrupted. */
  | { readonly kind: 'tornTail'; readonly bytes: number }
  /** Neither slot could be read. `lines` lay before the oldest record and are taken as delivered. */
  | { readonly kind: 'cursorLost'; readonly lines: number }
  /** The cursor cannot be saved or a settled segment not be deleted; told once, until it works again. */
  | { readonly kind: 'unsaved'; readonly cause: unknown };

export interface NewEntry {
  /** Not to be changed until `append` is done. */
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

type Sum = { -readonly [Key in keyof Dropped]: number };

const DEFAULT_SEGMENT_BYTES = 4 * 1024 * 1024;
const SEGMENTS_AT_LEAST = 8;
const CURSOR_INTERVAL_MS = 1000;
const NS_PER_MS = 1_000_000n;

export class DurableBuffer {
  readonly #segments: Segments;
  readonly #cursor: Cursor;
  readonly #reader: Reader;
  readonly #books: Books;
  readonly #maxBytes: number;
  readonly #maxAgeMs: number | undefined;
  readonly #now: () => number;
  readonly #onEvent: (event: BufferEvent) => void;

  #newestTime: bigint | undefined;
  #corruptRecords = 0;
  #saveFailing = false;
  #saveTimer: NodeJS.Timeout | undefined;
  #lane: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** Opens a directory that nobody else writes to, and makes it if need be. Reads no more than two segments. */
  static async open(directory: string, options: BufferOptions): Promise<DurableBuffer> {
    const { files = realFiles, segmentBytes = DEFAULT_SEGMENT_BYTES, maxBytes, onEvent } = options;
    await files.prepare(directory);
    const loaded = await loadCursor(files, directory);
    const list = await listSegments(files, directory);
    const segments = new Segments(
      files,
      directory,
      Math.min(segmentBytes, maxBytes / SEGMENTS_AT_LEAST),
      list,
    );
    const { newest, tornBytes } = await segments.recover();
    if (tornBytes > 0) onEvent?.({ kind: 'tornTail', bytes: tornBytes });

    const state = loaded.state ?? BLANK_CURSOR;
    const books = new Books(state, newest === undefined ? state.head : furthest(state.head, newest));
    const cursor = new Cursor(files, directory, loaded);
    const buffer = new DurableBuffer(segments, cursor, books, newest?.time, options);
    if (loaded.state === undefined) await buffer.#startWithoutCursor(loaded.rotten);
    await buffer.#lookAhead();
    await buffer.#releaseSettled();
    return buffer;
  }

  private constructor(
    segments: Segments,
    cursor: Cursor,
    books: Books,
    newestTime: bigint | undefined,
    options: BufferOptions,
  ) {
    const { sequence, delivered, rejected, dropped } = books.cursorState;
    this.#segments = segments;
    this.#cursor = cursor;
    this.#reader = new Reader(segments, sequence, delivered + rejected + dropped);
    this.#books = books;
    this.#newestTime = newestTime;
    this.#maxBytes = options.maxBytes;
    this.#maxAgeMs = options.maxAgeMs;
    this.#now = options.now ?? Date.now;
    this.#onEvent = options.onEvent ?? (() => {});
  }

  get totals(): Totals {
    return this.#books.totals;
  }

  /** Bytes of the segments on the disk. */
  get bytes(): number {
    return this.#segments.bytes;
  }

  get segments(): number {
    return this.#segments.count;
  }

  /** Records in the queue, those included that are handed out. */
  get records(): number {
    return this.#books.handedOut.length + this.#books.head.sequence - this.#reader.sequence;
  }

  /** Records found rotten or missing since the buffer was opened. */
  get corruptRecords(): number {
    return this.#corruptRecords;
  }

  /** Time of the oldest record in the queue, in ns. */
  get oldestTime(): bigint | undefined {
    return (this.#books.handedOut[0]?.content ?? this.#reader.next)?.time;
  }

  /** Time of the newest record, in ns, be it settled or not; unknown once a reopened directory holds none. */
  get newestTime(): bigint | undefined {
    return this.#newestTime;
  }

  /**
   * Resolves once the entry would survive a power loss. Rejects with what is in the way; then nothing of it is
   * stored or counted, and everything else goes on.
   */
  append(entry: NewEntry): Promise<void> {
    const packing = pack(entry.payload);
    packing.catch(() => {});
    return this.#run(async () => {
      const { body, compressed } = await packing;
      const { time, lines, refused, lost = 0, payload } = entry;
      const before = this.#books.head;
      const head = {
        sequence: before.sequence + 1,
        stored: before.stored + lines,
        refused: before.refused + refused,
        lost: before.lost + lost,
      };
      const record = encode({ ...head, time, lines, compressed, payloadBytes: payload.length }, body);
      // What cannot be read now is dropped later; that is no reason not to store.
      await this.#expire().catch(() => {});
      await this.#makeRoom(record.length);
      await this.#segments.write(record, head.sequence);
      this.#books.stored(head);
      this.#newestTime = time;
      await this.#lookAhead();
    });
  }

  /**
   * The oldest entries that are not settled, in order: as many as fit into `maxBytes` once unpacked, at least
   * one if there is any. Asked again before they are settled, it begins with the same ones.
   */
  peek(maxBytes: number): Promise<Entry[]> {
    return this.#run(async () => {
      await this.#expire();
      const chosen: HandedOut[] = [];
      let room = maxBytes;
      const fits = (bytes: number): boolean => {
        room -= bytes;
        return room >= 0 || chosen.length === 0;
      };
      for (const handedOut of this.#books.handedOut) {
        if (!fits(payloadBytesOf(handedOut))) return unpackAll(chosen);
        chosen.push(handedOut);
      }
      for (let next = await this.#look(); next !== undefined; next = await this.#look()) {
        const { sequence, lines, payloadBytes } = next;
        if (payloadBytes > 0 && !fits(payloadBytes)) break;
        const content = this.#reader.take();
        if (payloadBytes > 0) {
          const handedOut: HandedOut = { kind: 'entry', sequence, lines, content };
          chosen.push(handedOut);
          this.#books.pass(handedOut);
        } else {
          this.#noteSettled(this.#books.pass({ kind: 'blank', sequence, lines }));
        }
      }
      return unpackAll(chosen);
    });
  }

  /** The oldest entry handed out is done: so many of its lines were delivered, all others rejected. */
  settle(settlement: Settlement): Promise<void> {
    return this.#run(async () => {
      this.#noteSettled(this.#books.settle(settlement));
      await this.#releaseSettled();
    });
  }

  /** Drops every entry older than `before` (ns) that is not handed out. */
  drop({ before }: { before: bigint }): Promise<Dropped> {
    return this.#run(async () => {
      const dropped = await this.#dropOlder(before, 'request');
      await this.#saveCursor();
      await this.#releaseSettled();
      return dropped;
    });
  }

  /** Waits for what is under way and saves the cursor. What is queued stays queued. */
  close(): Promise<void> {
    return this.#run(async () => {
      this.#closed = true;
      await this.#saveCursor();
      clearTimeout(this.#saveTimer);
      await this.#segments.retire();
      await this.#cursor.close();
    });
  }

  async #startWithoutCursor(rotten: boolean): Promise<void> {
    const before = await this.#reader.look(this.#books.head);
    if (before !== undefined) this.#books.assumeDelivered(before);
    if (rotten || before !== undefined) this.#onEvent({ kind: 'cursorLost', lines: before?.lines ?? 0 });
    await this.#saveCursor();
  }

  /** Finds the next record, and accounts for what is missing before it. */
  async #look(): Promise<StoredRecord | undefined> {
    const hole = await this.#reader.look(this.#books.head);
    if (hole !== undefined) {
      const { sequence, lines } = hole;
      this.#noteSettled(this.#books.pass({ kind: 'hole', sequence, lines, hole }));
    }
    return this.#reader.next;
  }

  /** `#look` for one who can do without: where reading fails, `peek` meets it again and says so. */
  async #lookAhead(): Promise<void> {
    await this.#look().catch(() => {});
  }

  #noteSettled(holes: Hole[]): void {
    for (const hole of holes) {
      this.#corruptRecords += hole.records;
      this.#tellDropped('corrupt', hole);
    }
    this.#saveTimer ??= setTimeout(() => {
      this.#saveTimer = undefined;
      this.#run(() => this.#saveCursor()).catch(() => {});
    }, CURSOR_INTERVAL_MS).unref();
  }

  async #expire(): Promise<void> {
    if (this.#maxAgeMs === undefined) return;
    await this.#dropOlder(BigInt(Math.floor(this.#now() - this.#maxAgeMs)) * NS_PER_MS, 'age');
  }

  /** Times rise along the queue, so all of a segment is old if the one after it begins with an old record. */
  async #dropOlder(before: bigint, reason: DropReason): Promise<Dropped> {
    const dropped: Sum = { lines: 0, records: 0, bytes: 0 };
    try {
      for (let next = await this.#look(); next && next.time < before; next = await this.#look()) {
        const { second } = this.#segments;
        const start = second && (await this.#segments.startOf(second));
        if (start !== undefined && start.time < before) {
          await this.#dropOldestSegment(dropped);
        } else {
          this.#reader.take();
          this.#books.forget(next.sequence, next.lines);
          add(dropped, { lines: next.lines, records: 1, bytes: HEADER_BYTES + next.body.length });
        }
      }
    } finally {
      this.#tellDropped(reason, dropped);
    }
    return dropped;
  }

  async #makeRoom(bytes: number): Promise<void> {
    if (bytes > this.#maxBytes) {
      const problem = `A batch takes ${bytes} bytes, the buffer at most ${this.#maxBytes}`;
      throw new VisualizerError(
        'BAD_SETTING',
        `${problem}: enlarge --buffer-max or make the batches smaller`,
      );
    }
    const dropped: Sum = { lines: 0, records: 0, bytes: 0 };
    try {
      while (this.#segments.bytes + bytes > this.#maxBytes) await this.#dropOldestSegment(dropped);
    } finally {
      this.#tellDropped('overflow', dropped);
    }
  }

  /** What of it is handed out stays owed; the rest is added to `dropped`. */
  async #dropOldestSegment(dropped: Sum): Promise<void> {
    const { oldest, second } = this.#segments;
    if (oldest === undefined) return;
    const { sequence, position } = this.#reader;
    const last = second === undefined ? this.#books.head.sequence : second.first - 1;
    if (last > sequence) {
      const lines = Math.max(0, (await this.#linesBefore(second)) - position);
      add(dropped, { lines, records: last - sequence, bytes: this.#reader.unreadBytes(oldest) });
      this.#reader.skip(last, position + lines);
      this.#books.forget(last, lines);
    } else {
      this.#books.forget(last, 0);
    }
    await this.#saveCursor();
    await this.#segments.removeOldest();
  }

  /** Where a segment begins on the axis. Where that is unknown: a hole, which the reader will come to. */
  async #linesBefore(segment: Segment | undefined): Promise<number> {
    if (segment === undefined) return this.#books.head.stored;
    const start = await this.#segments.startOf(segment);
    return start === undefined ? this.#reader.position : start.stored - start.lines;
  }

  /** Deletes what is settled. Where the cursor cannot be saved before, it stays for the time being. */
  async #releaseSettled(): Promise<void> {
    if (!this.#oldestIsSettled() || !(await this.#saveCursor())) return;
    try {
      while (this.#oldestIsSettled()) await this.#segments.removeOldest();
    } catch (cause) {
      this.#tellUnsaved(cause);
    }
  }

  #oldestIsSettled(): boolean {
    const { oldest, second, allRetired } = this.#segments;
    if (oldest === undefined || (second === undefined && !allRetired)) return false;
    const last = second === undefined ? this.#books.head.sequence : second.first - 1;
    return last <= this.#books.cursorState.sequence;
  }

  async #saveCursor(): Promise<boolean> {
    try {
      await this.#cursor.save(this.#books.cursorState);
      this.#saveFailing = false;
      return true;
    } catch (cause) {
      this.#tellUnsaved(cause);
      return false;
    }
  }

  #tellUnsaved(cause: unknown): void {
    if (!this.#saveFailing) this.#onEvent({ kind: 'unsaved', cause });
    this.#saveFailing = true;
  }

  #tellDropped(reason: DropReason, { lines, records, bytes }: Dropped): void {
    if (lines > 0 || records > 0) this.#onEvent({ kind: 'dropped', reason, lines, records, bytes });
  }

  /** Runs after all that was asked for before, be it done or failed. */
  #run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#lane.then(() => {
      if (this.#closed) throw new VisualizerError('INTERNAL', 'The buffer is used after it was closed');
      return work();
    });
    this.#lane = result.catch(() => {});
    return result;
  }
}

function payloadBytesOf({ content }: HandedOut): number {
  return 'body' in content ? content.payloadBytes : content.payload.length;
}

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

function add(sum: Sum, more: Dropped): void {
  sum.lines += more.lines;
  sum.records += more.records;
  sum.bytes += more.bytes;
}
