import type { Severity } from '../definition.js';

/** When a group of alerts is told, in ms. */
export interface Timing {
  /** From the first change to its message, so that what belongs together is told together. */
  readonly waitMs: number;
  /** The shortest time between two messages: an alert that flaps cannot be louder. */
  readonly intervalMs: number;
  /** While something fires it is told again this often. */
  readonly repeatMs: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** People get one message for all that a sensor has at a time: a fault seldom sets off one alert only. */
export const PEOPLE_TIMING: Record<Severity, Timing> = {
  critical: { waitMs: 10_000, intervalMs: MINUTE, repeatMs: HOUR },
  warning: { waitMs: 30_000, intervalMs: 5 * MINUTE, repeatMs: 4 * HOUR },
  info: { waitMs: MINUTE, intervalMs: 10 * MINUTE, repeatMs: 24 * HOUR },
};

/** An Alertmanager groups and waits itself, and forgets what it is not told again. */
export const ALERTMANAGER_TIMING: Timing = { waitMs: 0, intervalMs: 0, repeatMs: MINUTE };
