import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Writable } from 'node:stream';
import type { Definition } from './definition.js';
import { readDefinition } from './definition-file.js';
import type { Destination } from './destination.js';
import { chooseDestination, clearDestination, refuseContradictions } from './destinations.js';
import { messageOf, VisualizerError } from './errors.js';
import { holdWhileFailing } from './holding.js';
import { intake } from './intake.js';
import { Ledger } from './ledger.js';
import type { Recent } from './local/recent.js';
import type { Log } from './log.js';
import { defaultStateDir } from './resolve-settings.js';
import { BUNDLED, type Settings } from './settings.js';
import { Clock } from './source/clock.js';
import { type SensorExit, type SourceEvent, supervise } from './source/supervisor.js';
import { lockStateDirectory, type StateDirectory, stateDirectory } from './state-directory.js';

export interface RunContext {
  readonly settings: Settings;
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Log;
  /** For `--dry-run`. */
  readonly output: Writable;
  /** Ends the run in good order: the sensor is stopped, what it printed is stored, delivery is given its time. */
  readonly stop: AbortSignal;
}

/** A run that has begun: what its parts share. */
interface Run extends RunContext {
  readonly definition: Definition;
  readonly ledger: Ledger;
  /** Absent for `--dry-run`, which leaves no trace. */
  readonly state: StateDirectory | undefined;
  /** Undone in reverse order when the run ends. */
  readonly closers: (() => Promise<void> | void)[];
}

/**
 * Runs a sensor until it is stopped, or ends for good.
 * @throws VisualizerError SENSOR_FAILED when the sensor failed and was not to be restarted; others where the run
 *   could not begin
 */
export async function run(context: RunContext): Promise<void> {
  refuseContradictions(context.settings);
  const definition = readDefinition(context.settings.sensor ?? BUNDLED.sensor);
  const closers: Run['closers'] = [];
  try {
    const state = openState(context, definition, closers);
    const exit = await record({ ...context, definition, ledger: new Ledger(definition), state, closers });
    if (exit?.wanted === false && !context.stop.aborted) throw sensorFailed(exit);
  } finally {
    await closeAll(closers);
  }
}

/** In reverse order; one that fails keeps no other from being closed. */
async function closeAll(closers: Run['closers']): Promise<void> {
  const failures: unknown[] = [];
  for (const close of closers.reverse()) {
    try {
      await close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** The way of the data, from the sensor to the destination. Returns how the sensor ended. */
async function record(run: Run): Promise<SensorExit | undefined> {
  const { settings, log, definition, ledger } = run;
  if (settings.clearData && !(await clearDestination(run))) return undefined;
  const clock = await openClock(run);
  const destination = await openDestination(run);
  const recent = await openPage(run, destination);
  log.info({ sensor: definition.name, env: settings.env }, `Recording to the ${destination.name}`);
  run.stop.addEventListener('abort', () =>
    log.info('Stopping in good order; a second signal ends the run at once'),
  );
  run.closers.unshift(() => log.info(ledger.counters, 'The run has ended'));

  const source = openSource(run);
  const batches = intake(source.events, {
    definition,
    clock,
    ledger,
    log,
    flushIntervalMs: settings.flushInterval,
    batchLines: settings.batchLines,
    runnerFields: () => destination.runnerFields?.() ?? {},
  });
  for await (const batch of batches) {
    try {
      // The mark goes first: a timestamp that is stored anywhere is never given out again.
      await clock.persist();
      await destination.write(batch);
      recent?.add(batch);
    } catch (error) {
      // Leaving the loop waits for the source.
      source.end();
      throw error;
    }
  }
  return source.exit;
}

function openState(
  { settings, environment }: RunContext,
  { name }: Definition,
  closers: Run['closers'],
): StateDirectory | undefined {
  if (settings.dryRun) return undefined;
  const path = settings.stateDir ?? defaultStateDir(name, environment);
  closers.push(lockStateDirectory(path));
  return stateDirectory(path);
}

async function openClock({ state, log, closers }: Run): Promise<Clock> {
  const clock = await Clock.open(state?.clock, {
    onFailure: (error) => log.warn({ cause: messageOf(error) }, MARK_FAILED),
  }).catch((cause: unknown) => {
    const text = `The clock's mark ${state?.clock} cannot be used: ${messageOf(cause)}. Remove it.`;
    throw new VisualizerError('STATE_UNUSABLE', text, { cause });
  });
  closers.push(() => clock.close());
  const text = 'The clock is behind the newest reading; timestamps go on from there until it has caught up';
  if (clock.aheadMs > 1_000) log.warn({ aheadMs: clock.aheadMs }, text);
  return clock;
}

const MARK_FAILED =
  'The mark of the newest timestamp cannot be saved; if the machine now loses power and its clock is set back, timestamps may repeat';

async function openDestination(run: Run): Promise<Destination> {
  const { settings, ledger, log, closers } = run;
  const destination = holdWhileFailing(await chooseDestination(run), {
    ledger,
    log,
    patienceMs: settings.drainTimeout,
  });
  closers.push(() => destination.close());
  return destination;
}

/** Serves the live page, and returns what it shows: the readings of the last minutes, those in the store included. */
async function openPage(run: Run, destination: Destination): Promise<Recent | undefined> {
  const { settings, definition, ledger, log, state, closers } = run;
  if (!settings.page || state === undefined) return undefined;
  const { Recent, WINDOW_MS } = await import('./local/recent.js');
  const { startPage } = await import('./local/server.js');
  const recent = new Recent(definition);
  const from = BigInt(Date.now() - WINDOW_MS) * 1_000_000n;
  for await (const readings of destination.history?.(from) ?? []) {
    recent.add({ readings });
  }
  const page = await startPage({
    port: settings.pagePort,
    definition,
    env: settings.env,
    destination: destination.name,
    recent,
    counters: () => ({ ...ledger.counters, stored: ledger.totals.delivered }),
    log,
  });
  closers.push(() => page.close());
  log.info(`The live page is at ${page.url}`);
  return recent;
}

/** The sensor's events; `exit` tells how it ended the last time, once it has; `end` stops it. */
function openSource({ settings, environment, log, stop }: Run): {
  readonly events: AsyncIterable<SourceEvent>;
  readonly exit: SensorExit | undefined;
  end(): void;
} {
  const abort = new AbortController();
  let exit: SensorExit | undefined;
  async function* events(): AsyncGenerator<SourceEvent> {
    const supervised = supervise(
      {
        executable: executableOf(settings),
        restart: settings.restart,
        maxLineBytes: settings.maxLineBytes,
        killAfterMs: settings.killAfter,
        environment,
        log,
      },
      AbortSignal.any([stop, abort.signal]),
    );
    for await (const event of supervised) {
      if (event.kind === 'exit') exit = event.exit;
      yield event;
    }
  }
  return {
    events: events(),
    end: () => abort.abort(),
    get exit() {
      return exit;
    },
  };
}

/** A file of that name, as seen from here, goes before a command of that name. */
function executableOf({ executable }: Settings): string {
  if (executable === undefined) return BUNDLED.executable;
  return existsSync(executable) ? resolve(executable) : executable;
}

function sensorFailed({ code, signal }: SensorExit): VisualizerError {
  const how = signal === undefined ? `exit code ${code}` : `signal ${signal}`;
  return new VisualizerError('SENSOR_FAILED', `The sensor failed with ${how}; it was not to be restarted.`);
}
