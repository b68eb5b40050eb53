import type { ErrorCode } from '../errors.js';

/** What a check has found out about one subject. */
export interface Finding {
  /** A word or two: `sensor`, `clock`. */
  readonly subject: string;
  /** `warn`: a run would start, and may disappoint. `fail`: it would not start, or nothing would arrive. */
  readonly level: 'ok' | 'warn' | 'fail';
  readonly reason: string;
  /** What to show below it: the lines of a sensor, the mistakes of a file. */
  readonly details?: readonly string[] | undefined;
  /** The exact thing to do; all that is not `ok` has one. */
  readonly remedy?: string | undefined;
  /** How a `fail` ends the process. */
  readonly code?: FailureCode | undefined;
}

/**
 * Of several failures the one that comes first in a run decides the exit code: a wrong setting or definition, the
 * state directory, the sensor, and only then the server. One that refuses is there, so that goes before one that is not.
 */
export const FAILURE_CODES = [
  'BAD_SETTING',
  'BAD_DEFINITION',
  'STATE_UNUSABLE',
  'SENSOR_NOT_RUNNABLE',
  'SERVER_REFUSED',
  'SERVER_UNREACHABLE',
] as const satisfies ErrorCode[];

export type FailureCode = (typeof FAILURE_CODES)[number];

export function ok(subject: string, reason: string, details?: readonly string[]): Finding {
  return { subject, level: 'ok', reason, details };
}

export function warn(subject: string, reason: string, remedy: string, details?: readonly string[]): Finding {
  return { subject, level: 'warn', reason, remedy, details };
}

export function fail(
  subject: string,
  code: FailureCode,
  reason: string,
  remedy: string,
  details?: readonly string[],
): Finding {
  return { subject, level: 'fail', code, reason, remedy, details };
}
