import type { Writable } from 'node:stream';
import { type Definition, mayRepeat } from './definition.js';
import { readDefinition } from './definition-file.js';
import type { Destination } from './destination.js';
import { chooseDestination, clearDestination, refuseContradictions } from './destinations.js';
import { messageOf, VisualizerError } from './errors.js';
import type { Feed } from './feed.js';
import { holdWhileFailing } from './holding.js';
import { intake } from './intake.js';
import { Ledger } from './ledger.js';
import type { Log } from './log.js';
import { Monitoring } from './monitoring.js';
import { type LineParser, lineParser } from './parse.js';
import { showProgress } from './progress.js';
import type { Batch } from './reading.js';
import { Reloads } from './reloads.js';
import { defaultStateDir, definitionFileOf } from './resolve-settings.js';
import type { Settings } from './settings.js';
import { Clock } from './source/clock.js';
import { RestartRequests } from './source/restart-requests.js';
import type { SensorExit } from './source/source.js';
import { openSource, refuseSourceContradictions, type Subject } from './sources.js';
import { lockStateDirectory, type StateDirectory, stateDirectory } from './state-directory.js';
import type { Terminal } from './terminal.js';

export interface RunContext {
  readonly settings: Settings;
  /** What follows `--` on the command line. */
  readonly sensorArgs: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly terminal: Terminal;
  /** For `--dry-run`. */
  readonly output: Writable;
  /** Ends the run in good order: the sensor is stopped, what it printed is stored, delivery is given its time. */
  readonly stop: AbortSignal;
  /** Calls the listener whenever the definition is to be read again. */
  readonly onReload: (listener: () => void) => void;
}

/** A run that has begun: what its parts share. */
interface Run extends RunContext {
  readonly ledger: Ledger;
  /** Absent for `--dry-run`, which leaves no trace. */
  readonly state: StateDirectory | undefined;
  /** Undone in reverse order when the run ends. */
  readonly closers: (() => Promise<void> | void)[];
  /** By which lines are read from now on. */
  definition: Definition;
}

/**
 * Runs a sensor until it is stopped, or ends for good.
 * @throws VisualizerError SENSOR_FAILED when the sensor failed and was not to be restarted; others where the run
 *   could not begin
 */
