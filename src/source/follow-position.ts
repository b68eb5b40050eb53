/**
 * The position: up to where a followed file is safely stored, in one record of 320 bytes.
 *
 *     offset  size
 *          0     4  magic "VZF1"
 *          4     4  CRC-32 of the record from offset 8 on
 *          8    16  SHA-256 of the file's absolute path, its first half
 *         24     8  inode; 0 as long as there was no file
 *         32     8  offset of the first line not stored
 *         40     8  when the file was last written to, ns since the epoch
 *         48     1  1: the offset lies within a line whose rest is to be skipped
 *         50     2  how many bytes are remembered
 *         52   256  the bytes before the offset
 *
 * It is written in place by one write, within one sector, and synced: no room is needed after the first time, and
 * a kill leaves the old one or the new one. One that is torn all the same, or rotten, is told by its CRC, and then
 * the file is read as for the first time.
 *
 * The device is no part of it: its number may be another one after a reboot. What tells a file from one that was
 * given its inode later are the remembered bytes.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { crc32 } from 'node:zlib';
import { messageOf, systemCodeOf } from '../errors.js';
import type { Log } from '../log.js';
import { type Mark, REMEMBERED_BYTES } from './follow-cursor.js';

/** A mark in one certain file. */
export interface Position extends Mark {
  readonly ino: bigint;
  readonly mtimeNs: bigint;
}

const MAGIC = 'VZF1';
const RECORD_BYTES = 320;
const REMEMBERED_AT = 52;

export class PositionFile {
  readonly #path: string;
  /** Of which file this is the position. */
  readonly #owner: Buffer;
  readonly #log: Log;
  #failing = false;

  constructor(path: string, followed: string, log: Log) {
    this.#path = path;
    this.#owner = createHash('sha256').update(resolve(followed)).digest().subarray(0, 16);
    this.#log = log;
  }

  /** Undefined where nothing is remembered, or where it is not to be trusted, which is logged. */
  async load(): Promise<Position | undefined> {
    try {
      const record = (await readFile(this.#path)).subarray(0, RECORD_BYTES);
      if (!isSound(record)) throw new Error('it is damaged');
      if (!record.subarray(8, 24).equals(this.#owner)) throw new Error('it is that of another file');
      return decode(record);
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      const text = `The position ${this.#path} is not used; the file is read as for the first time`;
      this.#log.warn({ cause: messageOf(error) }, text);
      return undefined;
    }
  }

  /** Never rejects: without it the same lines come again one day, that is all. */
  async save(position: Position): Promise<void> {
    try {
      await this.#write(encode(position, this.#owner));
      this.#failing = false;
    } catch (error) {
      const text = `The position ${this.#path} cannot be saved; after a restart lines may come a second time`;
      if (!this.#failing) this.#log.warn({ cause: messageOf(error) }, text);
      this.#failing = true;
    }
  }

  async #write(record: Buffer): Promise<void> {
    const file = await open(this.#path, constants.O_WRONLY | constants.O_CREAT, 0o600);
    try {
      await file.write(record, 0, record.length, 0);
      await file.datasync();
    } finally {
      await file.close();
    }
  }
}

function encode({ ino, mtimeNs, offset, remembered, inLine }: Position, owner: Buffer): Buffer {
  const record = Buffer.alloc(RECORD_BYTES);
  record.write(MAGIC, 'latin1');
  owner.copy(record, 8);
  record.writeBigUInt64LE(ino, 24);
  record.writeBigUInt64LE(BigInt(offset), 32);
  record.writeBigInt64LE(mtimeNs, 40);
  record.writeUInt8(inLine ? 1 : 0, 48);
  record.writeUInt16LE(remembered.length, 50);
  remembered.copy(record, REMEMBERED_AT);
  record.writeUInt32LE(crc32(record.subarray(8)), 4);
  return record;
}

function isSound(record: Buffer): boolean {
  if (record.length !== RECORD_BYTES || record.toString('latin1', 0, 4) !== MAGIC) return false;
  return crc32(record.subarray(8)) === record.readUInt32LE(4) && record.readUInt16LE(50) <= REMEMBERED_BYTES;
}

function decode(record: Buffer): Position {
  return {
    ino: record.readBigUInt64LE(24),
    offset: Number(record.readBigUInt64LE(32)),
    mtimeNs: record.readBigInt64LE(40),
    inLine: record.readUInt8(48) === 1,
    remembered: record.subarray(REMEMBERED_AT, REMEMBERED_AT + record.readUInt16LE(50)),
  };
}
