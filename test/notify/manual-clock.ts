import type { Clock } from '../../src/notify/clock.js';
import { until } from '../until.js';

/** A clock that stands still until it is advanced. */
export class ManualClock implements Clock {
  #now: number;
  readonly #waiting = new Map<object, { readonly at: number; readonly end: () => void }>();

  constructor(now = Date.UTC(2026, 10, 22, 8)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const token = {};
      const end = () => {
        this.#waiting.delete(token);
        signal.removeEventListener('abort', end);
        resolve();
      };
      this.#waiting.set(token, { at: this.#now + ms, end });
      if (signal.aborted) end();
      else signal.addEventListener('abort', end);
    });
  }

  /** How many wait: as many as there are groups, while nothing is on its way. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** So many wait, and nobody's time has come. */
  async quiet(groups = 1): Promise<void> {
    await until('nothing is on its way', async () => {
      const seen = this.waiting;
      await new Promise((resolve) => setTimeout(resolve, 5));
      return seen === groups && this.waiting === groups;
    });
  }

  /** The wall clock is set; who waits goes on waiting. */
  set(now: number): void {
    const by = now - this.#now;
    this.#now = now;
    for (const [token, { at, end }] of this.#waiting) this.#waiting.set(token, { at: at + by, end });
  }

  /** Passes the time, each waiter at its moment. */
  async advance(ms: number, groups = 1): Promise<void> {
    const target = this.#now + ms;
    while (true) {
      await this.quiet(groups);
      const next = Math.min(...[...this.#waiting.values()].map(({ at }) => at));
      if (next > target) break;
      this.#now = Math.max(this.#now, next);
      for (const { at, end } of [...this.#waiting.values()]) if (at <= this.#now) end();
    }
    this.#now = target;
  }
}
