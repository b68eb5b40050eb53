import { resolve } from 'node:path';
import { messageOf, systemCodeOf, VisualizerError } from '../errors.js';
import type { Log } from '../log.js';
import { FollowedFile } from './follow-file.js';
import { Pauses } from './follow-pauses.js';
import { type Position, PositionFile } from './follow-position.js';
import { FollowReader } from './follow-reader.js';
import { Rotation, type Successor } from './rotation.js';
import type { SourceEvent } from './source.js';

export interface FollowOptions {
  readonly file: string;
  /** Where to begin the first time; a file that comes into being later is read from its start. */
  readonly from: 'start' | 'end';
  /** Where the position is kept from run to run; undefined: nothing is remembered. */
  readonly positionFile: string | undefined;
  readonly maxLineBytes: number;
  readonly log: Log;
  /** How often the file is looked at, in ms; 200 unless a test is in a hurry. */
  readonly pollMs?: number;
}

/** How long a rotated file is read on, in ms, while it still grows although its successor does, too. */
const LONGEST_FAREWELL_MS = 5_000;

/**
 * Reads the lines of a file as they are added to it, until `stop` is aborted, and across its rotation: by rename,
 * or by copying and truncating. A restarted run goes on behind the last line that was acknowledged. A line that
 * has no newline yet is waited for, and left to the next run at the stop.
 * @throws VisualizerError SENSOR_NOT_RUNNABLE when the file is there and cannot be read at the start
 */
export async function* follow(options: FollowOptions, stop: AbortSignal): AsyncGenerator<SourceEvent> {
  const follower = new Follower(options, stop);
  try {
    await follower.begin();
    yield* follower.events();
  } finally {
    await follower.close();
  }
}

class Follower {
  readonly #options: FollowOptions;
  readonly #path: string;
  readonly #stop: AbortSignal;
  readonly #log: Log;
  readonly #rotation: Rotation;
  readonly #pauses: Pauses;
  readonly #positions: PositionFile | undefined;
  readonly #reader: FollowReader;
  /** What was last complained about, and has not been mended since. */
  #complaint: string | undefined;
  #missing = false;

  constructor(options: FollowOptions, stop: AbortSignal) {
    const { file, positionFile, maxLineBytes, log, pollMs = 200 } = options;
    const path = resolve(file);
    const rotation = new Rotation(path);
    const positions = positionFile === undefined ? undefined : new PositionFile(positionFile, path, log);
    this.#options = options;
    this.#path = path;
    this.#stop = stop;
    this.#log = log;
    this.#rotation = rotation;
    this.#pauses = new Pauses(path, pollMs, stop);
    this.#positions = positions;
    this.#reader = new FollowReader({ maxLineBytes, rotation, positions, log });
  }

  /** Finds the place to begin at. */
  async begin(): Promise<void> {
    try {
      // Opened even where an older one is to be read first: what the user has named must be right.
      const current = await FollowedFile.openIfThere(this.#path);
      const position = await this.#positions?.load();
      if (position === undefined) return await this.#beginAnew(current);
      await current?.close();
      await this.#goOnFrom(position);
    } catch (cause) {
      throw notReadable(this.#options.file, cause);
    }
  }

  async *events(): AsyncGenerator<SourceEvent> {
    while (!this.#stop.aborted) {
      try {
        yield* this.#reader.readOn(this.#stop);
        if (yield* this.#moveOn()) continue;
        this.#complaint = undefined;
      } catch (error) {
        this.#complain(error);
        // A network file system has dropped the file: nothing goes on with this descriptor.
        if (systemCodeOf(error) === 'ESTALE') await this.#goOnFrom(this.#reader.position).catch(() => {});
      }
      await this.#pauses.next();
    }
  }

  async close(): Promise<void> {
    this.#pauses.close();
    await this.#reader.close();
  }

  /** The place is kept at once: the next run must not begin at a later end. */
  async #beginAnew(current: FollowedFile | undefined): Promise<void> {
    const mark = this.#options.from === 'end' ? await current?.end() : undefined;
    if (current !== undefined) await this.#reader.take(current, mark);
    await this.#positions?.save(this.#reader.position);
  }

  async #goOnFrom(position: Position): Promise<void> {
    await this.#reader.drop(position.mtimeNs);
    if (position.ino === 0n) return;
    const file = await this.#rotation.find(position);
    if (file === undefined) return this.#warnOfLoss(position);
    await this.#reader.take(file, position);
    this.#log.debug({ file: file.path, offset: position.offset }, 'Going on where the last run ended');
  }

  /** Goes on to the file begun next, where there is one. Returns whether it did. */
  async *#moveOn(): AsyncGenerator<SourceEvent, boolean> {
    const successor = await this.#rotation.after(this.#reader.last);
    if (successor === undefined) await this.#sayIfMissing();
    // An empty one in its place: the writer may not have moved on itself.
    if (successor === undefined || (successor.awaited && this.#reader.hasFile)) return false;

    if (this.#reader.hasFile) yield* this.#bidFarewell();
    if (this.#stop.aborted) return false;
    // By now it may have another name, too.
    const next = await this.#rotation.after(this.#reader.last);
    const file = next && (await openSuccessor(next));
    if (next === undefined || file === undefined) return false;

    this.#warnOfCompressed(next.compressed);
    this.#complaint = undefined;
    yield await this.#reader.take(file);
    return true;
  }

  /** Reads on for at least one interval: the writer may still hold the file for a moment. */
  async *#bidFarewell(): AsyncGenerator<SourceEvent> {
    const deadline = performance.now() + LONGEST_FAREWELL_MS;
    do await this.#pauses.whole();
    while ((yield* this.#reader.readOn(this.#stop)) && performance.now() < deadline);
  }

  async #sayIfMissing(): Promise<void> {
    const missing = await this.#rotation.isMissing();
    if (missing && !this.#missing) this.#log.info(`There is no file ${this.#path}; waiting for it`);
    this.#missing = missing;
  }

  #warnOfCompressed(names: readonly string[]): void {
    if (names.length === 0) return;
    const text = 'Rotated files were compressed before they could be read; what they hold is missing';
    this.#log.warn({ files: names }, text);
  }

  async #warnOfLoss({ ino, offset }: Position): Promise<void> {
    const text =
      `The file ${this.#path} is not the one that was read last, and that one is nowhere to be found: ` +
      'lines that were added to it meanwhile may be missing';
    const rotated = await this.#rotation.names();
    this.#log.warn({ inode: String(ino), readUpToByte: offset, rotated }, text);
  }

  #complain(error: unknown): void {
    const cause = messageOf(error);
    if (cause !== this.#complaint) this.#log.warn({ cause }, `Cannot read on in ${this.#path}; trying again`);
    this.#complaint = cause;
  }
}

/** Undefined where another file has its name by now. */
async function openSuccessor({ path, identity }: Successor): Promise<FollowedFile | undefined> {
  const file = await FollowedFile.openIfThere(path);
  if (file === undefined || (file.ino === identity.ino && file.dev === identity.dev)) return file;
  await file.close();
  return undefined;
}

function notReadable(file: string, cause: unknown): VisualizerError {
  const advice: Record<string, string> = {
    EACCES: `it may not be read; let this user read it, or try: chmod a+r ${file}`,
    ENOTDIR: 'a part of its path is no directory',
  };
  const reason = advice[systemCodeOf(cause) ?? ''] ?? messageOf(cause);
  const text = `The file ${file} cannot be followed: ${reason}. Name another one with --input.`;
  return new VisualizerError('SENSOR_NOT_RUNNABLE', text, { cause });
}
