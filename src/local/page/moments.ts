/** How times and durations are written, in the reader's own time zone. */
import type { Span } from './view.js';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const minute = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
const second = { ...minute, second: '2-digit' } as const;
const day = { day: 'numeric', month: 'short' } as const;

const seconds = new Intl.DateTimeFormat(undefined, second);
const minutes = new Intl.DateTimeFormat(undefined, minute);
const days = new Intl.DateTimeFormat(undefined, day);
const moments = new Intl.DateTimeFormat(undefined, { ...day, ...second });
const fullDays = new Intl.DateTimeFormat(undefined, { ...day, year: 'numeric' });

export function formatTime(ms: number): string {
  return seconds.format(ms);
}

export function formatMinute(ms: number): string {
  return minutes.format(ms);
}

export function formatDay(ms: number): string {
  return days.format(ms);
}

/** With its day where it is not today's. */
export function formatMoment(ms: number, now: number): string {
  return fullDays.format(ms) === fullDays.format(now) ? seconds.format(ms) : moments.format(ms);
}

/** `14:02:10 – 14:07:10`, with the days where they are not today's. */
export function formatSpan({ from, to }: Span, now: number): string {
  const sameDay = fullDays.format(from) === fullDays.format(to);
  return `${formatMoment(from, now)} – ${sameDay ? seconds.format(to) : formatMoment(to, now)}`;
}

/** One age, as coarse as is useful: `12 s`, `3 min`, `2 h`. */
export function formatAge(ms: number): string {
  const age = Math.max(0, ms);
  if (age < 2 * MINUTE) return `${Math.floor(age / 1_000)} s`;
  if (age < 2 * HOUR) return `${Math.floor(age / MINUTE)} min`;
  return age < 2 * DAY ? `${Math.floor(age / HOUR)} h` : `${Math.floor(age / DAY)} d`;
}

/** A length: `500 ms`, `10 s`, `1.5 min`, `24 h`, `7 d`. */
export function formatLength(ms: number): string {
  const [size, unit] = LENGTHS.find(([size]) => ms >= (size === DAY ? 2 * DAY : size)) ?? [1, 'ms'];
  return `${Number((ms / size).toFixed(ms / size < 10 ? 1 : 0))} ${unit}`;
}

const LENGTHS: readonly [number, string][] = [
  [DAY, 'd'],
  [HOUR, 'h'],
  [MINUTE, 'min'],
  [1_000, 's'],
];
