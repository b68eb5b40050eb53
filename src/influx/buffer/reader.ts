/**
 * Walks the queue from the oldest record to the newest, once, a segment at a time, and knows what is missing.
 *
 * Every record says how many lines were stored before it, so the records lie on one axis of lines. Where the
 * next sound record begins further along than the one before ended, the lines between are gone, exactly so
 * many, whatever happened to them; where it does not, nothing is missing, whatever the bytes between look like.
 */
import { HEADER_BYTES, type Head, pieceAt, type StoredRecord } from './record.js';
import type { Segment, Segments } from './segments.js';

/** What is missing between two records that were found. */
export interface Hole {
  /** Sequence of the last record that is missing. */
  readonly sequence: number;
  readonly lines: number;
  readonly records: number;
  readonly bytes: number;
}

export class Reader {
  readonly #segments: Segments;
  /** Everything up to this sequence was passed. */
  #sequence: number;
  /** Lines before the next record: the place on the axis. */
  #position: number;
  #next: StoredRecord | undefined;

  #segment: Segment | undefined;
  /** For each segment in turn: made anew, megabytes at a time, it would keep the garbage collector busy. */
  #room = Buffer.alloc(0);
  #bytes: Buffer = Buffer.alloc(0);
  #bytesStart = 0;
  #at = 0;
  #damage = { records: 0, bytes: 0 };

  constructor(segments: Segments, sequence: number, position: number) {
    this.#segments = segments;
    this.#sequence = sequence;
    this.#position = position;
  }

  get sequence(): number {
    return this.#sequence;
  }

  get position(): number {
    return this.#position;
  }

  /** The oldest record not passed yet, once `look` has found it. */
  get next(): StoredRecord | undefined {
    return this.#next;
  }

  /** Finds the next record, if there is one up to `head`. Answers what is missing before it. */
  async look(head: Head): Promise<Hole | undefined> {
    if (this.#next !== undefined) return undefined;
    for (;;) {
      const found = this.#segments.after(this.#sequence);
      if (found === undefined) break;
      await this.#load(found.segment);
      const piece = pieceAt(this.#bytes, this.#at);
      if (piece === undefined) {
        if (found.last === Number.POSITIVE_INFINITY) break;
        this.#damage.records += found.last - this.#sequence;
        this.#sequence = found.last;
        continue;
      }
      this.#at = piece.end;
      const { record } = piece;
      if (record === undefined) {
        this.#damage.bytes += piece.end - piece.start;
      } else if (this.#isDue(record, found.last)) {
        this.#next = record;
        return this.#passTo(record.sequence - 1, record.stored - record.lines);
      }
    }
    return this.#passTo(head.sequence, head.stored);
  }

  /** Takes a record that was written just now, where its turn has come: it need not be read. Returns whether it did. */
  offer(record: StoredRecord, segment: Segment): boolean {
    const start = segment.end - HEADER_BYTES - record.body.length;
    const at = this.#segment === segment ? this.#bytesStart + this.#at : 0;
    const isDue = this.#segments.after(this.#sequence)?.segment === segment;
    if (this.#next !== undefined || !isDue || at !== start) return false;
    if (record.sequence !== this.#sequence + 1 || record.stored - record.lines !== this.#position)
      return false;
    this.#segment = segment;
    this.#bytes = Buffer.alloc(0);
    this.#bytesStart = segment.end;
    this.#at = 0;
    this.#next = record;
    return true;
  }

  /** Passes the next record. Its body may be overwritten as soon as the one after it is looked for. */
  take(): StoredRecord {
    const record = this.#next as StoredRecord;
    this.#next = undefined;
    this.#sequence = record.sequence;
    this.#position = record.stored;
    return record;
  }

  /** Passes everything up to a sequence and a place on the axis without looking at it. */
  skip(sequence: number, position: number): void {
    this.#next = undefined;
    this.#sequence = sequence;
    this.#position = position;
    this.#damage = { records: 0, bytes: 0 };
  }

  /** Bytes of a segment that were not passed yet. */
  unreadBytes(segment: Segment): number {
    if (this.#segment !== segment) return segment.end;
    const ahead = this.#next === undefined ? 0 : HEADER_BYTES + this.#next.body.length;
    return segment.end - (this.#bytesStart + this.#at) + ahead;
  }

  /** Neither settled, nor superseded by the next segment, nor from another axis. */
  #isDue(record: StoredRecord, last: number): boolean {
    return (
      record.sequence > this.#sequence &&
      record.sequence <= last &&
      record.stored - record.lines >= this.#position
    );
  }

  /** Sees to it that what is at hand is this segment's, up to its end. */
  async #load(segment: Segment): Promise<void> {
    const same = this.#segment === segment;
    const loadedEnd = this.#bytesStart + this.#bytes.length;
    if (same && (this.#at < this.#bytes.length || loadedEnd >= segment.end)) return;
    const start = same ? loadedEnd : 0;
    this.#bytes = Buffer.alloc(0);
    this.#bytesStart = start;
    this.#at = 0;
    this.#segment = segment;
    const length = segment.end - start;
    if (this.#room.length < length) this.#room = Buffer.allocUnsafeSlow(length);
    this.#bytes = await this.#segments.read(segment, start, this.#room);
  }

  #passTo(sequence: number, position: number): Hole | undefined {
    const lines = Math.max(0, position - this.#position);
    const records = this.#damage.records + Math.max(0, sequence - this.#sequence);
    const { bytes } = this.#damage;
    this.#damage = { records: 0, bytes: 0 };
    this.#sequence = Math.max(sequence, this.#sequence);
    this.#position += lines;
    return lines > 0 || records > 0 ? { sequence: this.#sequence, lines, records, bytes } : undefined;
  }
}
