import type { SensorExit, SourceEvent } from './source/source.js';

/**
 * A source's events, read in turns: who leaves leaves the event that he had asked for to the next reader, so that
 * a run can change hands without a line lost. It knows how long events had to wait, and how the sensor ended.
 */
export class Feed implements AsyncIterable<SourceEvent> {
  readonly #source: AsyncIterator<SourceEvent>;
  readonly #end: () => void;
  #next: Promise<IteratorResult<SourceEvent>> | undefined;
  /** The event that was asked for last is taken; otherwise it is left for whoever asks next. */
  #taken = true;
  #readyAt = 0;
  #blockedMs = 0;
  #exit: SensorExit | undefined;

  /** `end` makes the source end soon. */
  constructor(source: AsyncIterable<SourceEvent>, end: () => void) {
    this.#source = source[Symbol.asyncIterator]();
    this.#end = end;
  }

  /** How long the source had something to tell and nobody asked, in ms: the runner could not keep up. */
  get blockedMs(): number {
    return this.#blockedMs;
  }

  /** How the sensor ended the last time. */
  get exit(): SensorExit | undefined {
    return this.#exit;
  }

  [Symbol.asyncIterator](): AsyncIterator<SourceEvent> {
    return {
      next: () => this.#ask(),
      return: async () => {
        this.#taken = false;
        return { done: true, value: undefined };
      },
    };
  }

  /** Ends the source, and waits until it has let go of everything. */
  async close(): Promise<void> {
    this.#end();
    await this.#next?.catch(() => {});
    await this.#source.return?.();
  }

  #ask(): Promise<IteratorResult<SourceEvent>> {
    if (this.#next === undefined || this.#taken) this.#next = this.#read();
    this.#taken = true;
    return this.#next;
  }

  async #read(): Promise<IteratorResult<SourceEvent>> {
    if (this.#readyAt > 0) this.#blockedMs += performance.now() - this.#readyAt;
    const result = await this.#source.next();
    this.#readyAt = performance.now();
    if (!result.done && result.value.kind === 'exit') this.#exit = result.value.exit;
    return result;
  }
}
