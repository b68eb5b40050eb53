/**
 * A disk in memory that can fail any operation, fill up, be torn and lose power. It keeps apart what a process
 * sees (the cache) and what would survive (the durable state), as an operating system does:
 *
 * - a write is seen at once and survives after `datasync` of its file;
 * - a name is seen at once and survives after `syncDirectory`;
 * - a `datasync` that fails forgets the writes it was asked to keep: they are still seen, a later sync succeeds
 *   without them, and what of them reached the disk is a matter of `luck`;
 * - a power loss keeps of everything that is not synced an arbitrary part.
 */
import { basename } from 'node:path';
import type { Files, OpenFile } from '../../../src/influx/buffer/files.js';

export type Operation =
  | 'prepare'
  | 'list'
  | 'size'
  | 'open'
  | 'create'
  | 'read'
  | 'write'
  | 'truncate'
  | 'datasync'
  | 'close'
  | 'remove'
  | 'syncDirectory';

/** `short`: writes half and says so. `die`: the process ends here, a write half done. */
export type Fault = 'ENOSPC' | 'EIO' | 'short' | 'die';

type Change = { at: number; bytes: Buffer } | { length: number };
type Rename = { name: string; file: File | undefined };

class File {
  seen: Buffer = Buffer.alloc(0);
  durable: Buffer = Buffer.alloc(0);
  unsynced: Change[] = [];

  change(change: Change): void {
    this.seen = applied(this.seen, change);
    this.unsynced.push(change);
  }

  sync(): void {
    for (const change of this.unsynced) this.durable = applied(this.durable, change);
    this.unsynced = [];
  }

  failSync(luck: () => number): void {
    this.unsynced = this.unsynced.flatMap((change) => survivorsOf(change, luck));
    this.sync();
  }
}

export class FaultyDisk {
  /** Asked before each operation: what shall go wrong with it? */
  faults: (operation: Operation, name: string) => Fault | undefined = () => undefined;
  capacity = Number.POSITIVE_INFINITY;
  /** Decides what a failed sync leaves on the disk: nothing, unless told otherwise. */
  luck: () => number = () => 0;
  /** Operations so far, for faults that strike at the n-th. */
  operations = 0;

  #seen = new Map<string, File>();
  #durable = new Map<string, File>();
  #unsynced: Rename[] = [];
  #process = 0;

  /** The disk for a new process. Whatever an earlier one still tries fails, and does nothing. */
  boot(): Files {
    this.#process += 1;
    const process = this.#process;
    const enter = (operation: Operation, path: string): Fault | undefined => {
      if (process !== this.#process) throw systemError('ESHUTDOWN');
      this.operations += 1;
      const fault = this.faults(operation, basename(path));
      if (fault === 'die') this.#process += 1;
      if (fault === 'die' && operation !== 'write') throw systemError('ESHUTDOWN');
      if (fault === 'EIO' || fault === 'ENOSPC') {
        if (operation === 'datasync') this.#seen.get(basename(path))?.failSync(this.luck);
        throw systemError(fault);
      }
      return fault;
    };
    return {
      prepare: async (directory) => void enter('prepare', directory),
      list: async (directory) => {
        enter('list', directory);
        return [...this.#seen.keys()];
      },
      size: async (path) => {
        enter('size', path);
        return this.#found(path).seen.length;
      },
      open: async (path, flags) => {
        enter(flags === 'wx+' ? 'create' : 'open', path);
        if (flags === 'wx+') this.#create(basename(path));
        return this.#handle(path, this.#found(path), enter);
      },
      remove: async (path) => {
        enter('remove', path);
        this.#found(path);
        this.#rename({ name: basename(path), file: undefined });
      },
      syncDirectory: async (directory) => {
        enter('syncDirectory', directory);
        this.#durable = new Map(this.#seen);
        this.#unsynced = [];
      },
    };
  }

  /** Everything that is not synced survives as chance will have it: whole, in part, or not at all. */
  losePower(random: () => number): void {
    for (const { name, file } of this.#unsynced) {
      if (random() < 0.5) continue;
      if (file === undefined) this.#durable.delete(name);
      else this.#durable.set(name, file);
    }
    this.#unsynced = [];
    this.#seen = new Map(this.#durable);
    for (const file of new Set(this.#seen.values())) {
      file.failSync(random);
      file.seen = file.durable;
    }
  }

  get names(): string[] {
    return [...this.#seen.keys()].sort();
  }

  contents(name: string): Buffer {
    return Buffer.from(this.#found(name).seen);
  }

  /** Puts a file there, durably. */
  plant(name: string, bytes: Buffer): void {
    const file = new File();
    file.change({ at: 0, bytes: Buffer.from(bytes) });
    file.sync();
    this.#seen.set(name, file);
    this.#durable.set(name, file);
  }

  #found(path: string): File {
    const file = this.#seen.get(basename(path));
    if (file === undefined) throw systemError('ENOENT');
    return file;
  }

  #create(name: string): void {
    if (this.#seen.has(name)) throw systemError('EEXIST');
    this.#rename({ name, file: new File() });
  }

  #rename(rename: Rename): void {
    this.#unsynced.push(rename);
    if (rename.file === undefined) this.#seen.delete(rename.name);
    else this.#seen.set(rename.name, rename.file);
  }

  #handle(
    path: string,
    file: File,
    enter: (operation: Operation, path: string) => Fault | undefined,
  ): OpenFile {
    return {
      read: async (into, offset, length, position) => {
        enter('read', path);
        const bytes = file.seen.subarray(position, position + length);
        into.set(bytes, offset);
        return { bytesRead: bytes.length };
      },
      write: async (from, offset, length, position) => {
        const fault = enter('write', path);
        const grown = position + length - file.seen.length;
        const room = this.capacity - this.#used() - Math.max(0, grown);
        const possible = room < 0 && grown > 0 ? Math.max(0, length + room) : length;
        const written = fault === undefined ? possible : Math.min(possible, Math.ceil(length / 2));
        if (written === 0 && length > 0) throw systemError('ENOSPC');
        file.change({ at: position, bytes: Buffer.from(from.slice(offset, offset + written)) });
        if (fault === 'die') throw systemError('ESHUTDOWN');
        return { bytesWritten: written };
      },
      truncate: async (length) => {
        enter('truncate', path);
        file.change({ length });
      },
      datasync: async () => {
        enter('datasync', path);
        file.sync();
      },
      close: async () => void enter('close', path),
    };
  }

  #used(): number {
    let used = 0;
    for (const file of this.#seen.values()) used += file.seen.length;
    return used;
  }
}

function applied(bytes: Buffer, change: Change): Buffer {
  if ('length' in change) {
    const cut = Buffer.alloc(change.length);
    bytes.copy(cut);
    return cut;
  }
  const grown = Buffer.alloc(Math.max(bytes.length, change.at + change.bytes.length));
  bytes.copy(grown);
  change.bytes.copy(grown, change.at);
  return grown;
}

/** A write may survive as its beginning, or as zeros: its length was kept and its bytes were not. */
function survivorsOf(change: Change, random: () => number): Change[] {
  const chance = random();
  if (chance < 0.3) return [];
  if ('length' in change || chance < 0.55) return [change];
  if (chance < 0.7) return [{ at: change.at, bytes: Buffer.alloc(change.bytes.length) }];
  return [{ at: change.at, bytes: change.bytes.subarray(0, Math.floor(random() * change.bytes.length)) }];
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}
