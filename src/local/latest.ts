import type { Reading, Value } from '../reading.js';

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

  /** Those that are older than the newest one are left out. */
  add(readings: readonly Reading[]): void {
    for (const { timestamp, values, defect } of readings) {
      if (this.#newest !== undefined && timestamp <= this.#newest) continue;
      this.#newest = timestamp;
      if (!defect) this.#setValues(values);
    }
    const times = readings.slice(-LINES).map(({ timestamp }) => Number(timestamp) / 1e6);
    this.#times = [...this.#times, ...times].slice(-LINES);
  }

  #setValues(values: Reading['values']): void {
    for (let metric = 0; metric < this.#values.length; metric += 1) {
      const value = values[metric];
      if (value !== null && value !== undefined) this.#values[metric] = value;
    }
  }
}
