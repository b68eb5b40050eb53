import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors.js';
import type { Log } from '../log.js';
import { TICK, withTicks } from '../ticks.js';
import { LineSplitter, type Lines, NO_LINES, textsOf } from './lines.js';
import { notRunnable, whyNotRunnable } from './not-runnable.js';
import type { RestartRequests } from './restart-requests.js';
import { Restarts } from './restarts.js';
import { type ProcessEnd, SensorProcess } from './sensor-process.js';
import type { SensorExit, SourceEvent } from './source.js';
import { StderrLog } from './stderr-log.js';
import { Watchdog, type WatchdogOptions } from './watchdog.js';

export interface SupervisorOptions extends WatchdogOptions {
  /** For the log. */
  readonly name: string;
  readonly executable: string;
  readonly args?: readonly string[];
  readonly restart: RestartPolicy;
  readonly maxLineBytes: number;
  /** From SIGTERM to SIGKILL, in ms. */
  readonly killAfterMs: number;
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Log;
  /** Others may have the sensor started again, unless the policy is `never`. */
  readonly requests?: RestartRequests;
  /** First and longest wait before a restart, in ms; 500 and 30,000 unless a test is in a hurry. */
  readonly backOffMs?: readonly [number, number];
}

export type RestartPolicy = 'always' | 'on-failure' | 'never';

/** How a process ended; `made` says why it was made to, where that was not at a stop. */
interface Outcome extends ProcessEnd {
  readonly made: string | undefined;
}

/**
 * Runs the sensor, again and again as the policy says, until `stop` is aborted; then the process group gets
 * SIGTERM, and SIGKILL after `killAfterMs`, and what it printed until then is still read. A sensor that hangs is
 * stopped in the same way and started again; where the policy is `never`, it is only told of.
 * @throws VisualizerError SENSOR_NOT_RUNNABLE when the very first start fails
 */
export async function* supervise(options: SupervisorOptions, stop: AbortSignal): AsyncGenerator<SourceEvent> {
  const { name: sensor, executable, maxLineBytes, log, backOffMs = [500, 30_000] } = options;
  const stderr = new StderrLog({ sensor, maxLineBytes, log });
  const restarts = new Restarts({ executable, log, stderr, backOffMs });
  for (let first = true; !stop.aborted; first = false) {
    const started = performance.now();
    const runsFor = () => performance.now() - started;
    const outcome = yield* runOnce(options, stderr, () => restarts.runsFor(runsFor()), stop);
    if (first && outcome.spawnFailure !== undefined) throw notRunnable(executable, outcome.spawnFailure);
    if (outcome.outlived) log.warn({ executable }, OUTLIVED);

    const exit = judge(outcome, options.restart, stop.aborted);
    yield { kind: 'exit', exit };
    if (!exit.restarts) {
      if (!exit.wanted) log.warn({ executable }, `The sensor ${endOf(outcome, executable)}`);
      return;
    }
    const wait = restarts.next(endOf(outcome, executable), runsFor());
    await delay(wait, undefined, { signal: stop }).catch(() => {});
  }
}

const OUTLIVED =
  'Something that the sensor has started talks on after its end, and is not listened to any more; a sensor must not put itself into the background';

/** One process from start to end, with all that it printed. */
async function* runOnce(
  options: SupervisorOptions,
  stderr: StderrLog,
  runs: () => void,
  stop: AbortSignal,
): AsyncGenerator<SourceEvent, Outcome> {
  const { executable, args = [], environment, killAfterMs, log } = options;
  const sensor = new SensorProcess({ executable, args, environment });
  const end = () =>
    void sensor.stop(killAfterMs, (error) => {
      const text = 'The sensor may not be signalled: it is left running';
      log.error({ executable, cause: messageOf(error) }, text);
    });
  if (stop.aborted) end();
  else stop.addEventListener('abort', end, { once: true });

  const errors = stderr.read(sensor.stderr());
  const splitter = new LineSplitter(options.maxLineBytes);
  const watchdog = new Watchdog(options);
  let made: string | undefined;
  const restart = (why: string) => {
    if (made !== undefined || stop.aborted) return;
    made = why;
    end();
  };
  const forget = options.restart === 'never' ? undefined : options.requests?.listen(restart);
  try {
    for await (const item of withTicks(sensor.stdout(), watchdog.lookMs)) {
      runs();
      const lines = item === TICK ? undefined : splitter.push(item);
      if (lines !== undefined) yield { kind: 'lines', lines };
      const wrong = lines === undefined ? watchdog.look() : watchdog.see(lines);
      if (wrong === undefined || made !== undefined || stop.aborted) continue;
      yield { kind: 'stuck' };
      if (options.restart !== 'never') restart(wrong);
      else log.warn({ executable }, `The sensor ${wrong}; it is not to be restarted`);
    }
    const outcome = { ...(await sensor.end()), made };
    yield { kind: 'lines', lines: lastLine(splitter.end(), outcome, stop.aborted) };
    await errors;
    return outcome;
  } finally {
    forget?.();
    stop.removeEventListener('abort', end);
    sensor.release();
  }
}

/** Half a number is a wrong one: what is unterminated is a line only where the sensor ended by itself. */
function lastLine(lines: Lines, { signal }: Outcome, stopped: boolean): Lines {
  if (signal === undefined) return lines;
  if (stopped) return { ...NO_LINES, refused: lines.refused };
  const reason = `cut off by ${signal}`;
  const cutOff = textsOf(lines).map((excerpt) => ({ reason, excerpt }));
  return { ...NO_LINES, refused: [...lines.refused, ...cutOff] };
}

function judge({ code, signal, made }: Outcome, policy: RestartPolicy, stopped: boolean): SensorExit {
  const failed = code !== 0 || made !== undefined;
  const restarts = !stopped && (policy === 'always' || (policy === 'on-failure' && failed));
  const done = policy !== 'always' && !failed;
  return { code, signal, wanted: stopped || done || made !== undefined, restarts };
}

function endOf({ code, signal, spawnFailure, made }: Outcome, executable: string): string {
  if (made !== undefined) return made;
  if (spawnFailure !== undefined) return `could not be started: ${whyNotRunnable(executable, spawnFailure)}`;
  return signal === undefined ? `ended with exit code ${code}` : `was ended by ${signal}`;
}