export async function run(context: RunContext): Promise<void> {
  refuseContradictions(context.settings);
  refuseSourceContradictions(context.settings, context.sensorArgs);
  const definition = readDefinition(definitionFileOf(context.settings));
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

/** Records until the source ends. Returns how the sensor ended, where there was one. */
async function record(run: Run): Promise<SensorExit | undefined> {
  const { settings, log, ledger, closers } = run;
  if (settings.clearData && !(await clearDestination(run))) return undefined;
  const clock = await openClock(run);
  const destination = await openDestination(run);
  const requests = new RestartRequests();
  const monitoring = await openMonitoring(run, destination, clock, requests);
  const feed = await openSource(run, subjectOf(run, requests));
  closers.push(() => feed.close());
  const reloads = new Reloads(definitionFileOf(settings), () => run.definition, log);
  run.onReload(() => reloads.read());
  if (readsByBundled(settings)) log.info({ columns: columnsOf(run.definition) }, BY_BUNDLED);
  const directory = run.state?.path;
  log.info(
    { sensor: run.definition.name, env: settings.env, directory },
    `Recording to the ${destination.name}`,
  );
  const progress = await showProgress({ ...run, state: () => destination.state() });
  closers.unshift(() => progress.close());
  run.stop.addEventListener('abort', () => {
    log.info('Stopping in good order; a second signal ends the run at once');
    progress.stopping();
  });
  closers.unshift(() => log.info(ledger.counters, 'The run has ended'));

  const stages = { clock, destination, feed, monitoring };
  await store(run, stages, reloads.signal);
  for (let next = reloads.take(); next !== undefined; next = reloads.take()) {
    await redefine(run, stages, next);
    await store(run, stages, reloads.signal);
  }
  if (!run.stop.aborted) progress.stopping();
  return feed.exit;
}

/** Lines of somebody's own, and nothing that says what they hold. */
function readsByBundled({ sensor, executable, input }: Settings): boolean {
  return sensor === undefined && (executable ?? input) !== undefined;
}

const BY_BUNDLED = 'No definition is named (--sensor): lines are read by that of the bundled sensor';

function columnsOf({ metrics }: Definition): string {
  return metrics.map(({ name }) => name).join(', ');
}

/** What lies on the way of the data. */
interface Stages {
  readonly clock: Clock;
  readonly destination: Destination;
  readonly feed: Feed;
  readonly monitoring: Monitoring | undefined;
}

/**
 * The way of the data, from the source to the destination, until the source ends or `until` is aborted. While one
 * batch is written the next one is read: a disk that syncs keeps nobody from parsing.
 */
async function store(
  run: Run,
  { clock, destination, feed, monitoring }: Stages,
  until: AbortSignal,
): Promise<void> {
  const { settings, definition, ledger, log } = run;
  const failed = new AbortController();
  let writing = Promise.resolve();
  let isStoring = false;
  const batches = intake(feed, {
    definition,
    clock,
    ledger,
    log,
    flushIntervalMs: settings.flushInterval,
    batchLines: settings.batchLines,
    until: AbortSignal.any([until, failed.signal]),
    mostLines: () => (isStoring ? settings.batchLines * (destination.batchesAtOnce ?? 1) : 0),
    stored: () => writing,
    runnerFields: () => ({ ...destination.runnerFields?.(), blocked_ms: Math.round(feed.blockedMs) }),
  });
  const write = async (batch: Batch) => {
    // The mark goes first: a timestamp that is stored anywhere is never given out again.
    await clock.persist();
    await destination.write(batch);
    monitoring?.add(batch);
    // What could not be stored is still looked at.
    if (destination.state() !== 'failing') batch.release?.();
  };
  try {
    for await (const batch of batches) {
      await writing;
      isStoring = true;
      writing = write(batch).finally(() => {
        isStoring = false;
      });
      writing.catch(() => failed.abort());
    }
  } finally {
    await writing;
  }
}

/** Lets a new definition take over between two batches; where it cannot, the old one stays. */
async function redefine(
  run: Run,
  { destination, monitoring }: Stages,
  definition: Definition,
): Promise<void> {
  try {
    await destination.redefine(definition);
  } catch (error) {
    if (!(error instanceof VisualizerError)) throw error;
    run.log.error(`The definition is not taken, the old one stays: ${error.message}`);
    return;
  }
  run.definition = definition;
  run.ledger.redefine(definition);
  await monitoring?.redefine(definition);
  run.log.info({ sensor: definition.name }, 'The definition was read again, and is in force');
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
    sourceWaits: settings.input !== undefined,
    stop: run.stop,
  });
  closers.push(() => destination.close());
  return destination;
}

async function openMonitoring(
  run: Run,
  destination: Destination,
  clock: Clock,
  requests: RestartRequests,
): Promise<Monitoring | undefined> {
  const { settings, state, closers } = run;
  if (state === undefined) return undefined;
  const restartSensor = (alert: string) => {
    const reason = `was to be started again by the alert ${alert}`;
    if (run.stop.aborted || !requests.request(reason)) throw new Error(NO_SENSOR);
  };
  const monitoring = await Monitoring.open({
    ...run,
    state,
    destination,
    now: () => Number(clock.stamp() / 1_000_000n),
    restartSensor: settings.input === undefined ? restartSensor : undefined,
  });
  closers.push(() => monitoring.close());
  return monitoring;
}

const NO_SENSOR = 'no sensor is running that may be started again';

/** What a supervisor has to know of the definition in force. */
function subjectOf(run: Run, requests: RestartRequests): Subject {
  let definition: Definition | undefined;
  let parse: LineParser;
  return {
    name: run.definition.name,
    mayRepeat: () => mayRepeat(run.definition),
    requests,
    isDefect(line) {
      if (definition !== run.definition) parse = lineParser(run.definition);
      definition = run.definition;
      const parsed = parse(line);
      return 'defect' in parsed && parsed.defect;
    },
  };
}

function sensorFailed({ code, signal }: SensorExit): VisualizerError {
  const how = signal === undefined ? `exit code ${code}` : `signal ${signal}`;
  return new VisualizerError('SENSOR_FAILED', `The sensor failed with ${how}; it was not to be restarted.`);
}
