import { Recent } from '../../src/local/recent.js';
import { type Page, type PageOptions, startPage } from '../../src/local/server.js';
import type { Counters, Metric } from '../../src/local/wire.js';
import type { Reading } from '../../src/reading.js';

export const DEFINITION = {
  name: 'demo',
  metrics: [
    { name: 'cpu_load', type: 'float', kind: 'gauge', unit: 'cores' },
    { name: 'random_value', type: 'integer', kind: 'random' },
    { name: 'counter', type: 'integer', kind: 'counter' },
  ] satisfies Metric[],
};

/** The built page, as `npm run build` leaves it. */
export const ASSETS = new URL('../../dist/local/page/', import.meta.url);

/** A run as the page sees it: what the test feeds is what it has read. */
export class FakeRun {
  readonly recent: Recent;
  readonly warnings: string[] = [];
  readonly errors: string[] = [];
  counters: Counters = {
    read: 0,
    stored: 0,
    queued: 0,
    rejected: 0,
    dropped: 0,
    errors: 0,
    defects: 0,
    restarts: 0,
  };
  /** How often the page asked for the counters. */
  asked = 0;
  readonly #definition: PageOptions['definition'];

  constructor(definition: PageOptions['definition'] = DEFINITION) {
    this.#definition = definition;
    this.recent = new Recent(definition);
  }

  start(options: Partial<PageOptions> & Pick<PageOptions, 'assets'>): Promise<Page> {
    return startPage({
      port: 0,
      definition: this.#definition,
      env: 'lab',
      destination: 'embedded store',
      recent: this.recent,
      counters: () => {
        this.asked += 1;
        return this.counters;
      },
      log: {
        warn: (_, message) => this.warnings.push(message),
        error: (_, message) => this.errors.push(message),
      },
      tickMs: 50,
      ...options,
    });
  }

  feed(readings: readonly Reading[]): void {
    const { read, stored, defects } = this.counters;
    this.counters = {
      ...this.counters,
      read: read + readings.length,
      stored: stored + readings.length,
      defects: defects + readings.filter((reading) => reading.defect).length,
    };
    this.recent.add({ readings });
  }
}

export function reading(ms: number, values: Reading['values'], defect = false): Reading {
  return { timestamp: BigInt(ms) * 1_000_000n, values, defect };
}

/** One line a second up to now, like the bundled sensor's; every 60th is the defect. */
export function history(seconds: number, now = Date.now()): Reading[] {
  return Array.from({ length: seconds }, (_, index) => {
    const ms = now - (seconds - 1 - index) * 1_000;
    if (index % 60 === 59) return reading(ms, [0, 0n, 0n], true);
    const random = 4_000_000n + BigInt((index * 7_919_993) % 4_000_000);
    return reading(ms, [7.5 + 2.5 * Math.sin(index / 50), random, BigInt(index + 1)]);
  });
}
