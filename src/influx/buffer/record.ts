/**
 * The record: how one batch lies in a segment, how it is written, and how records are found again among bytes
 * that may be torn or rotten.
 *
 *     offset  size
 *          0     4  magic "VZR1"
 *          4     4  CRC-32 of the header from offset 8 on
 *          8     4  CRC-32 of the body
 *         12     4  bytes of the body
 *         16     4  bytes of the payload once unpacked
 *         20     4  lines in it
 *         24     2  flags; bit 0: the body is gzip
 *         26     6  sequence
 *         32     8  time of its newest line, ns
 *         40     8  lines stored so far, this record's included
 *         48     8  lines refused so far
 *         56     8  lines lost so far before they could be stored
 *         64        body
 *
 * Little-endian throughout. The header has a checksum of its own because the search for the next record trusts
 * the length in it: a flipped bit in the body costs the body, a flipped bit in the header costs a search for
 * the next magic with a sound header, and neither costs a neighbour.
 */
import { promisify } from 'node:util';
import { crc32, gunzip, gzip } from 'node:zlib';

/** What was ever taken in, counted in lines since the state directory began. */
export interface Head {
  /** Sequence of the newest record. */
  readonly sequence: number;
  readonly stored: number;
  readonly refused: number;
  readonly lost: number;
}

export interface RecordHeader extends Head {
  readonly time: bigint;
  readonly lines: number;
  readonly compressed: boolean;
  readonly payloadBytes: number;
}

export interface StoredRecord extends RecordHeader {
  readonly body: Buffer;
}

/** A stretch of a segment: a sound record, or bytes that hold none. */
export type Piece =
  | { readonly record: StoredRecord; readonly start: number; readonly end: number }
  | { readonly record: undefined; readonly start: number; readonly end: number };

export const HEADER_BYTES = 64;

const MAGIC = Buffer.from('VZR1', 'latin1');
const GZIP_FLAG = 1;
const WORTH_PACKING_BYTES = 1024;
const WORTH_PACKING_RATIO = 0.9;

const gzipAsync = promisify(gzip) as (bytes: Uint8Array, options: object) => Promise<Buffer>;
const gunzipAsync = promisify(gunzip) as (bytes: Uint8Array, options: object) => Promise<Buffer>;

/** The newer of two, number by number. */
export function furthest(a: Head, b: Head): Head {
  return {
    sequence: Math.max(a.sequence, b.sequence),
    stored: Math.max(a.stored, b.stored),
    refused: Math.max(a.refused, b.refused),
    lost: Math.max(a.lost, b.lost),
  };
}

/** A payload as it is stored. */
export interface Packed {
  readonly body: Uint8Array;
  readonly compressed: boolean;
}

/** The body for a payload: gzip, off the main thread, where that makes it smaller. */
export async function pack(payload: Uint8Array): Promise<Packed> {
  if (payload.length >= WORTH_PACKING_BYTES) {
    // Large chunks: zlib comes back to the main thread after each.
    const packed = await gzipAsync(payload, { level: 1, chunkSize: Math.max(1024, payload.length / 4) });
    if (packed.length < payload.length * WORTH_PACKING_RATIO) return { body: packed, compressed: true };
  }
  return { body: payload, compressed: false };
}

export async function unpack(record: StoredRecord): Promise<Buffer> {
  if (!record.compressed) return record.body;
  // One byte more than needed: a chunk filled to the brim makes zlib ask for a second one.
  return gunzipAsync(record.body, { chunkSize: Math.max(64, record.payloadBytes + 1) });
}

/** Header and body in one buffer of just their length, so that a record is one write. */
export function encode(
  header: RecordHeader,
  body: Uint8Array,
  bytes: Buffer = Buffer.allocUnsafe(HEADER_BYTES + body.length),
): Buffer {
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(crc32(body), 8);
  bytes.writeUInt32LE(body.length, 12);
  bytes.writeUInt32LE(header.payloadBytes, 16);
  bytes.writeUInt32LE(header.lines, 20);
  bytes.writeUInt16LE(header.compressed ? GZIP_FLAG : 0, 24);
  bytes.writeUIntLE(header.sequence, 26, 6);
  bytes.writeBigInt64LE(header.time, 32);
  bytes.writeBigUInt64LE(BigInt(header.stored), 40);
  bytes.writeBigUInt64LE(BigInt(header.refused), 48);
  bytes.writeBigUInt64LE(BigInt(header.lost), 56);
  bytes.writeUInt32LE(crc32(bytes.subarray(8, HEADER_BYTES)), 4);
  bytes.set(body, HEADER_BYTES);
  return bytes;
}

/** The piece that begins at `start`; undefined at the end of `bytes`, which reach to the segment's end. */
export function pieceAt(bytes: Buffer, start: number): Piece | undefined {
  if (start >= bytes.length) return undefined;
  if (!headerIsSound(bytes, start)) {
    return { record: undefined, start, end: nextHeader(bytes, start + 1) };
  }
  const bodyStart = start + HEADER_BYTES;
  const end = bodyStart + bytes.readUInt32LE(start + 12);
  if (end > bytes.length) return { record: undefined, start, end: nextHeader(bytes, bodyStart) };
  const body = bytes.subarray(bodyStart, end);
  if (crc32(body) !== bytes.readUInt32LE(start + 8)) return { record: undefined, start, end };
  return { record: { ...decodeHeader(bytes, start), body }, start, end };
}

/** The header alone, for one who needs no body; undefined where it is not sound. */
export function headerAt(bytes: Buffer, start: number): RecordHeader | undefined {
  return headerIsSound(bytes, start) ? decodeHeader(bytes, start) : undefined;
}

function decodeHeader(bytes: Buffer, start: number): RecordHeader {
  return {
    sequence: bytes.readUIntLE(start + 26, 6),
    time: bytes.readBigInt64LE(start + 32),
    lines: bytes.readUInt32LE(start + 20),
    stored: Number(bytes.readBigUInt64LE(start + 40)),
    refused: Number(bytes.readBigUInt64LE(start + 48)),
    lost: Number(bytes.readBigUInt64LE(start + 56)),
    compressed: (bytes.readUInt16LE(start + 24) & GZIP_FLAG) !== 0,
    payloadBytes: bytes.readUInt32LE(start + 16),
  };
}

function headerIsSound(bytes: Buffer, start: number): boolean {
  return (
    start + HEADER_BYTES <= bytes.length &&
    bytes.compare(MAGIC, 0, MAGIC.length, start, start + MAGIC.length) === 0 &&
    bytes.readUInt32LE(start + 4) === crc32(bytes.subarray(start + 8, start + HEADER_BYTES))
  );
}

/** Where the next sound header begins; the end of `bytes` where none does. */
function nextHeader(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(MAGIC, from); at !== -1; at = bytes.indexOf(MAGIC, at + 1)) {
    if (headerIsSound(bytes, at)) return at;
  }
  return bytes.length;
}
