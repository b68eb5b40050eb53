import { seeded } from '../seeded.js';

/**
 * Fuzz tests: what is tried is drawn by lot, from a seed that is printed when a case fails.
 *
 *     FUZZ_SEED=123 FUZZ_CASES=1 npx vitest run test/fuzz/...      that very case again
 *     FUZZ_CASES=20000000 npx vitest run test/fuzz                 a night of it
 *
 * FUZZ_CASES is how many are tried by all fuzz tests together: a million in CI, fewer at a desk.
 */
const CASES = Number(process.env.FUZZ_CASES ?? (process.env.CI ? 1_000_000 : 50_000));
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000_000);

/** Time for all cases of one test. */
export const FUZZ_TIMEOUT_MS = Math.max(60_000, CASES);

/** Draws by lot. */
export class Lot {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  /** A whole number from 0 up to, but not with, `end`. */
  below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  one<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  times<T>(count: number, make: (index: number) => T): T[] {
    return Array.from({ length: count }, (_, index) => make(index));
  }

  bytes(length: number): Buffer {
    return Buffer.from(this.times(length, () => this.below(256)));
  }
}

/** Tries this share of all cases, at least one; the first that throws ends it, and tells how to try it again. */
export async function fuzz(share: number, tryOne: (lot: Lot) => void | Promise<void>): Promise<void> {
  const cases = Math.max(1, Math.round(CASES * share));
  for (let index = 0; index < cases; index += 1) {
    const seed = SEED + index;
    try {
      const done = tryOne(new Lot(seed));
      if (done !== undefined) await done;
    } catch (cause) {
      throw new Error(`case ${index + 1} of ${cases}; again with FUZZ_SEED=${seed} FUZZ_CASES=1`, { cause });
    }
  }
}
