/**
 * The few file operations that the buffer needs, as an interface: tests inject one that runs out of space,
 * fails to sync and loses power.
 */
import { mkdir, open, readdir, stat, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** What the buffer asks of an open file; a `FileHandle` is one. */
export interface OpenFile {
  read(into: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  write(
    from: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesWritten: number }>;
  truncate(length: number): Promise<void>;
  /** Data and length are durable once this resolves; a file's name is durable by `syncDirectory` only. */
  datasync(): Promise<void>;
  close(): Promise<void>;
}

export interface Files {
  /** Makes the directory if need be, for its owner alone. */
  prepare(directory: string): Promise<void>;
  list(directory: string): Promise<string[]>;
  size(path: string): Promise<number>;
  /** `wx+` creates, for its owner alone, and fails where something bears that name already. */
  open(path: string, flags: 'r' | 'r+' | 'wx+'): Promise<OpenFile>;
  remove(path: string): Promise<void>;
  syncDirectory(directory: string): Promise<void>;
}

export const realFiles: Files = {
  async prepare(directory) {
    const firstMade = await mkdir(directory, { recursive: true, mode: 0o700 });
    if (firstMade === undefined) return;
    const above = dirname(resolve(firstMade));
    for (let path = resolve(directory); path !== above; path = dirname(path)) {
      await this.syncDirectory(dirname(path));
    }
  },
  list: (directory) => readdir(directory),
  size: async (path) => (await stat(path)).size,
  open: (path, flags) => open(path, flags, 0o600),
  remove: (path) => unlink(path),
  async syncDirectory(directory) {
    const handle = await open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

/** Writes all of `bytes`, going on after a short write: what cut it short shows at the next one. */
export async function writeAll(file: OpenFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    if (bytesWritten === 0) throw new Error(`The file takes no more than ${done} of ${bytes.length} bytes`);
    done += bytesWritten;
  }
}

/** Reads `length` bytes, or fewer where the file ends before: into `bytes`, which has room for them. */
export async function readAll(
  file: OpenFile,
  position: number,
  length: number,
  bytes: Buffer = Buffer.allocUnsafeSlow(length),
): Promise<Buffer> {
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}
