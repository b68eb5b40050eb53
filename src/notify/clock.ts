import { setTimeout as delay } from 'node:timers/promises';

/** The time that notifications go by; a test gives its own. */
export interface Clock {
  /** Wall clock in ms, since what is due outlives the process. */
  now(): number;
  /** Ends after `ms`, or early and without a word when `signal` is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

export const REAL_CLOCK: Clock = {
  now: Date.now,
  wait: (ms, signal) => delay(ms, undefined, { signal }).catch(() => {}),
};
