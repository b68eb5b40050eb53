/** What is asked for, in whole buckets that are aligned to the epoch: `to` is where the last one ends. All in ms. */
export interface Buckets {
  readonly from: number;
  readonly to: number;
  readonly every: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Widths whose limits people expect. */
const WIDTHS = [
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 7, 14, 30, 90, 365].map((count) => count * DAY),
];

/** A clock is never exact: so much closer than the sensor's lines may buckets be. */
const SLACK = 1.25;

/**
 * The narrowest buckets of which at most `points` cover the range, but not narrower than the sensor's lines are
 * apart, or every other one would be empty.
 */
export function bucketsOf(from: number, to: number, points: number, distanceMs: number): Buckets {
  let every = WIDTHS.find((width) => width * SLACK >= distanceMs && countOf(from, to, width) <= points);
  for (every ??= WIDTHS.at(-1) as number; countOf(from, to, every) > points; every *= 2);
  return { from: Math.floor(from / every) * every, to: Math.ceil(to / every) * every, every };
}

function countOf(from: number, to: number, every: number): number {
  return Math.ceil(to / every) - Math.floor(from / every);
}

/** The start of each bucket. */
export function startsOf({ from, to, every }: Buckets): number[] {
  return Array.from({ length: (to - from) / every }, (_, index) => from + index * every);
}
