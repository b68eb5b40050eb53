/**
 * Every way in which Visualizer ends or refuses, with its exit code (BSD `sysexits.h`, plus 1 for a
 * sensor that failed under `--restart never`). The codes are API: scripts match on them.
 */
export const EXIT_CODES = {
  SENSOR_FAILED: 1,
  BAD_USAGE: 64,
  BUFFER_DAMAGED: 65,
  SENSOR_NOT_RUNNABLE: 66,
  SERVER_UNREACHABLE: 69,
  STORE_UNAVAILABLE: 69,
  DELETE_UNSUPPORTED: 69,
  INTERNAL: 70,
  STATE_UNUSABLE: 73,
  ALREADY_RUNNING: 75,
  SERVER_REFUSED: 77,
  BAD_DEFINITION: 78,
  BAD_SETTING: 78,
  INTERRUPTED: 130,
} as const;

export type ErrorCode = keyof typeof EXIT_CODES;

/**
 * An error meant for the user: its message names the field or file, the value, what was expected and what
 * to do. Anything else that reaches the top is a fault of ours and ends with `INTERNAL`.
 */
export class VisualizerError extends Error {
  override readonly name = 'VisualizerError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  /** The process's exit code for this error. */
  get exitCode(): number {
    return EXIT_CODES[this.code];
  }
}

/** The message of whatever was thrown, for a log line or for wrapping. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The system error code (`ENOENT`, `ECONNREFUSED`, ...) of whatever was thrown, if it has one. */
export function systemCodeOf(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
