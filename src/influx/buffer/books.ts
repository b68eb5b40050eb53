/**
 * The buffer's books: how many lines came in, how they ended, and what is handed out and owed an answer.
 * In memory only; `cursorState` is what of it goes to the disk.
 */
import { VisualizerError } from '../../errors.js';
import type { Totals } from '../../ledger.js';
import type { CursorState } from './cursor.js';
import type { Hole } from './reader.js';
import type { Head, StoredRecord } from './record.js';

export interface Entry {
  readonly sequence: number;
  readonly payload: Buffer;
  /** Readings in the payload. */
  readonly lines: number;
  /** Of the newest line, in ns. */
  readonly time: bigint;
}

export interface Settlement {
  readonly sequence: number;
  readonly delivered: number;
  readonly rejected: number;
}

/** An entry that is handed out: as it was stored, until it was unpacked. */
export interface HandedOut {
  readonly kind: 'entry';
  readonly sequence: number;
  readonly lines: number;
  content: StoredRecord | Entry;
}

/** What was read and is not settled: an entry, a hole, or a record with nothing to send. */
export type Passed =
  | HandedOut
  | { readonly kind: 'hole'; readonly sequence: number; readonly lines: number; readonly hole: Hole }
  | { readonly kind: 'blank'; readonly sequence: number; readonly lines: number };

export class Books {
  #head: Head;
  #delivered: number;
  #rejected: number;
  #dropped: number;
  /** Everything up to here is settled ... */
  #settled: number;
  /** ... and nothing up to here will be read again, be it settled or only handed out. */
  #forgotten = 0;
  readonly #passed: Passed[] = [];

  constructor(state: CursorState, head: Head) {
    this.#head = head;
    this.#delivered = state.delivered;
    this.#rejected = state.rejected;
    this.#dropped = state.dropped;
    this.#settled = state.sequence;
  }

  get head(): Head {
    return this.#head;
  }

  get totals(): Totals {
    return totalsOf(this.#head, {
      delivered: this.#delivered,
      rejected: this.#rejected,
      dropped: this.#dropped,
    });
  }

  /** Oldest first. */
  get handedOut(): HandedOut[] {
    return this.#passed.filter((passed) => passed.kind === 'entry');
  }

  /**
   * What a crash at this moment would make true. What is handed out and will not be read again is dropped
   * then; so delivered, rejected and dropped always end where the sequence does.
   */
  get cursorState(): CursorState {
    let owed = 0;
    for (const { sequence, lines } of this.#passed) if (sequence <= this.#forgotten) owed += lines;
    return {
      sequence: Math.max(this.#settled, this.#forgotten),
      delivered: this.#delivered,
      rejected: this.#rejected,
      dropped: this.#dropped + owed,
      head: this.#head,
    };
  }

  stored(head: Head): void {
    this.#head = head;
  }

  /** Answers the holes that are settled with it: all that no entry precedes. */
  pass(passed: Passed): Hole[] {
    this.#passed.push(passed);
    return this.#settleHoles();
  }

  /** Settles the oldest entry handed out. Answers the holes that are settled with it. */
  settle({ sequence, delivered, rejected }: Settlement): Hole[] {
    const oldest = this.#passed[0];
    if (oldest === undefined || oldest.sequence !== sequence) {
      const expected = oldest === undefined ? 'nothing is handed out' : `${oldest.sequence} is the oldest`;
      throw new VisualizerError('INTERNAL', `Buffer entry ${sequence} is settled, but ${expected}`);
    }
    if (delivered + rejected !== oldest.lines || delivered < 0 || rejected < 0) {
      const ended = `${delivered} delivered and ${rejected} rejected`;
      throw new VisualizerError(
        'INTERNAL',
        `Buffer entry ${sequence} has ${oldest.lines} lines, not ${ended}`,
      );
    }
    this.#passed.shift();
    this.#settled = sequence;
    this.#delivered += delivered;
    this.#rejected += rejected;
    return this.#settleHoles();
  }

  /** Drops all up to `sequence` that is not handed out: so many lines. */
  forget(sequence: number, lines: number): void {
    this.#forgotten = Math.max(sequence, this.#forgotten);
    this.#dropped += lines;
  }

  /** Takes all up to `sequence` as delivered, where nothing is known of it. */
  assumeDelivered({ sequence, lines }: Hole): void {
    this.#settled = sequence;
    this.#delivered += lines;
  }

  #settleHoles(): Hole[] {
    const holes: Hole[] = [];
    for (let oldest = this.#passed[0]; oldest && oldest.kind !== 'entry'; oldest = this.#passed[0]) {
      this.#passed.shift();
      this.#settled = oldest.sequence;
      this.#dropped += oldest.lines;
      if (oldest.kind === 'hole') holes.push(oldest.hole);
    }
    return holes;
  }
}

/** What is neither delivered nor rejected nor dropped is queued: the books balance by construction. */
export function totalsOf(head: Head, ended: Pick<Totals, 'delivered' | 'rejected' | 'dropped'>): Totals {
  const { stored, refused, lost } = head;
  return {
    read: stored + refused + lost,
    delivered: ended.delivered,
    queued: stored - ended.delivered - ended.rejected - ended.dropped,
    rejected: ended.rejected + refused,
    dropped: ended.dropped + lost,
  };
}
