/**
 * The queue in its directory: segments, cursor, reader and books brought together, each change of one followed
 * by what it means for the others. One operation at a time: its owner sees to that.
 */
import { VisualizerError } from '../../errors.js';
import { Books, type HandedOut, type Settlement } from './books.js';
import { BLANK_CURSOR, Cursor, loadCursor } from './cursor.js';
import { type Files, realFiles } from './files.js';
import { Pool } from './pool.js';
import { type Hole, Reader } from './reader.js';
import { encode, furthest, HEADER_BYTES, type RecordHeader, type StoredRecord } from './record.js';
import { listSegments, type Segment, Segments } from './segments.js';

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

type Sum = { -readonly [Key in keyof Dropped]: number };

const DEFAULT_SEGMENT_BYTES = 4 * 1024 * 1024;
const SEGMENTS_AT_LEAST = 8;

export class Queue {
  readonly segments: Segments;
  readonly reader: Reader;
  readonly books: Books;
  readonly #cursor: Cursor;
  readonly #onEvent: (event: BufferEvent) => void;
  readonly #pool = new Pool();
  newestTime: bigint | undefined;
  corruptRecords = 0;
  /** Something ended that the cursor on the disk does not know of. */
  unsaved = false;
  #saveFailing = false;

  static async open(directory: string, options: BufferOptions): Promise<Queue> {
    const { files = realFiles, segmentBytes = DEFAULT_SEGMENT_BYTES, maxBytes, onEvent = () => {} } = options;
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
    if (tornBytes > 0) onEvent({ kind: 'tornTail', bytes: tornBytes });

    const state = loaded.state ?? BLANK_CURSOR;
    const books = new Books(state, newest === undefined ? state.head : furthest(state.head, newest));
    const queue = new Queue(segments, new Cursor(files, directory, loaded), books, newest?.time, onEvent);
    if (loaded.state === undefined) await queue.#startWithoutCursor(loaded.rotten);
    await queue.lookAhead();
    await queue.#releaseSettled();
    return queue;
  }

  private constructor(
    segments: Segments,
    cursor: Cursor,
    books: Books,
    newestTime: bigint | undefined,
    onEvent: (event: BufferEvent) => void,
  ) {
    const { sequence, delivered, rejected, dropped } = books.cursorState;
    this.segments = segments;
    this.reader = new Reader(segments, sequence, delivered + rejected + dropped);
    this.books = books;
    this.newestTime = newestTime;
    this.#cursor = cursor;
    this.#onEvent = onEvent;
  }

  async store(header: RecordHeader, body: Uint8Array): Promise<void> {
    const bytes = encode(header, body, this.#pool.take(HEADER_BYTES + body.length));
    await this.#write(bytes, header.sequence);
    this.books.stored(header);
    this.newestTime = header.time;
    const record = { ...header, body: bytes.subarray(HEADER_BYTES) };
    if (!this.reader.offer(record, this.segments.newest as Segment)) this.#pool.give(bytes);
    await this.lookAhead();
  }

  async #write(record: Buffer, sequence: number): Promise<void> {
    try {
      await this.segments.write(record, sequence);
    } catch (cause) {
      // On a full disk, what is settled may take just the room that is missing.
      const bytes = this.segments.bytes;
      await this.#releaseSettled();
      if (this.segments.bytes === bytes) throw cause;
      await this.segments.write(record, sequence);
    }
  }

  /** Finds the next record, and accounts for what is missing before it. */
  async look(): Promise<StoredRecord | undefined> {
    const hole = await this.reader.look(this.books.head);
    if (hole !== undefined) {
      const { sequence, lines } = hole;
      this.#noteSettled(this.books.pass({ kind: 'hole', sequence, lines, hole }));
    }
    return this.reader.next;
  }

  /** `look` for one who can do without: where reading fails, whoever needs the record meets it again. */
  async lookAhead(): Promise<void> {
    await this.look().catch(() => {});
  }

