import { isUtf8 } from 'node:buffer';
import { CARRIAGE_RETURN, NEWLINE } from '../ascii.js';

/** Lines in a row, and what was found on the way that is no line of text. */
export interface Lines {
  /** UTF-8, in pieces of whole lines; each ends with its newline, the last one too. Nobody changes it any more. */
  readonly blocks: readonly Buffer[];
  readonly refused: readonly RefusedBytes[];
}

export const NO_LINES: Lines = { blocks: [], refused: [] };

/** The lines without their newlines. */
export function textsOf({ blocks }: Pick<Lines, 'blocks'>): string[] {
  return blocks.flatMap((bytes) => bytes.toString('utf8', 0, bytes.length - 1).split('\n'));
}

/** A line that was skipped as a whole, and how it begins. */
export interface RefusedBytes {
  readonly reason: string;
  readonly excerpt: string;
}

const EXCERPT_BYTES = 80;
const BYTE_ORDER_MARK = Buffer.from('\uFEFF');
const END_OF_LINE = Buffer.from('\n');
const NOTHING = Buffer.alloc(0);

/**
 * Cuts the bytes of one stream into lines of at most `maxBytes` bytes. A longer line is skipped up to its
 * newline and a line that is not UTF-8 is skipped, each reported as refused; memory stays within `maxBytes`
 * and the chunk at hand. A byte order mark is taken off the start of the stream, and nowhere else.
 */
export class LineSplitter {
  readonly #maxBytes: number;
  /** The unterminated line so far, while it is within bounds. */
  #carry: Buffer[] = [];
  #carryBytes = 0;
  /** Set while the rest of an overlong line is skipped. */
  #skipping = false;
  #atStart = true;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes the next chunk and gives the lines that it completes. */
  push(chunk: Buffer): Lines {
    const refused: RefusedBytes[] = [];
    const start = this.#skipping ? this.#endOfSkipped(chunk) : 0;
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end <= start) {
      this.#keep(chunk.subarray(start), refused);
      return { blocks: NO_LINES.blocks, refused };
    }
    // Only the line that lies in both is copied.
    const seam = this.#carryBytes > 0 ? chunk.indexOf(NEWLINE) + 1 : start;
    const whole = [this.#takeCarry(chunk.subarray(start, seam)), chunk.subarray(seam, end)];
    const blocks = whole.map((block) => this.#sift(block, refused)).filter(({ length }) => length > 0);
    this.#keep(chunk.subarray(end), refused);
    return { blocks, refused };
  }

  /** Ends the stream: what follows the last newline is a line, too. */
  end(): Lines {
    const refused: RefusedBytes[] = [];
    const last = this.#carryBytes > 0 ? this.#sift(this.#takeCarry(END_OF_LINE), refused) : NOTHING;
    this.#skipping = false;
    return { blocks: last.length > 0 ? [last] : [], refused };
  }

  /** Where the line after the skipped one begins; the chunk's end while it is not in sight. */
  #endOfSkipped(chunk: Buffer): number {
    const newline = chunk.indexOf(NEWLINE);
    if (newline === -1) return chunk.length;
    this.#skipping = false;
    return newline + 1;
  }

  #keep(rest: Buffer, refused: RefusedBytes[]): void {
    if (rest.length === 0 || this.#skipping) return;
    this.#carry.push(rest);
    this.#carryBytes += rest.length;
    // One byte more than allowed may be the CR of a CRLF; two cannot.
    if (this.#carryBytes <= this.#maxBytes + 1) return;
    refused.push(this.#tooLong(this.#takeCarry(NOTHING)));
    this.#skipping = true;
    this.#atStart = false;
  }

  #takeCarry(tail: Buffer): Buffer {
    const bytes = this.#carry.length === 0 ? tail : Buffer.concat([...this.#carry, tail]);
    this.#carry = [];
    this.#carryBytes = 0;
    return bytes;
  }

  /** The lines of a block; nothing is copied where all of it is sound. */
  #sift(block: Buffer, refused: RefusedBytes[]): Buffer {
    if (block.length === 0) return block;
    const marked = this.#atStart && block.indexOf(BYTE_ORDER_MARK) === 0;
    this.#atStart = false;
    if (isUtf8(block) && !this.#hasOverlong(block)) {
      return marked ? block.subarray(BYTE_ORDER_MARK.length) : block;
    }
    const lines = [...this.#soundLines(block, refused)];
    // Not where the first line is among those that were skipped.
    const first = lines[0];
    if (marked && first?.byteOffset === block.byteOffset) lines[0] = first.subarray(BYTE_ORDER_MARK.length);
    return Buffer.concat(lines);
  }

  /** From newline to newline in steps as long as a line may be, and not line by line. */
  #hasOverlong(block: Buffer): boolean {
    let start = 0;
    while (block.length - start > this.#maxBytes + 1) {
      const newline = block.lastIndexOf(NEWLINE, start + this.#maxBytes);
      if (newline >= start) start = newline + 1;
      else if (this.#endsWithReturn(block, start)) start += this.#maxBytes + 2;
      else return true;
    }
    return false;
  }

  /** Whether the line at `start` is as long as a line may be, not counting the CR of a CRLF. */
  #endsWithReturn(block: Buffer, start: number): boolean {
    const end = start + this.#maxBytes;
    return block[end] === CARRIAGE_RETURN && block[end + 1] === NEWLINE;
  }

  *#soundLines(block: Buffer, refused: RefusedBytes[]): Generator<Buffer> {
    for (const line of cut(block)) {
      const text = line.subarray(0, -1);
      if (text.length > this.#maxBytes + (text.at(-1) === CARRIAGE_RETURN ? 1 : 0)) {
        refused.push(this.#tooLong(text));
      } else if (!isUtf8(text)) refused.push({ reason: 'not UTF-8', excerpt: excerptOf(text) });
      else yield line;
    }
  }

  #tooLong(line: Buffer): RefusedBytes {
    return { reason: `longer than ${this.#maxBytes} bytes`, excerpt: excerptOf(line) };
  }
}

function* cut(block: Buffer): Generator<Buffer> {
  let start = 0;
  for (let end = block.indexOf(NEWLINE); end !== -1; end = block.indexOf(NEWLINE, start)) {
    yield block.subarray(start, end + 1);
    start = end + 1;
  }
}

function excerptOf(line: Buffer): string {
  return line.subarray(0, EXCERPT_BYTES).toString('utf8');
}
