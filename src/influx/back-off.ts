import { setTimeout as delay } from 'node:timers/promises';
import type { Verdict } from './verdict.js';

const SHORTEST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** A server may ask for patience, but not for ever. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** The waits between attempts. Each ends with the reason of `stop` once that is aborted. */
export class BackOff {
  readonly #shortest: number;
  readonly #longest: number;
  readonly #hurry = new AbortController();

  /** First and longest wait, in ms. */
  constructor([shortest, longest]: readonly [number, number] = [SHORTEST_WAIT_MS, LONGEST_WAIT_MS]) {
    this.#shortest = shortest;
    this.#longest = longest;
  }

  /** Says that the end is near: the wait at hand is cut short, and those to come are the shortest. */
  hurry(): void {
    this.#hurry.abort();
  }

  /** After the attempt of that number, the first being 1: with full jitter, or as long as the server asks for. */
  async after(verdict: Verdict, attempt: number, stop: AbortSignal): Promise<void> {
    await this.#pause(this.#waitMs(verdict, attempt), stop);
  }

  async longest(stop: AbortSignal): Promise<void> {
    await this.#pause(this.#longest, stop);
  }

  #waitMs(verdict: Verdict, attempt: number): number {
    if (verdict.kind === 'hold') return this.#longest * (0.5 + Math.random() / 2);
    const own = Math.random() * Math.min(this.#shortest * 2 ** (attempt - 1), this.#longest);
    const asked = verdict.kind === 'retry' ? (verdict.afterMs ?? 0) : 0;
    // Never shorter than our own: a server that asks for no time at all would be overrun.
    return Math.max(own, Math.min(asked, LONGEST_RETRY_AFTER_MS));
  }

  async #pause(ms: number, stop: AbortSignal): Promise<void> {
    if (this.#hurry.signal.aborted) {
      await delay(Math.min(ms, this.#shortest), undefined, { signal: stop });
    } else {
      const signal = AbortSignal.any([stop, this.#hurry.signal]);
      await delay(ms, undefined, { signal }).catch(() => stop.throwIfAborted());
    }
  }
}
