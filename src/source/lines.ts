import { isUtf8 } from 'node:buffer';

/** Lines without their newline, and what was found on the way that is no line of text. */
export interface Lines {
  readonly lines: string[];
  readonly refused: readonly RefusedBytes[];
}

/** A line that was skipped as a whole, and how it begins. */
export interface RefusedBytes {
  readonly reason: string;
  readonly excerpt: string;
}

const NEWLINE = 0x0a;
const EXCERPT_BYTES = 80;
const BYTE_ORDER_MARK = '\uFEFF';

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
    const end = chunk.lastIndexOf(NEWLINE);
    if (end < start) {
      this.#keep(chunk.subarray(start), refused);
      return { lines: [], refused };
    }
    const lines = this.#decode(this.#takeCarry(chunk.subarray(start, end)), refused);
    this.#keep(chunk.subarray(end + 1), refused);
    return { lines, refused };
  }

  /** Ends the stream: what follows the last newline is a line, too. */
  end(): Lines {
    const refused: RefusedBytes[] = [];
    const lines = this.#carryBytes > 0 ? this.#decode(this.#takeCarry(Buffer.alloc(0)), refused) : [];
    this.#skipping = false;
    return { lines, refused };
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
    refused.push(this.#tooLong(this.#takeCarry(Buffer.alloc(0))));
    this.#skipping = true;
  }

  #takeCarry(tail: Buffer): Buffer {
    const bytes = this.#carry.length === 0 ? tail : Buffer.concat([...this.#carry, tail]);
    this.#carry = [];
    this.#carryBytes = 0;
    return bytes;
  }

  /** Lines of a block that ends where its last line does; all at once where the block is sound. */
  #decode(block: Buffer, refused: RefusedBytes[]): string[] {
    const sound = isUtf8(block) && (block.length <= this.#maxBytes || !this.#hasOverlong(block));
    const lines = sound ? block.toString('utf8').split('\n') : this.#decodeEach(block, refused);
    if (this.#atStart && lines[0]?.startsWith(BYTE_ORDER_MARK)) lines[0] = lines[0].slice(1);
    this.#atStart = false;
    return lines;
  }

  #hasOverlong(block: Buffer): boolean {
    for (const line of cut(block)) if (this.#isOverlong(line)) return true;
    return false;
  }

  #decodeEach(block: Buffer, refused: RefusedBytes[]): string[] {
    const lines: string[] = [];
    for (const line of cut(block)) {
      if (this.#isOverlong(line)) refused.push(this.#tooLong(line));
      else if (!isUtf8(line)) refused.push({ reason: 'not UTF-8', excerpt: excerptOf(line) });
      else lines.push(line.toString('utf8'));
    }
    return lines;
  }

  #isOverlong(line: Buffer): boolean {
    return line.length > this.#maxBytes + (line.at(-1) === 0x0d ? 1 : 0);
  }

  #tooLong(line: Buffer): RefusedBytes {
    return { reason: `longer than ${this.#maxBytes} bytes`, excerpt: excerptOf(line) };
  }
}

function* cut(block: Buffer): Generator<Buffer> {
  let start = 0;
  for (let end = block.indexOf(NEWLINE); end !== -1; end = block.indexOf(NEWLINE, start)) {
    yield block.subarray(start, end);
    start = end + 1;
  }
  yield block.subarray(start);
}

function excerptOf(line: Buffer): string {
  return line.subarray(0, EXCERPT_BYTES).toString('utf8');
}
