import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Definition, Metric } from '../definition.js';
import { messageOf, systemCodeOf } from '../errors.js';
import { type LineParser, lineParser, type ParsedLine } from '../parse.js';
import { formatDuration } from '../quantity.js';
import { openInputFile } from '../source/input.js';
import { LineSplitter, type Lines, textsOf } from '../source/lines.js';
import { namesNoInterpreter, whyNotRunnable } from '../source/not-runnable.js';
import { type ProcessEnd, SensorProcess } from '../source/sensor-process.js';
import { type Finding, fail, ok, warn } from './finding.js';

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

export interface InputOptions extends Pick<SensorOptions, 'definition' | 'maxLineBytes'> {
  readonly follow: boolean;
}

/** So many lines are enough, ... */
const LINES = 3;
/** ... and nobody waits longer for them, nor for the sensor to end then. */
const LISTEN_MS = 5_000;
const LONGEST_KILL_MS = 5_000;
const LONGEST_SHOWN = 120;

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
    const said = firstLines(sensor.stderr(), maxLineBytes, Number.POSITIVE_INFINITY, () => {});
    const lines = await firstLines(sensor.stdout(), maxLineBytes, LINES, stop);
    const words = await said;
    const end = await sensor.end();
    if (end.spawnFailure !== undefined) return notRunnable(executable, end.spawnFailure);
    if (lines.length > 0) return judge(executable, lines, options.definition);
    return stopped ? silent(executable, options) : endedSilently(executable, end, words.at(-1)?.text);
  } finally {
    enough.removeEventListener('abort', stop);
    sensor.release();
  }
}

/** Reads the first lines of a file; what else may be an input gives its lines once, and they are the run's. */
export async function checkInput(
  input: string,
  { definition, maxLineBytes, follow }: InputOptions,
): Promise<Finding> {
  if (input === '-') return ok('input', 'stdin; it is not read by a check');
  try {
    const stat = statSync(resolve(input), { throwIfNoEntry: false });
    if (stat === undefined && follow) {
      return warn(
        'input',
        `${input} is not there yet; a run waits for it`,
        'see whether its name is right (--input)',
      );
    }
    if (stat !== undefined && !stat.isFile() && !stat.isDirectory()) {
      return ok('input', `${input} is no ordinary file; it is not read by a check`);
    }
    const stream = await openInputFile(resolve(input));
    const enough = () => void stream.destroy();
    const deadline = setTimeout(enough, LISTEN_MS);
    const lines = await firstLines(stream, maxLineBytes, LINES, enough).finally(() => clearTimeout(deadline));
    if (lines.length > 0) return { ...judge(input, lines, definition), subject: 'input' };
    return warn(
      'input',
      `${input} holds no line so far`,
      `have a program write to it, or follow it with --follow`,
    );
  } catch (error) {
    return fail('input', 'SENSOR_NOT_RUNNABLE', messageOf(error), 'name a file that is there with --input');
  }
}

interface FirstLine {
  readonly text: string;
  /** Why it is no line of text. */
  readonly refused?: string;
}

/** The first lines; `enough` is called once they are there, and what comes after that is thrown away. */
async function firstLines(
  chunks: AsyncIterable<Buffer>,
  maxBytes: number,
  count: number,
  enough: () => void,
): Promise<FirstLine[]> {
  const splitter = new LineSplitter(maxBytes);
  const lines: FirstLine[] = [];
  const take = (more: Lines) => {
    lines.push(...more.refused.map(({ reason, excerpt }) => ({ text: excerpt, refused: reason })));
    lines.push(...textsOf(more).map((text) => ({ text })));
    // Of an endless stream only its end is of interest.
    if (count === Number.POSITIVE_INFINITY) lines.splice(0, lines.length - 1);
  };
  try {
    for await (const chunk of chunks) {
      if (lines.length >= count) continue;
      take(splitter.push(chunk));
      if (lines.length >= count) enough();
    }
  } catch (error) {
    // What was cut off here has given enough.
    if (systemCodeOf(error) !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
  if (lines.length < count) take(splitter.end());
  return count === Number.POSITIVE_INFINITY ? lines : lines.slice(0, count);
}

function judge(source: string, lines: readonly FirstLine[], definition: Definition | undefined): Finding {
  if (definition === undefined) {
    const details = lines.map(({ text }) => text.slice(0, LONGEST_SHOWN));
    return warn(
      'sensor',
      `${source} prints lines that no definition explains yet`,
      'mend the definition first',
      details,
    );
  }
  const parse = lineParser(definition);
  const shown = lines.map((line) => show(line, parse, definition.metrics));
  const details = shown.map(({ text }) => text);
  const bad = shown.filter(({ sound }) => !sound).length;
  if (bad === 0) return ok('sensor', `${source} prints lines that fit the definition`, details);
  const columns = definition.metrics.map(({ name, type }) => `${name} (${type})`).join(', ');
  const separator = definition.separator === 'whitespace' ? 'blanks' : JSON.stringify(definition.separator);
  return fail(
    'sensor',
    'BAD_DEFINITION',
    `${bad} of its first ${lines.length} lines do not fit the definition (${source})`,
    `have it print ${columns}, with ${separator} between, or name the columns it prints in the definition (--sensor)`,
    details,
  );
}

function show(
  { text, refused }: FirstLine,
  parse: LineParser,
  metrics: readonly Metric[],
): { text: string; sound: boolean } {
  const parsed = refused === undefined ? parse(text) : { refused };
  const line = JSON.stringify(text.slice(0, LONGEST_SHOWN));
  if ('refused' in parsed) return { text: `${line}: ${parsed.refused}`, sound: false };
  const values = metrics.map(({ name }, column) => `${name}=${parsed.values[column] ?? '?'}`).join(' ');
  const sound = parsed.uncastable.length === 0;
  return {
    text: sound ? `${values}${defectMark(parsed)}` : `${line}: ${values}, ${misfits(parsed, metrics)}`,
    sound,
  };
}

function defectMark({ defect }: ParsedLine): string {
  return defect ? ' (all zero: a defect)' : '';
}

function misfits({ uncastable }: ParsedLine, metrics: readonly Metric[]): string {
  const names = uncastable.map((column) => `${metrics[column]?.name} is no ${metrics[column]?.type}`);
  return names.join(', ');
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