  /** Hands out the next record; undefined where there is nothing in it to send. */
  take(): HandedOut | undefined {
    const record = this.reader.take();
    const { sequence, lines, payloadBytes } = record;
    if (payloadBytes === 0) {
      this.#noteSettled(this.books.pass({ kind: 'blank', sequence, lines }));
      return undefined;
    }
    const content = { ...record, body: this.#pool.keep(record.body) };
    const handedOut: HandedOut = { kind: 'entry', sequence, lines, content };
    this.books.pass(handedOut);
    return handedOut;
  }

  async settle(settlement: Settlement): Promise<void> {
    const [oldest] = this.books.handedOut;
    this.#noteSettled(this.books.settle(settlement));
    if (oldest !== undefined) this.#pool.give(bytesOf(oldest));
    await this.#releaseSettled();
  }

  /** Times rise along the queue, so all of a segment is old if the one after it begins with an old record. */
  async dropOlder(before: bigint, reason: DropReason): Promise<Dropped> {
    const dropped: Sum = { lines: 0, records: 0, bytes: 0 };
    try {
      for (let next = await this.look(); next && next.time < before; next = await this.look()) {
        const { second } = this.segments;
        const start = second && (await this.segments.startOf(second));
        if (start !== undefined && start.time < before) {
          await this.#dropOldestSegment(dropped);
        } else {
          this.reader.take();
          this.#forget(next.sequence, next.lines);
          add(dropped, { lines: next.lines, records: 1, bytes: HEADER_BYTES + next.body.length });
        }
      }
    } finally {
      this.#tellDropped(reason, dropped);
    }
    if (dropped.records > 0) await this.#releaseSettled();
    return dropped;
  }

  /** Drops the oldest segments until `bytes` more are within `maxBytes`. */
  async makeRoom(bytes: number, maxBytes: number): Promise<void> {
    if (bytes > maxBytes) {
      const problem = `A batch takes ${bytes} bytes, the buffer at most ${maxBytes}`;
      throw new VisualizerError(
        'BAD_SETTING',
        `${problem}: enlarge --buffer-max or make the batches smaller`,
      );
    }
    const dropped: Sum = { lines: 0, records: 0, bytes: 0 };
    try {
      while (this.segments.bytes + bytes > maxBytes) await this.#dropOldestSegment(dropped);
    } finally {
      this.#tellDropped('overflow', dropped);
    }
  }

  async save(): Promise<boolean> {
    try {
      await this.#cursor.save(this.books.cursorState);
      this.unsaved = false;
      this.#saveFailing = false;
      return true;
    } catch (cause) {
      this.#tellUnsaved(cause);
      return false;
    }
  }

  async close(): Promise<void> {
    await this.save();
    await this.segments.retire();
    await this.#cursor.close();
  }

  async #startWithoutCursor(rotten: boolean): Promise<void> {
    const before = await this.reader.look(this.books.head);
    if (before !== undefined) this.books.assumeDelivered(before);
    if (rotten || before !== undefined) this.#onEvent({ kind: 'cursorLost', lines: before?.lines ?? 0 });
    await this.save();
  }

  /** What of it is handed out stays owed; the rest is added to `dropped`. */
  async #dropOldestSegment(dropped: Sum): Promise<void> {
    const { oldest, second } = this.segments;
    if (oldest === undefined) return;
    const { sequence, position } = this.reader;
    const last = second === undefined ? this.books.head.sequence : second.first - 1;
    if (last > sequence) {
      const lines = Math.max(0, (await this.#linesBefore(second)) - position);
      add(dropped, { lines, records: last - sequence, bytes: this.reader.unreadBytes(oldest) });
      this.reader.skip(last, position + lines);
      this.#forget(last, lines);
    } else {
      this.#forget(last, 0);
    }
    await this.save();
    await this.segments.removeOldest();
  }

  /** Where a segment begins on the axis. Where that is unknown: a hole, which the reader will come to. */
  async #linesBefore(segment: Segment | undefined): Promise<number> {
    if (segment === undefined) return this.books.head.stored;
    const start = await this.segments.startOf(segment);
    return start === undefined ? this.reader.position : start.stored - start.lines;
  }

  /** Deletes what is settled. Where the cursor cannot be saved before, it stays for the time being. */
  async #releaseSettled(): Promise<void> {
    if (!this.#oldestIsSettled() || !(await this.save())) return;
    try {
      while (this.#oldestIsSettled()) await this.segments.removeOldest();
    } catch (cause) {
      this.#tellUnsaved(cause);
    }
  }

  #oldestIsSettled(): boolean {
    const { oldest, second, allRetired } = this.segments;
    if (oldest === undefined || (second === undefined && !allRetired)) return false;
    const last = second === undefined ? this.books.head.sequence : second.first - 1;
    return last <= this.books.cursorState.sequence;
  }

  #forget(sequence: number, lines: number): void {
    this.books.forget(sequence, lines);
    this.unsaved = true;
  }

  #noteSettled(holes: Hole[]): void {
    this.unsaved = true;
    for (const hole of holes) {
      this.corruptRecords += hole.records;
      this.#tellDropped('corrupt', hole);
    }
  }

  #tellUnsaved(cause: unknown): void {
    if (!this.#saveFailing) this.#onEvent({ kind: 'unsaved', cause });
    this.#saveFailing = true;
  }

  #tellDropped(reason: DropReason, { lines, records, bytes }: Dropped): void {
    if (lines > 0 || records > 0) this.#onEvent({ kind: 'dropped', reason, lines, records, bytes });
  }
}

function bytesOf({ content }: HandedOut): Uint8Array {
  return 'body' in content ? content.body : content.payload;
}

function add(sum: Sum, more: Dropped): void {
  sum.lines += more.lines;
  sum.records += more.records;
  sum.bytes += more.bytes;
}
