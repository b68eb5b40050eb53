import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, systemCodeOf, VisualizerError } from '../errors.js';
import type { Log } from '../log.js';
import { LineSplitter, type Lines } from './lines.js';
import { type ProcessEnd, SensorProcess } from './sensor-process.js';

/** What a source tells the intake: lines as they are read, and the end of a sensor process. */
export type SourceEvent =
  | { readonly kind: 'lines'; readonly lines: Lines }
  | { readonly kind: 'exit'; readonly exit: SensorExit };

/** How a sensor process ended. `wanted`: because it was stopped, or done and not to be restarted. */
export interface SensorExit {
  readonly code: number | undefined;
  readonly signal: string | undefined;
  readonly wanted: boolean;
  /** Whether another process follows. */
  readonly restarts: boolean;
}

export interface SupervisorOptions {
  readonly executable: string;
  readonly args?: readonly string[];
  readonly restart: RestartPolicy;
  readonly maxLineBytes: number;
  /** From SIGTERM to SIGKILL, in ms. */
  readonly killAfterMs: number;
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Log;
  /** First and longest wait before a restart, in ms; 500 and 30,000 unless a test is in a hurry. */
  readonly backOffMs?: readonly [number, number];
}

export type RestartPolicy = 'always' | 'on-failure' | 'never';

/** A sensor that ran this long is healthy: the next restart waits as little as the first. */
const HEALTHY_MS = 60_000;

/**
 * Runs the sensor, again and again as the policy says, until `stop` is aborted; then the process group gets
 * SIGTERM, and SIGKILL after `killAfterMs`, and what it printed until then is still read.
 * @throws VisualizerError SENSOR_NOT_RUNNABLE when the very first start fails
 */
export async function* supervise(options: SupervisorOptions, stop: AbortSignal): AsyncGenerator<SourceEvent> {
  const [shortest, longest] = options.backOffMs ?? [500, 30_000];
  let wait = shortest;
  for (let first = true; !stop.aborted; first = false) {
    const started = performance.now();
    const outcome = yield* runOnce(options, stop);
    if (first && outcome.spawnFailure !== undefined) throw notRunnable(options, outcome.spawnFailure);

    const exit = judge(outcome, options.restart, stop.aborted);
    report(options, outcome, exit);
    yield { kind: 'exit', exit };
    if (!exit.restarts) return;

    if (performance.now() - started >= HEALTHY_MS) wait = shortest;
    await delay(wait * (0.5 + Math.random() / 2), undefined, { signal: stop }).catch(() => {});
    wait = Math.min(wait * 2, longest);
  }
}

/** One process from start to end, with all that it printed. */
async function* runOnce(
  options: SupervisorOptions,
  stop: AbortSignal,
): AsyncGenerator<SourceEvent, ProcessEnd> {
  const { executable, args = [], environment, killAfterMs, log } = options;
  const sensor = new SensorProcess({ executable, args, environment });
  const onStop = () =>
    sensor.stop(killAfterMs, (error) => {
      log.error(
        { executable, cause: messageOf(error) },
        'The sensor may not be signalled: it is left running',
      );
    });
  if (stop.aborted) onStop();
  else stop.addEventListener('abort', onStop, { once: true });

  const errors = logErrors(sensor.stderr(), options);
  const splitter = new LineSplitter(options.maxLineBytes);
  try {
    for await (const chunk of sensor.stdout()) yield { kind: 'lines', lines: splitter.push(chunk) };
    yield { kind: 'lines', lines: splitter.end() };
    await errors;
    return await sensor.end();
  } finally {
    stop.removeEventListener('abort', onStop);
    sensor.release();
  }
}

function judge(outcome: ProcessEnd, policy: RestartPolicy, stopped: boolean): SensorExit {
  const failed = outcome.code !== 0;
  const restarts = !stopped && (policy === 'always' || (policy === 'on-failure' && failed));
  const done = policy !== 'always' && !failed;
  return { code: outcome.code, signal: outcome.signal, wanted: stopped || done, restarts };
}

function report({ executable, log }: SupervisorOptions, outcome: ProcessEnd, exit: SensorExit): void {
  if (exit.wanted) return;
  const what = outcome.spawnFailure
    ? `could not be started: ${outcome.spawnFailure.message}`
    : endOf(outcome);
  log.warn({ executable }, `The sensor ${what}${exit.restarts ? '; restarting it' : ''}`);
}

function endOf({ code, signal }: ProcessEnd): string {
  return signal === undefined ? `ended with exit code ${code}` : `was ended by ${signal}`;
}

function notRunnable({ executable }: SupervisorOptions, cause: Error): VisualizerError {
  const advice: Record<string, string> = {
    ENOENT: 'there is no such file, or its interpreter (the first line, #!) is missing',
    EACCES: `it is a directory, or may not be executed; try: chmod +x ${executable}`,
    ENOEXEC: 'it is no program for this machine; a script needs a first line such as #!/bin/sh',
  };
  const reason = advice[systemCodeOf(cause) ?? ''] ?? messageOf(cause);
  return new VisualizerError(
    'SENSOR_NOT_RUNNABLE',
    `The sensor ${executable} cannot be started: ${reason}. Name another one with --path-executable.`,
    { cause },
  );
}

/** The sensor's stderr goes to the log, so that it is seen and its pipe never fills. */
async function logErrors(
  stderr: AsyncIterable<Buffer>,
  { log, maxLineBytes }: SupervisorOptions,
): Promise<void> {
  const splitter = new LineSplitter(maxLineBytes);
  const say = ({ lines }: Lines) => {
    for (const line of lines) if (line.trim() !== '') log.warn({ from: 'sensor' }, line.trimEnd());
  };
  for await (const chunk of stderr) say(splitter.push(chunk));
  say(splitter.end());
}
