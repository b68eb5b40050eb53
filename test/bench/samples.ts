/** What was measured: for each name a number a run. */
export class Samples {
  readonly numbers: Record<string, number[]> = {};
  /** Why a measurement could not be taken. */
  readonly skipped: Record<string, string> = {};
  failed = false;

  add(name: string, ...numbers: number[]): void {
    this.numbers[name] = [...(this.numbers[name] ?? []), ...numbers];
  }

  /** A measurement went wrong: what others found is told all the same. */
  fail(measurement: string, error: unknown): void {
    this.failed = true;
    this.skip(measurement, error instanceof Error ? error.message : String(error));
  }

  skip(measurement: string, reason: string): void {
    this.skipped[measurement] = reason;
  }
}

/** The smallest number that is not below this share of them: 0.5 is the median, 1 the largest. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
