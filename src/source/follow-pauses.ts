import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Looks follow each other no faster than this, in ms, however busily a file is written. */
const SHORTEST_MS = 10;

/**
 * The pauses between two looks at a file. A change in its directory shortens one where the system tells of
 * changes; where it does not, as on a network file system, nothing but time is lost. All end at `stop`.
 */
export class Pauses {
  readonly #file: string;
  readonly #pollMs: number;
  readonly #stop: AbortSignal;
  #watcher: FSWatcher | undefined;
  #closed = false;
  #hinted = false;
  #wake = () => {};

  constructor(file: string, pollMs: number, stop: AbortSignal) {
    this.#file = file;
    this.#pollMs = pollMs;
    this.#stop = stop;
  }

  /** Until it is time for the next look. */
  async next(): Promise<void> {
    this.#watch();
    const shortest = Math.min(SHORTEST_MS, this.#pollMs);
    await this.#wait(shortest);
    if (!this.#hinted) await this.#wait(this.#pollMs - shortest, true);
    this.#hinted = false;
  }

  /** One whole interval, whatever is hinted. */
  async whole(): Promise<void> {
    await this.#wait(this.#pollMs);
  }

  /** Watches no longer. */
  close(): void {
    this.#closed = true;
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #wait(ms: number, hints = false): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#stop.removeEventListener('abort', done);
        this.#wake = () => {};
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#stop.addEventListener('abort', done);
      if (hints) this.#wake = done;
      if (this.#stop.aborted) done();
    });
  }

  /** The directory and not the file, for that one is replaced. It may be missing yet: tried at each pause. */
  #watch(): void {
    if (this.#watcher !== undefined || this.#closed) return;
    try {
      const name = basename(this.#file);
      this.#watcher = watch(dirname(this.#file), (_, changed) => {
        if (changed !== null && changed !== name) return;
        this.#hinted = true;
        this.#wake();
      });
      this.#watcher.on('error', () => this.close());
      // What happened before it was watched is seen by a look at once.
      this.#hinted = true;
    } catch {
      // It is a mere hint.
    }
  }
}
