/** Memory for records that comes and goes: made anew for each, it would keep the garbage collector busy. */
export class Pool {
  /** What is given back, and of those never given back nothing. */
  readonly #free: Buffer[] = [];
  readonly #own = new WeakSet<ArrayBufferLike>();

  /** So many bytes of any content. */
  take(bytes: number): Buffer {
    const at = this.#free.findIndex(({ length }) => length >= bytes);
    const [found] = at === -1 ? [] : this.#free.splice(at, 1);
    return (found ?? this.#make(bytes)).subarray(0, bytes);
  }

  /** These bytes, where nobody overwrites them until they are given back. */
  keep(bytes: Buffer): Buffer {
    if (this.#own.has(bytes.buffer)) return bytes;
    if (bytes.length < SMALL) return Buffer.from(bytes);
    const kept = this.take(bytes.length);
    bytes.copy(kept);
    return kept;
  }

  /** Nobody looks at it any more. What is not of this pool is left alone. */
  give({ buffer }: Uint8Array): void {
    if (!this.#own.has(buffer)) return;
    this.#free.push(Buffer.from(buffer as ArrayBuffer));
    this.#free.sort((one, other) => one.length - other.length);
    // Small ones would be of use to nobody where large ones come and go.
    if (this.#free.length > MOST_FREE) this.#free.shift();
  }

  #make(bytes: number): Buffer {
    // A little more, since the next record will not be of just the same length.
    const made = Buffer.allocUnsafeSlow(Math.ceil(bytes * SPARE));
    this.#own.add(made.buffer);
    return made;
  }
}

/** So many are in use at once where readings come faster than they are sent. */
const MOST_FREE = 6;
/** Node.js has many so small ones in one piece of memory. */
const SMALL = 4096;
const SPARE = 1.25;
