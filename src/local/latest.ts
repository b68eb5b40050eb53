import type { Value } from '../reading.js';
import type { Readings } from '../readings.js';

/** So many lines tell how far lines are apart. */
export const LINES = 33;

/** The newest reading: when it was, what each metric was then, and how far it was from those before it. */
export class Latest {
  #newest: bigint | undefined;
  readonly #values: (Value | null)[];
  /** Of the newest lines, in ms, the newest last. */
  #times: number[] = [];

  constructor(metrics: number) {
    this.#values = new Array(metrics).fill(null);
  }

  /** In ms; null before the first. */
  get newest(): number | null {
    return this.#newest === undefined ? null : Number(this.#newest / 1_000_000n);
  }

  /** As text, so that 64 bits survive JSON. */
  get values(): (string | null)[] {
    return this.#values.map((value) => (value === null ? null : String(value)));
  }

  /** The median of the distances between lines, in ms; 0 where fewer than three are known. */
  get distanceMs(): number {
    const distances = this.#times.slice(1).map((time, index) => time - (this.#times[index] as number));
    if (distances.length < 2) return 0;
    return distances.sort((one, other) => one - other)[Math.floor(distances.length / 2)] as number;
  }

  /** Takes up what is stored: the times of the newest lines in ns, the newest last, and each metric's last value. */
  recall(times: readonly bigint[], values: readonly (Value | null)[]): void {
    this.#newest = times.at(-1);
    this.#times = times.map((time) => Number(time) / 1e6);
    for (const [metric, value] of values.entries()) this.#values[metric] = value;
  }

  /** Where they are older than the newest one, they are left out. */
  add(readings: Readings): void {
    const last = readings.length - 1;
    if (last < 0 || (this.#newest !== undefined && readings.timestamp(last) <= this.#newest)) return;
    this.#newest = readings.timestamp(last);
    for (let metric = 0; metric < this.#values.length; metric += 1) this.#setValue(readings, metric);
    for (let row = Math.max(0, readings.length - LINES); row <= last; row += 1) {
      this.#times.push(Number(readings.timestamp(row)) / 1e6);
    }
    this.#times = this.#times.slice(-LINES);
  }

  /** The newest one that there is: not of a defect line, nor one that could not be cast. */
  #setValue(readings: Readings, metric: number): void {
    let row = readings.length - 1;
    while (row >= 0 && (readings.isDefect(row) || !readings.has(row, metric))) row -= 1;
    if (row >= 0) this.#values[metric] = readings.value(row, metric);
  }
}
