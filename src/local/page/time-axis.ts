/** Where a time axis is labelled: at round times of the reader's clock and calendar. */
import { DAY, formatDay, formatMinute, formatTime, HOUR, MINUTE } from './moments.js';

/** ms between labels; those of an hour or more follow the calendar, also where a day has 23 or 25 hours. */
export const STEPS: readonly number[] = [
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * 1_000),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14, 28, 91, 364].map((days) => days * DAY),
];

export function timesBetween(from: number, to: number, step: number): number[] {
  if (step < HOUR) {
    const first = Math.ceil(from / step);
    return Array.from(
      { length: Math.max(0, Math.floor(to / step) - first + 1) },
      (_, index) => (first + index) * step,
    );
  }
  const times: number[] = [];
  const at = new Date(from);
  at.setHours(0, 0, 0, 0);
  while (at.getTime() <= to) {
    if (at.getTime() >= from && (step <= DAY || dayNumber(at) % (step / DAY) === 0)) times.push(at.getTime());
    if (step >= DAY) at.setDate(at.getDate() + 1);
    else advance(at, step);
  }
  return times;
}

function dayNumber(at: Date): number {
  return Math.round((at.getTime() - at.getTimezoneOffset() * MINUTE) / DAY);
}

/** The first label of a day is its date. */
export function timeLabel(time: number, step: number): string {
  const at = new Date(time);
  const midnight = at.getHours() === 0 && at.getMinutes() === 0 && at.getSeconds() === 0;
  if (step >= DAY || midnight) return formatDay(time);
  return step < MINUTE ? formatTime(time) : formatMinute(time);
}

/** To the next multiple of the step within the day, or the next day. */
function advance(at: Date, step: number): void {
  const [before, hours] = [at.getTime(), step / HOUR];
  at.setHours(at.getHours() + hours - (at.getHours() % hours));
  if (at.getTime() <= before) at.setTime(before + HOUR);
}
