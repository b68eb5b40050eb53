import { NEWLINE } from '../ascii.js';
import { LineSplitter, type Lines, NO_LINES } from './lines.js';

/** A place between two lines of a file, and how to know it again. */
export interface Mark {
  readonly offset: number;
  /** The last bytes before it, up to `REMEMBERED_BYTES`: where others stand there, the content is another. */
  readonly remembered: Buffer;
  /** It lies within a line after all, one whose rest is to be skipped. */
  readonly inLine: boolean;
}

export const REMEMBERED_BYTES = 256;
export const START: Mark = { offset: 0, remembered: Buffer.alloc(0), inLine: false };

/** Cuts the content of one file into lines, from a mark on, and knows how far it has come. */
export class LineCursor {
  readonly #splitter: LineSplitter;
  #offset: number;
  #remembered: Buffer;
  #inLine: boolean;
  /** Where the first line begins that has not been given out. */
  #lineStart: Mark;

  constructor(maxLineBytes: number, mark: Mark = START) {
    this.#splitter = new LineSplitter(maxLineBytes);
    this.#offset = mark.offset;
    this.#remembered = mark.remembered;
    this.#inLine = mark.inLine;
    this.#lineStart = mark;
  }

  /** Up to where bytes have been taken, be it within a line. */
  get offset(): number {
    return this.#offset;
  }

  /** The last bytes taken. */
  get remembered(): Buffer {
    return this.#remembered;
  }

  /** Where to go on so that every line not given out yet is read whole. */
  get mark(): Mark {
    return this.#lineStart;
  }

  /** Takes the bytes that follow, and gives the lines that they complete. */
  push(chunk: Buffer): Lines {
    const skipped = this.#inLine ? chunk.indexOf(NEWLINE) + 1 : 0;
    const stillInLine = this.#inLine && skipped === 0;
    const end = stillInLine ? chunk.length : chunk.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      const remembered = lastOf(this.#remembered, chunk.subarray(0, end));
      this.#lineStart = { offset: this.#offset + end, remembered, inLine: stillInLine };
    }
    this.#inLine = stillInLine;
    this.#offset += chunk.length;
    this.#remembered = lastOf(this.#remembered, chunk);
    return stillInLine ? NO_LINES : this.#splitter.push(chunk.subarray(skipped));
  }

  /** Ends the content: what follows the last newline is a line, too. */
  end(): Lines {
    return this.#splitter.end();
  }
}

/** A copy, so that no large chunk is kept for the sake of its end. */
function lastOf(before: Buffer, bytes: Buffer): Buffer {
  if (bytes.length >= REMEMBERED_BYTES) return Buffer.from(bytes.subarray(-REMEMBERED_BYTES));
  return Buffer.concat([before, bytes]).subarray(-REMEMBERED_BYTES);
}
