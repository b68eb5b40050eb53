import type { Definition } from '../definition.js';
import { formatDuration } from '../quantity.js';
import { namesNoInterpreter, whyNotRunnable } from '../source/not-runnable.js';
import { type ProcessEnd, SensorProcess } from '../source/sensor-process.js';
import { type Finding, fail, warn } from './finding.js';
import { firstLines, judge, LISTEN_MS, LONGEST_SHOWN, lastLine } from './first-lines.js';

export interface SensorOptions {
  readonly executable: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** Without one the lines are shown as they come. */
  readonly definition: Definition | undefined;
  readonly maxLineBytes: number;
  /** 0: it may be silent. */
  readonly silenceMs: number;
  readonly killAfterMs: number;
  readonly stop: AbortSignal;
}

/** Nor does anybody wait longer for the sensor to end then. */
const LONGEST_KILL_MS = 5_000;

/** Runs the sensor for a few lines, and shows them as they are understood. */
export async function checkSensor(options: SensorOptions): Promise<Finding> {
  const { executable, args, environment, silenceMs, maxLineBytes } = options;
  const listenMs = silenceMs === 0 ? LISTEN_MS : Math.min(silenceMs, LISTEN_MS);
  const sensor = new SensorProcess({ executable, args, environment });
  const enough = AbortSignal.any([options.stop, AbortSignal.timeout(listenMs)]);
  let stopped = false;
  const stop = () => {
    if (!stopped) void sensor.stop(Math.min(options.killAfterMs, LONGEST_KILL_MS), () => {});
    stopped = true;
  };
  enough.addEventListener('abort', stop, { once: true });
  try {
    const said = lastLine(sensor.stderr(), maxLineBytes);
    const lines = await firstLines(sensor.stdout(), maxLineBytes, stop);
    const words = await said;
    const end = await sensor.end();
    if (end.spawnFailure !== undefined) return notRunnable(executable, end.spawnFailure);
    if (lines.length > 0) return judge(executable, lines, options.definition);
    return stopped ? silent(executable, options) : endedSilently(executable, end, words);
  } finally {
    enough.removeEventListener('abort', stop);
    sensor.release();
  }
}

function notRunnable(executable: string, cause: Error): Finding {
  const why = whyNotRunnable(executable, cause);
  const [reason = why, advice] = why.split(/; try: /);
  return fail(
    'sensor',
    'SENSOR_NOT_RUNNABLE',
    `${executable} cannot be started: ${reason}`,
    advice ?? 'mend it, or name another one with --path-executable',
  );
}

function endedSilently(executable: string, { code, signal }: ProcessEnd, words: string | undefined): Finding {
  const end = signal === undefined ? `exit code ${code}` : signal;
  const byHand = `run it by hand, see what it says, and have it print a line for each reading: ${executable}`;
  return fail(
    'sensor',
    'SENSOR_NOT_RUNNABLE',
    `${executable} ended with ${end}, and printed no line`,
    namesNoInterpreter(executable) ? NO_INTERPRETER : byHand,
    words === undefined ? [] : [`its last words: ${words.slice(0, LONGEST_SHOWN)}`],
  );
}

const NO_INTERPRETER =
  'its first line names no interpreter, so that a shell was given it; begin it with one such as #!/usr/bin/env python3';

/** One that is slow is no fault as long as a run would wait for it. */
function silent(executable: string, { silenceMs }: SensorOptions): Finding {
  const flush = 'have it flush after each line (python3 -u, stdbuf -oL)';
  if (silenceMs > 0 && silenceMs <= LISTEN_MS) {
    const silence = formatDuration(silenceMs);
    return fail(
      'sensor',
      'SENSOR_NOT_RUNNABLE',
      `${executable} printed nothing for ${silence}, and would be started again and again`,
      `${flush}, or allow for its pace with --silence-timeout (now ${silence})`,
    );
  }
  const reason = `${executable} printed nothing for ${formatDuration(LISTEN_MS)}`;
  const allowed =
    silenceMs === 0
      ? 'it may be silent for ever (--silence-timeout 0)'
      : `a run starts it again after ${formatDuration(silenceMs)} (--silence-timeout)`;
  return warn('sensor', `${reason}; ${allowed}`, `unless it is meant to be slow, ${flush}`);
}
