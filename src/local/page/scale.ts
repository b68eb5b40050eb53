/** The vertical scale of a chart: round bounds and round ticks, so that it stays still while the values move. */

export interface Scale {
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly ticks: readonly number[];
}

/** A round factor, and up to which rough one it is the nearest. */
const STEPS = [
  [1, 1.5],
  [2, 3.5],
  [5, 7.5],
  [10, 10],
] as const;
/** A span below this part of the values is noise of floating point, where ticks would no longer be distinct. */
const SMALLEST_SPAN = 1e-9;
const LARGEST = 1e300;

/** The nearest value that can be drawn: differences at the ends of the floats are infinite, or nothing. */
export function drawable(value: number): number {
  const bounded = Math.min(LARGEST, Math.max(-LARGEST, value));
  return Math.abs(bounded) < 1 / LARGEST ? 0 : bounded;
}

/** A scale that holds all of `low` to `high`, both drawable, with some air and in about `parts` steps. */
export function scaleFor(low: number, high: number, parts: number): Scale {
  const [from, to] = widened(low, high);
  const air = (to - from) * 0.02;
  const step = roundStep((to - from + 2 * air) / Math.max(1, parts));
  const airy = Math.floor((from - air) / step);
  const first = low >= 0 ? Math.max(0, airy) : airy;
  const last = Math.ceil((to + air) / step);
  const ticks: number[] = [];
  for (let index = first; index <= last; index += 1) ticks.push(at(index, step));
  return { min: at(first, step), max: at(last, step), step, ticks };
}

function widened(low: number, high: number): [number, number] {
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (high - low > size * SMALLEST_SPAN) return [low, high];
  const reach = size === 0 ? 1 : size * 0.05;
  return [low - reach, high + reach];
}

function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const [factor] = STEPS.find(([, upTo]) => rough <= upTo * power) ?? [10];
  return factor * power;
}

/** `index * step` without the dust of binary fractions: 0.3, not 0.30000000000000004. */
function at(index: number, step: number): number {
  return Number((index * step).toPrecision(12));
}
