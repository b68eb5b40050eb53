import type { Log } from '../log.js';
import { LineCursor, type Mark } from './follow-cursor.js';
import type { FollowedFile } from './follow-file.js';
import type { Position, PositionFile } from './follow-position.js';
import type { Lines } from './lines.js';
import type { Last, Rotation } from './rotation.js';
import type { SourceEvent } from './source.js';

export interface ReaderOptions {
  readonly maxLineBytes: number;
  readonly rotation: Rotation;
  /** Undefined: nothing is acknowledged. */
  readonly positions: PositionFile | undefined;
  readonly log: Log;
}

/** How far the time of files may lie behind that of this process, in ms. */
const COARSE_MS = 10;

/** Reads one file after the other: the one at hand, as far as there is one, and how far it has been read. */
export class FollowReader {
  readonly #options: ReaderOptions;
  #file: FollowedFile | undefined;
  #cursor: LineCursor;
  /** Where there is no file: only what was written later than this can be its successor. */
  #sinceNs = BigInt(Date.now() - COARSE_MS) * 1_000_000n;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#cursor = new LineCursor(options.maxLineBytes);
  }

  get hasFile(): boolean {
    return this.#file !== undefined;
  }

  /** What tells the file at hand from its successor. */
  get last(): Last {
    if (this.#file === undefined) return { mtimeNs: this.#sinceNs };
    const { dev, ino, mtimeNs } = this.#file;
    return { dev, ino, mtimeNs };
  }

  /** Everything before it has been given out. */
  get position(): Position {
    return { ino: 0n, ...this.last, ...this.#cursor.mark };
  }

  /** Goes on to another file. What was left of a line that nobody will complete is told by the event. */
  async take(file: FollowedFile, mark?: Mark): Promise<SourceEvent> {
    await this.close();
    this.#file = file;
    return this.#startAt(mark);
  }

  /** Lets go of the file; its successor is what was written later than this, in ns since the epoch. */
  async drop(sinceNs: bigint): Promise<void> {
    this.#sinceNs = sinceNs;
    this.#cursor = new LineCursor(this.#options.maxLineBytes);
    await this.close();
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** All that is there now. Returns whether there was anything. */
  async *readOn(stop: AbortSignal): AsyncGenerator<SourceEvent, boolean> {
    let grew = false;
    while (this.#file !== undefined && !stop.aborted) {
      const bytes = await this.#file.read(this.#cursor);
      if (bytes === 'end') break;
      grew = true;
      if (bytes === 'changed') {
        yield* this.#startOver(this.#file);
      } else {
        const lines = this.#cursor.push(bytes);
        if (lines.blocks.length > 0 || lines.refused.length > 0) yield this.#event(lines);
      }
    }
    return grew;
  }

  /** The file was truncated; where it was copied before, as logrotate does, the copy is read to its end first. */
  async *#startOver(file: FollowedFile): AsyncGenerator<SourceEvent> {
    const { rotation, log } = this.#options;
    const { offset, remembered } = this.#cursor;
    const { ino, mtimeNs } = file;
    const copy = await rotation.findCopy({ ino, mtimeNs, offset, remembered, inLine: false });
    if (copy !== undefined) {
      log.debug({ copy: copy.path }, 'The file was truncated; going on in its copy');
      this.#file = copy;
      await file.close();
      return;
    }
    log.info({ file: file.path, readUpToByte: offset }, 'The file was truncated; it is read from its start');
    yield this.#startAt();
  }

  #startAt(mark?: Mark): SourceEvent {
    const rest = this.#cursor.end();
    this.#cursor = new LineCursor(this.#options.maxLineBytes, mark);
    return this.#event(rest);
  }

  #event(lines: Lines): SourceEvent {
    const { positions } = this.#options;
    if (positions === undefined) return { kind: 'lines', lines };
    const { position } = this;
    return { kind: 'lines', lines, ack: () => positions.save(position) };
  }
}
