import { isDeepStrictEqual } from 'node:util';
import type { Definition } from './definition.js';
import { readDefinition } from './definition-file.js';
import { VisualizerError } from './errors.js';
import type { Log } from './log.js';

/** Reads the definition again when it is asked to; a bad one is refused with its mistakes, and the old one stays. */
export class Reloads {
  readonly #file: string;
  readonly #inForce: () => Definition;
  readonly #log: Log;
  #next: Definition | undefined;
  #announced = new AbortController();

  constructor(file: string, inForce: () => Definition, log: Log) {
    this.#file = file;
    this.#inForce = inForce;
    this.#log = log;
  }

  /** Aborted when there is a new definition to {@link take}; another signal after that. */
  get signal(): AbortSignal {
    return this.#announced.signal;
  }

  read(): void {
    try {
      const next = readDefinition(this.#file);
      const old = this.#next ?? this.#inForce();
      if (next.name !== old.name) throw otherName(old.name, next.name);
      if (isDeepStrictEqual(next, old)) {
        this.#log.info({ file: this.#file }, 'The definition was read again: nothing has changed');
        return;
      }
      this.#next = next;
      this.#announced.abort();
    } catch (error) {
      if (!(error instanceof VisualizerError)) throw error;
      this.#log.error(`The definition is not taken, the old one stays: ${error.message}`);
    }
  }

  /** The newest definition, where one was read since the last time. */
  take(): Definition | undefined {
    const next = this.#next;
    this.#next = undefined;
    if (next !== undefined) this.#announced = new AbortController();
    return next;
  }
}

function otherName(old: string, name: string): VisualizerError {
  const text = `name: ${JSON.stringify(name)} is another sensor than ${JSON.stringify(old)}; stop the run and start one for it.`;
  return new VisualizerError('BAD_DEFINITION', text);
}
