/** How numbers, times and durations are written. The grouping and decimal signs are the reader's own. */
import type { Metric } from '../wire.js';

const integers = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const clockMinutes = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

export function formatCount(count: number): string {
  return integers.format(count);
}

export function formatTime(ms: number): string {
  return clock.format(ms);
}

export function formatMinute(ms: number): string {
  return clockMinutes.format(ms);
}

/** One age, as coarse as is useful: `12 s`, `3 min`, `2 h`. */
export function formatAge(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3_600)} h`;
}

/** A value as the sensor gave it: integers to the last of their 64 bits. */
export function formatLatest(text: string, metric: Metric): string {
  return metric.type === 'integer' ? integers.format(BigInt(text)) : formatFloat(Number(text));
}

/** A mean or bound: as many decimals at one order of magnitude, so that the figure does not jump about. */
export function formatFloat(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e12 || (size !== 0 && size < 1e-3)) {
    return format(value, SCIENTIFIC);
  }
  const decimals =
    size >= 100_000 ? 0 : size >= 1_000 ? 1 : size >= 100 ? 2 : size >= 1 || size === 0 ? 3 : 5;
  return format(value, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** Labels of an axis whose ticks are `step` apart: no more decimals than tell them apart, large ones in SI units. */
export function formatTicks(ticks: readonly number[], step: number): string[] {
  const largest = Math.max(...ticks.map(Math.abs));
  if (largest >= 1e15 || (largest !== 0 && largest < 1e-4)) {
    return ticks.map((tick) => (tick === 0 ? '0' : format(tick, SCIENTIFIC)));
  }
  const [unit, suffix] = SI_UNITS.find(
    ([size]) => largest >= Math.max(size, 10_000) && step >= size / 100,
  ) ?? [1, ''];
  const decimals = Math.max(0, -Math.floor(Math.log10(step / unit) + 1e-9));
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return ticks.map((tick) => format(tick / unit, digits) + (tick === 0 ? '' : suffix));
}

const SCIENTIFIC: Intl.NumberFormatOptions = { notation: 'scientific', maximumFractionDigits: 3 };

const SI_UNITS: readonly [number, string][] = [
  [1e12, ' T'],
  [1e9, ' G'],
  [1e6, ' M'],
  [1e3, ' k'],
];

function format(value: number, options: Intl.NumberFormatOptions): string {
  return new Intl.NumberFormat(undefined, options).format(value);
}
