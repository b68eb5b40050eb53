import type { Log } from '../log.js';
import { formatDuration } from '../quantity.js';
import type { StderrLog } from './stderr-log.js';

export interface RestartsOptions {
  readonly executable: string;
  readonly log: Log;
  readonly stderr: StderrLog;
  /** First and longest wait before a restart, in ms. */
  readonly backOffMs: readonly [number, number];
}

/** A sensor that ran this long is healthy: the next restart waits as little as the first. */
const HEALTHY_MS = 60_000;
/** So many ends in a row, none of them after a time of health, are a crash loop. */
const LOOP = 3;
/** While a crash loop goes on, it is mentioned this often. */
const SUMMARY_MS = 15 * 60_000;

/**
 * Knows how the last starts of a sensor went: how long to wait before the next one (full back-off with jitter), and
 * what to say. A crash loop is said once, with what the sensor said last, and once when it is over.
 */
export class Restarts {
  readonly #options: RestartsOptions;
  #wait: number;
  #inARow = 0;
  #saidAt = 0;

  constructor(options: RestartsOptions) {
    this.#options = options;
    this.#wait = options.backOffMs[0];
  }

  /** To be told now and then how long the sensor has been running, in ms. */
  runsFor(ranMs: number): void {
    if (ranMs < HEALTHY_MS || this.#inARow === 0) return;
    const { executable, log, stderr, backOffMs } = this.#options;
    if (this.#inARow >= LOOP) {
      const text = `The sensor has been running for ${formatDuration(HEALTHY_MS)} again`;
      log.info({ executable, starts: this.#inARow }, text);
    }
    stderr.unmute();
    this.#inARow = 0;
    this.#wait = backOffMs[0];
  }

  /** Says that the sensor `ended` after this time. Returns how long to wait before it is started again, in ms. */
  next(ended: string, ranMs: number): number {
    this.runsFor(ranMs);
    const wait = this.#wait * (0.5 + Math.random() / 2);
    this.#wait = Math.min(this.#wait * 2, this.#options.backOffMs[1]);
    this.#inARow += 1;
    this.#say(ended, wait);
    return wait;
  }

  #say(ended: string, wait: number): void {
    const { executable, log, stderr, backOffMs } = this.#options;
    const now = performance.now();
    if (this.#inARow < LOOP) {
      const pause = formatDuration(Math.max(100, Math.round(wait / 100) * 100));
      log.warn({ executable }, `The sensor ${ended}; starting it again in ${pause}`);
    } else if (this.#inARow === LOOP || now - this.#saidAt >= SUMMARY_MS) {
      const longest = formatDuration(backOffMs[1]);
      const text = `The sensor does not stay up: it ${ended}, ${this.#inARow} times in a row; it is started again at least every ${longest}, without a word each time`;
      log.error({ executable, stderr: stderr.newest }, text);
      this.#saidAt = now;
    }
    if (this.#inARow >= LOOP) stderr.muteKnown();
  }
}
