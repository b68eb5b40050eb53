/** How numbers are written. The grouping and decimal signs are the reader's own. */
import type { MetricAbout } from '../api.js';

const integers = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });

export function formatCount(count: number): string {
  return integers.format(count);
}

/** A value as the sensor gave it: integers to the last of their 64 bits. */
export function formatLatest(text: string, { type }: Pick<MetricAbout, 'type'>): string {
  return type === 'integer' && /^-?\d+$/.test(text)
    ? integers.format(BigInt(text))
    : formatFloat(Number(text));
}

/** A count or a value of an integer: whole where it is, however it came. */
export function formatNumber(value: number | string): string {
  if (typeof value === 'string') return formatLatest(value, { type: 'integer' });
  return Number.isSafeInteger(value) ? integers.format(value) : formatFloat(value);
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

/** A limit or an edge: no more digits than it has. */
export function formatShort(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6 && size < 1e15) {
    return format(value, { notation: 'compact', maximumFractionDigits: 2 }).replace(/(\D)$/, ' $1');
  }
  return size !== 0 && (size < 1e-3 || size >= 1e15)
    ? format(value, SCIENTIFIC)
    : format(value, { maximumFractionDigits: 3 });
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

/** Making a formatter is slow, and these are few. */
const formatters = new Map<string, Intl.NumberFormat>();

function format(value: number, options: Intl.NumberFormatOptions): string {
  const key = JSON.stringify(options);
  const known = formatters.get(key) ?? new Intl.NumberFormat(undefined, options);
  formatters.set(key, known);
  return known.format(value);
}
