import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { type Definition, errorKinds } from './definition.js';
import { messageOf, VisualizerError } from './errors.js';
import type { EraserOptions, Patience } from './influx/clear.js';
import type { Log } from './log.js';
import type { StateDirectory } from './state-directory.js';

export interface ClearOptions {
  readonly definition: Definition;
  /** Held by the caller: nobody else records into it. */
  readonly state: StateDirectory;
  /** Where the readings go; the embedded store where it is left out. */
  readonly influx?: EraserOptions | undefined;
  /** Delete without asking, also on a terminal. */
  readonly yes: boolean;
  readonly log: Log;
  readonly stop: AbortSignal;
  readonly terminal?: Terminal;
  readonly patience?: Patience;
}

/** Where a person may sit: then questions are asked, and progress is one line that changes. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/**
 * Deletes all that a sensor has written: from the destination first, and only where that succeeded the local
 * backlog; what else lies there is left alone. The clock's mark stays, so that timestamps go on rising.
 * Returns whether it did: not so where the answer was no, or `stop` came first. Both are the user's will, no error.
 * @throws VisualizerError SERVER_UNREACHABLE, SERVER_REFUSED, DELETE_UNSUPPORTED, STATE_UNUSABLE,
 *   and what the embedded store throws when it is opened
 */
export async function clearData(options: ClearOptions): Promise<boolean> {
  const { definition, influx, log } = options;
  const target = influx === undefined ? storeTarget(options) : await influxTarget(options, influx);
  if (!(await isWanted(target, options))) {
    log.info('Nothing was deleted, and nothing is recorded');
    return false;
  }
  if (!(await target.clear())) {
    log.warn(`Stopped before all data of ${definition.name} was deleted; the local backlog is untouched`);
    return false;
  }
  // Not to be stopped from here on: a backlog that stays would be delivered to where all else is deleted.
  await clearBacklog(options);
  log.info(`The data of ${definition.name} was deleted: ${target.description}`);
  return true;
}

interface Target {
  /** What is deleted, and where. */
  readonly description: string;
  /** False where it was stopped before it was done. */
  clear(): Promise<boolean>;
}

async function influxTarget(options: ClearOptions, influx: EraserOptions): Promise<Target> {
  const { name: sensor, measurement } = options.definition;
  const { InfluxEraser } = await import('./influx/clear.js');
  const eraser = new InfluxEraser(influx);
  const measurements = [measurement, 'runner', ...errorKinds(options.definition)];
  return {
    description: `in ${eraser.name}, bucket or database ${influx.bucket}, all points with sensor=${sensor} of the measurements ${measurements.join(', ')}`,
    async clear() {
      const countdown = new Countdown(eraser.name, options);
      const { stop, patience } = options;
      const onFailedTry = countdown.show.bind(countdown);
      try {
        return await eraser.erase({ measurements, sensor }, { stop, patience, onFailedTry });
      } finally {
        countdown.end();
      }
    },
  };
}

function storeTarget({ state, log }: ClearOptions): Target {
  return {
    description: `all readings, error counts and runner metrics in the embedded store ${state.store}`,
    async clear() {
      if (!existsSync(state.store)) return true;
      const { Store } = await import('./store/duckdb.js');
      const store = await Store.open(state.store, log);
      try {
        await store.clear();
      } finally {
        store.close();
      }
      return true;
    },
  };
}

async function clearBacklog({ state }: ClearOptions): Promise<void> {
  for (const directory of [state.buffer, state.rejected, state.alerts]) {
    try {
      await rm(directory, { recursive: true, force: true });
    } catch (cause) {
      const text = `The destination is cleared, but ${directory} cannot be deleted: ${messageOf(cause)}`;
      throw new VisualizerError('STATE_UNUSABLE', text, { cause });
    }
  }
}

const LOG_EVERY = 5;

/** On a terminal one line that changes; in a log, where lines stay, now and then one. */
class Countdown {
  readonly #name: string;
  readonly #log: Log;
  readonly #terminal: Terminal['output'] | undefined;
  #shown = 0;

  constructor(name: string, { log, terminal: { output } = terminalOfProcess() }: ClearOptions) {
    this.#name = name;
    this.#log = log;
    this.#terminal = output.isTTY ? output : undefined;
  }

  show(reason: string, left: number): void {
    const text = `${this.#name} must be there for --clear-data`;
    if (this.#terminal !== undefined) {
      this.#terminal.write(`\r\x1b[K${text}: ${reason}; ${left} more ${left === 1 ? 'try' : 'tries'}`);
    } else if (this.#shown % LOG_EVERY === 0) {
      this.#log.warn({ reason, triesLeft: left }, text);
    }
    this.#shown += 1;
  }

  end(): void {
    if (this.#shown > 0) this.#terminal?.write('\r\x1b[K');
  }
}

function terminalOfProcess(): Terminal {
  return { input: process.stdin, output: process.stderr };
}

/** Asks where somebody can answer. Scripts and services cannot: there the flag itself is the answer. */
async function isWanted({ description }: Target, options: ClearOptions): Promise<boolean> {
  const { yes, state, stop, terminal = terminalOfProcess() } = options;
  if (stop.aborted) return false;
  if (yes || !terminal.input.isTTY || !terminal.output.isTTY) return true;
  const question =
    `--clear-data deletes ${description}; and what waits in ${state.buffer} and ${state.rejected}.\n` +
    'This cannot be undone. Delete? [y/N] ';
  return /^y(es)?$/i.test((await ask(question, terminal, stop)).trim());
}

/** The line that was typed; empty where the input ended, or `stop` came first. */
async function ask(question: string, { input, output }: Terminal, stop: AbortSignal): Promise<string> {
  // Without terminal mode, Ctrl-C remains the signal that stops a run.
  const lines = createInterface({ input, terminal: false });
  const end = new AbortController();
  lines.once('close', () => end.abort());
  output.write(question);
  try {
    const [line] = await once(lines, 'line', { signal: AbortSignal.any([stop, end.signal]) });
    return line;
  } catch {
    output.write('\n');
    return '';
  } finally {
    lines.close();
  }
}
