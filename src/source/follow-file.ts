import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { NEWLINE } from '../ascii.js';
import { systemCodeOf } from '../errors.js';
import { type Mark, REMEMBERED_BYTES, START } from './follow-cursor.js';

/** Tells a file from every other one that exists at the same time, whatever its name. */
export interface Identity {
  readonly dev: bigint;
  readonly ino: bigint;
}

const CHUNK_BYTES = 64 * 1024;

/**
 * A file that is held open while it is read: it may be renamed or removed, its content stays within reach and
 * nobody else is given its inode.
 */
export class FollowedFile {
  readonly path: string;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly #handle: FileHandle;
  #buffer: Buffer | undefined;
  #mtimeNs: bigint;

  private constructor(path: string, handle: FileHandle, stat: Identity & { readonly mtimeNs: bigint }) {
    this.path = path;
    this.#handle = handle;
    this.dev = stat.dev;
    this.ino = stat.ino;
    this.#mtimeNs = stat.mtimeNs;
  }

  /** Rejects where it is missing, may not be read, or is no plain file. */
  static async open(path: string): Promise<FollowedFile> {
    // Without O_NONBLOCK a FIFO would not even be opened before somebody writes to it.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = await handle.stat({ bigint: true });
      if (stat.isDirectory()) throw new Error('it is a directory');
      if (!stat.isFile()) throw new Error('it is no plain file; a FIFO or a device is read without --follow');
      return new FollowedFile(path, handle, stat);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Like `open`; undefined where it is missing. */
  static async openIfThere(path: string): Promise<FollowedFile | undefined> {
    try {
      return await FollowedFile.open(path);
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** When it was last written to, as far as that has been read: later writes make it later. */
  get mtimeNs(): bigint {
    return this.#mtimeNs;
  }

  /**
   * The bytes that follow, which the caller may keep; `changed` where the bytes before them are no longer those
   * remembered: it was truncated, and may have grown again. Looking and reading are one act, so that nothing can
   * happen in between.
   */
  async read({
    offset,
    remembered,
  }: Pick<Mark, 'offset' | 'remembered'>): Promise<Buffer | 'end' | 'changed'> {
    const { mtimeNs } = await this.#handle.stat({ bigint: true });
    this.#buffer ??= Buffer.allocUnsafeSlow(REMEMBERED_BYTES + CHUNK_BYTES);
    const known = remembered.length;
    const position = offset - known;
    const { bytesRead } = await this.#handle.read(this.#buffer, 0, known + CHUNK_BYTES, position);
    if (bytesRead < known || !this.#buffer.subarray(0, known).equals(remembered)) return 'changed';
    this.#mtimeNs = mtimeNs;
    if (bytesRead === known) return 'end';

    const bytes = this.#buffer.subarray(known, bytesRead);
    // Few bytes are copied: a long line that comes byte by byte must not hold a buffer for each of them.
    if (bytes.length < CHUNK_BYTES / 2) return Buffer.alloc(bytes.length, bytes);
    this.#buffer = undefined;
    return bytes;
  }

  /** Whether the bytes before this mark are those remembered. */
  async holds(mark: Mark): Promise<boolean> {
    return (await this.read(mark)) !== 'changed';
  }

  /** The mark at its present end; where that is within a line, the rest of that one is skipped. */
  async end(): Promise<Mark> {
    const size = Number((await this.#handle.stat({ bigint: true })).size);
    const known = Math.min(size, REMEMBERED_BYTES);
    const { bytesRead, buffer } = await this.#handle.read(Buffer.alloc(known), 0, known, size - known);
    // It was truncated this very moment.
    if (bytesRead < known) return START;
    return { offset: size, remembered: buffer, inLine: known > 0 && buffer.at(-1) !== NEWLINE };
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
