import type { DestinationState } from './destination.js';
import type { Ledger } from './ledger.js';

export interface Status {
  readonly counters: Ledger['counters'];
  readonly state: DestinationState;
  readonly elapsedMs: number;
  /** Lines read in a second, lately: see {@link Rate}. */
  readonly rate: number;
}

const GREEN = 32;
const YELLOW = 33;
const RED = 31;

const COLOURS: Record<DestinationState, number> = {
  connecting: YELLOW,
  online: GREEN,
  offline: YELLOW,
  held: RED,
  recording: GREEN,
  failing: RED,
};

/** A running recording in one line; colours only repeat what the words say. What is lost is told once there is any. */
export function statusLine({ counters, state, elapsedMs, rate }: Status, colour: boolean): string {
  const paint = (code: number | undefined, text: string) =>
    colour && code !== undefined ? `\u001b[${code}m${text}\u001b[39m` : text;
  const count = (name: 'queued' | 'defects') => `${name} ${compact(counters[name])}`;
  const trouble = (name: 'errors' | 'restarts' | 'rejected' | 'dropped') =>
    paint(counters[name] > 0 ? RED : undefined, `${name} ${compact(counters[name])}`);
  const mishaps = (['restarts', 'rejected', 'dropped'] as const).filter((name) => counters[name] > 0);
  return [
    elapsed(elapsedMs),
    paint(COLOURS[state], state),
    `${rate < 99.95 ? rate.toFixed(1) : compact(Math.round(rate))} lines/s`,
    count('queued'),
    trouble('errors'),
    count('defects'),
    ...mishaps.map(trouble),
  ].join('  ');
}

/** `00:12:43`, and from the second day on `1d 00:12:43`. */
function elapsed(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1_000);
  const days = Math.floor(seconds / 86_400);
  const parts = [Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  const clock = parts.map((part) => String(part).padStart(2, '0')).join(':');
  return days > 0 ? `${days}d ${clock}` : clock;
}

const UNITS = ['k', 'M', 'G', 'T'];

/** A whole number in at most five characters: 999, 1.0k, 12.3k, 123k, 1.2M. */
function compact(count: number): string {
  if (count < 1_000) return String(count);
  for (const [index, unit] of UNITS.entries()) {
    const scaled = count / 1_000 ** (index + 1);
    const text = scaled.toFixed(scaled < 99.95 ? 1 : 0);
    if (Number(text) < 1_000) return text + unit;
  }
  return count.toExponential(1);
}

const WINDOW_MS = 5_000;
/** Less than that tells nothing at the beginning. */
const SHORT_MS = 1_000;

/**
 * How fast a total grows, over the last seconds; over the last two steps where those are farther apart. It is
 * measured from step to step, so that one line each second is a steady 1.0, and is 0 soon after the last step.
 */
export class Rate {
  /** When the total was first seen as it is, oldest first. */
  readonly #steps: Step[] = [];
  #begun = false;

  /** To be asked as often as one likes, with the total of that moment. */
  observe(total: number, now = performance.now()): number {
    if (this.#steps.at(-1)?.total !== total) this.#step({ at: now, total });
    while (firstIsOver(this.#steps, now)) this.#steps.shift();
    const first = this.#steps[0] ?? { at: now, total };
    const newest = this.#steps.at(-1) ?? first;
    const span = newest.at - first.at;
    const gap = span / Math.max(1, this.#steps.length - 1);
    const silence = now - newest.at;
    if (span < (this.#begun ? 1 : SHORT_MS) || silence > Math.max(WINDOW_MS, 2 * gap)) return 0;
    return Math.max(0, (1_000 * (newest.total - first.total)) / (span + Math.max(0, silence - gap)));
  }

  /** What is seen first was there for an unknown time: it serves only until there are two steps after it. */
  #step(step: Step): void {
    if (!this.#begun && this.#steps.length === 2) {
      this.#steps.shift();
      this.#begun = true;
    }
    this.#steps.push(step);
  }
}

interface Step {
  readonly at: number;
  readonly total: number;
}

/** It is too long ago, or a pause lies between it and the next ones. */
function firstIsOver([first, second, third]: readonly Step[], now: number): boolean {
  if (first === undefined || second === undefined || third === undefined) return false;
  const pause = second.at - first.at;
  return second.at <= now - WINDOW_MS || (pause > WINDOW_MS && pause > 2 * (third.at - second.at));
}
