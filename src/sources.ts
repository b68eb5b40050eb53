import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { VisualizerError } from './errors.js';
import { Feed } from './feed.js';
import type { Log } from './log.js';
import { BUNDLED, type Settings } from './settings.js';
import type { RestartRequests } from './source/restart-requests.js';
import type { SourceEvent } from './source/source.js';
import type { StateDirectory } from './state-directory.js';

/** Which source the settings ask for, and what it is made of. */
export interface Listening {
  readonly settings: Settings;
  /** What follows `--` on the command line. */
  readonly sensorArgs: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Log;
  /** Absent for `--dry-run`, which leaves no trace. */
  readonly state: StateDirectory | undefined;
  readonly stop: AbortSignal;
}

/** What has to be known of the sensor's definition, which may change during a run. */
export interface Subject {
  readonly name: string;
  /** Whether a live sensor may well print the same line again and again. */
  readonly mayRepeat: () => boolean;
  readonly isDefect: (line: string) => boolean;
  /** By which alerts have the sensor started again. */
  readonly requests: RestartRequests;
}

const STDIN = '-';
const DEFAULT_STUCK_LINES = 5;

/** @throws VisualizerError BAD_SETTING where each setting is right, but not with the others */
export function refuseSourceContradictions(settings: Settings, sensorArgs: readonly string[]): void {
  const { input, executable, follow, fromStart, fromEnd } = settings;
  const refuse = (text: string) => {
    throw new VisualizerError('BAD_SETTING', text);
  };
  if (input !== undefined && executable !== undefined) {
    refuse('--input and --path-executable: the lines come from the one or from the other; leave one out.');
  }
  if (input !== undefined && sensorArgs.length > 0) {
    refuse(`-- ${sensorArgs.join(' ')}: with --input no sensor is run that could take arguments.`);
  }
  if (follow && (input === undefined || input === STDIN)) {
    refuse('--follow needs a file to follow: --input <file> --follow.');
  }
  if ((fromStart || fromEnd) && !follow) refuse('--from-start and --from-end go with --follow only.');
  if (fromStart && fromEnd) refuse('--from-start and --from-end: leave one out.');
}

/** @throws VisualizerError SENSOR_NOT_RUNNABLE where a file cannot be read, or at the first event a sensor cannot run */
export async function openSource(listening: Listening, subject: Subject): Promise<Feed> {
  const abort = new AbortController();
  const stop = AbortSignal.any([listening.stop, abort.signal]);
  return new Feed(await chooseSource(listening, subject, stop), () => abort.abort());
}

/** Each source is loaded only where it is used. */
async function chooseSource(
  listening: Listening,
  subject: Subject,
  stop: AbortSignal,
): Promise<AsyncIterable<SourceEvent>> {
  const { settings, log, state } = listening;
  const { input, maxLineBytes } = settings;
  if (input === undefined) return runSensor(listening, subject, stop);
  if (settings.follow) {
    const { follow } = await import('./source/follow.js');
    const from = settings.fromEnd ? 'end' : 'start';
    const positionFile = state?.positionOf(resolve(input));
    return follow({ file: resolve(input), from, positionFile, maxLineBytes, log }, stop);
  }
  const { openInputFile, readInput } = await import('./source/input.js');
  const stream = input === STDIN ? process.stdin : await openInputFile(resolve(input));
  const name = input === STDIN ? 'the standard input' : input;
  return readInput(stream, { maxLineBytes, log, name }, stop);
}

async function runSensor(
  { settings, sensorArgs, environment, log }: Listening,
  { name, mayRepeat, isDefect, requests }: Subject,
  stop: AbortSignal,
): Promise<AsyncIterable<SourceEvent>> {
  const { supervise } = await import('./source/supervisor.js');
  return supervise(
    {
      name,
      executable: executableOf(settings),
      args: sensorArgs,
      restart: settings.restart,
      maxLineBytes: settings.maxLineBytes,
      killAfterMs: settings.killAfter,
      silenceMs: settings.silenceTimeout,
      stuckLines: () => settings.stuckLines ?? (mayRepeat() ? 0 : DEFAULT_STUCK_LINES),
      isDefect,
      requests,
      environment: sensorEnvironment(environment),
      log,
    },
    stop,
  );
}

/** Python holds back what it prints into a pipe; a line is to be read, and stamped, when it is printed. */
export function sensorEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { PYTHONUNBUFFERED: '1', ...environment };
}

/** A file of that name, as seen from here, goes before a command of that name. */
export function executableOf({ executable }: Pick<Settings, 'executable'>): string {
  if (executable === undefined) return BUNDLED.executable;
  return existsSync(executable) ? resolve(executable) : executable;
}
