import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** A process or a server. */
interface Endable {
  end(): Promise<unknown>;
}

/** Where measuring happens: a temporary folder, and everything that was started there and has to be ended. */
export class Workbench {
  readonly folder: string;
  readonly #inUse = new Set<Endable>();
  #closing: Promise<void> | undefined;

  constructor(parent: string) {
    this.folder = mkdtempSync(join(parent, 'visualizer-bench-'));
  }

  /** Lends a folder for as long as the work takes. */
  async lend<T>(work: (folder: string) => Promise<T>): Promise<T> {
    const folder = mkdtempSync(join(this.folder, 'run-'));
    try {
      return await work(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Ends a thing when the work with it is over, or when all is over. */
  async using<T extends Endable, R>(thing: T, work: (thing: T) => Promise<R>): Promise<R> {
    this.#inUse.add(thing);
    try {
      return await work(thing);
    } finally {
      if (this.#inUse.delete(thing)) await thing.end();
    }
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const inUse = [...this.#inUse].reverse();
    this.#inUse.clear();
    for (const thing of inUse) await thing.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
