import { constants, openSync, writeSync } from 'node:fs';
import { systemCodeOf } from './errors.js';

/** What a stopped terminal may leave waiting; what comes then is not shown. */
const WAITING_BYTES = 2 ** 20;
const RETRY_MS = 50;
/** How long the process's end waits for a terminal that takes nothing. */
const PATIENCE_MS = 1_000;
const NOTHING = Buffer.alloc(0);

/** A file descriptor that is written to at once, in order, and without ever waiting or failing. */
export class TerminalOutput {
  readonly #fd: number;
  #waiting: Buffer = NOTHING;
  #retry: NodeJS.Timeout | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  get isStopped(): boolean {
    return this.#waiting.length > 0;
  }

  write(text: string): void {
    if (this.#waiting.length > WAITING_BYTES) return;
    this.#waiting = this.isStopped ? Buffer.concat([this.#waiting, Buffer.from(text)]) : Buffer.from(text);
    this.#retry ?? this.#flush();
  }

  /** At the process's end: waits for a while where nothing is taken. */
  finish(): void {
    clearTimeout(this.#retry);
    const until = performance.now() + PATIENCE_MS;
    for (this.#flush(); this.isStopped && performance.now() < until; this.#flush()) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }

  #flush(): void {
    this.#retry = undefined;
    try {
      while (this.isStopped) this.#waiting = this.#waiting.subarray(writeSync(this.#fd, this.#waiting));
    } catch (error) {
      if (systemCodeOf(error) === 'EAGAIN') {
        this.#retry = setTimeout(() => this.#flush(), RETRY_MS).unref();
      } else {
        this.#waiting = NOTHING;
      }
    }
  }
}

/**
 * The same terminal, opened anew: only so can it be written to without waiting, and without changing that for every
 * other program on it. It may belong to another user, after `su`; then it is waited for.
 */
export function ownDescriptor(fd: number): number {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return fd;
  }
}
