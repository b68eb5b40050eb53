import { styleText } from 'node:util';
import { checkDefinition } from '../check/definition.js';
import { FAILURE_CODES, type Finding, fail, ok, warn } from '../check/finding.js';
import { checkInput } from '../check/input.js';
import { checkSensor } from '../check/sensor.js';
import { checkBacklog, checkDisk, checkStateDirectory } from '../check/state.js';
import type { Definition } from '../definition.js';
import { portOf, refuseContradictions, serverOf } from '../destinations.js';
import { EXIT_CODES, VisualizerError } from '../errors.js';
import { withoutControls } from '../log.js';
import { defaultStateDir, definitionFileOf } from '../resolve-settings.js';
import type { Settings } from '../settings.js';
import { executableOf, refuseSourceContradictions, sensorEnvironment } from '../sources.js';
import { holderOf, type StateDirectory, stateDirectory } from '../state-directory.js';
import { hasColour } from '../terminal.js';

export interface CheckContext {
  readonly settings: Settings;
  /** What follows `--` on the command line. */
  readonly sensorArgs: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean };
  /** Ends the check; the sensor is stopped, and no point is left behind. */
  readonly stop: AbortSignal;
}

/** A server that is there answers sooner. */
const REQUEST_MS = 3_000;

/**
 * Looks for what would keep a run with these settings from going well, and prints what it finds, in order.
 * @throws VisualizerError where something failed: of several failures the first in `FAILURE_CODES`
 */
export async function check(context: CheckContext): Promise<void> {
  const { settings, output, stop } = context;
  const findings: Finding[] = [];
  const print = printer(context);
  const all = begin(context);
  for (const begun of all) {
    const found = [await begun].flat();
    if (stop.aborted) {
      // They end soon, and tidy up before that.
      await Promise.allSettled(all);
      throw new VisualizerError('INTERRUPTED', 'The check was stopped before its end.');
    }
    findings.push(...found);
    if (!settings.json) output.write(found.map(print).join(''));
  }
  const code = FAILURE_CODES.find((each) => findings.some((finding) => finding.code === each));
  if (settings.json) {
    const exitCode = code === undefined ? 0 : EXIT_CODES[code];
    output.write(`${JSON.stringify({ ok: code === undefined, exitCode, findings }, null, 2)}\n`);
  }
  if (code === undefined) return;
  const failed = findings.filter(({ level }) => level === 'fail').map(({ subject }) => subject);
  throw new VisualizerError(code, `A run would not go well: ${failed.join(', ')}.`);
}

type Findings = Finding | readonly Finding[];

/** Begins all checks at once; their results in the order in which they are shown. */
function begin(context: CheckContext): (Findings | Promise<Findings>)[] {
  const { settings, environment } = context;
  const { definition, finding } = checkDefinition(definitionFileOf(settings));
  const path = settings.stateDir ?? (definition && defaultStateDir(definition.name, environment));
  const begun = [
    contradictions(context),
    finding,
    definition === undefined ? [] : alerts(context, definition),
    source(context, definition, path),
    destination(context),
    path === undefined ? [] : onDisk(stateDirectory(path), settings),
    page(context, path),
    grafana(context),
  ];
  // Each is waited for in its turn; until then nobody looks at it.
  for (const each of begun) if (each instanceof Promise) each.catch(() => {});
  return begun;
}

function contradictions({ settings, sensorArgs }: CheckContext): Finding[] {
  try {
    refuseContradictions(settings);
    refuseSourceContradictions(settings, sensorArgs);
  } catch (error) {
    if (!(error instanceof VisualizerError)) throw error;
    return [
      fail('settings', 'BAD_SETTING', error.message, 'mend the command line, the environment or --config'),
    ];
  }
  if (settings.host !== undefined || settings.port === undefined) return [];
  return [warn('settings', 'a port without a host says nothing: the embedded store is used', 'add --host')];
}

/** Loaded only where it is used: it brings all that can tell somebody of an alert. */
async function alerts({ settings, environment }: CheckContext, definition: Definition): Promise<Findings> {
  const { checkAlerts } = await import('../check/alerts.js');
  return checkAlerts(definition, { host: settings.host, environment });
}

function source(
  { settings, sensorArgs, environment, stop }: CheckContext,
  definition: Definition | undefined,
  stateDir: string | undefined,
): Findings | Promise<Findings> {
  const { input, follow, maxLineBytes, silenceTimeout, killAfter } = settings;
  if (input !== undefined) return checkInput(input, { definition, maxLineBytes, follow });
  const holder = stateDir === undefined ? undefined : holderOf(stateDir);
  // Two of them may get in each other's way, at a serial port for one.
  if (holder !== undefined)
    return ok('sensor', `process ${holder.pid} runs it: it is not started a second time`);
  return checkSensor({
    executable: executableOf(settings),
    args: sensorArgs,
    environment: sensorEnvironment(environment),
    definition,
    maxLineBytes,
    silenceMs: silenceTimeout,
    killAfterMs: killAfter,
    stop,
  });
}

async function destination({ settings, stop }: CheckContext): Promise<Findings> {
  const { host, useUdp } = settings;
  if (host === undefined) return ok('server', 'none is named (--host): readings go to the embedded store');
  const timeoutMs = Math.min(settings.writeTimeout, REQUEST_MS);
  if (useUdp) {
    return (await import('../check/udp.js')).checkUdp({ host, port: portOf(settings), timeoutMs, stop });
  }
  const { checkServer } = await import('../check/server.js');
  const server = await serverOf(settings, host).catch(findingOf);
  return 'level' in server ? server : checkServer({ ...server, timeoutMs, stop });
}

/** What is wrong with a file that the settings name. */
function findingOf(error: unknown): Finding {
  if (!(error instanceof VisualizerError) || error.code !== 'BAD_SETTING') throw error;
  return fail('settings', 'BAD_SETTING', error.message, 'mend the setting, or leave it out');
}

async function onDisk(state: StateDirectory, settings: Settings): Promise<Finding[]> {
  const usable = checkStateDirectory(state);
  if (usable.level === 'fail') return [usable];
  return [usable, await checkDisk(state, settings), await checkBacklog(state, settings)];
}

async function page({ settings }: CheckContext, stateDir: string | undefined): Promise<Findings> {
  if (!settings.page) return [];
  const { checkPage } = await import('../check/page.js');
  const { pageHost: host, pagePort: port, pageToken } = settings;
  return checkPage({ host, port, pageToken, stateDir });
}

async function grafana({ settings, stop }: CheckContext): Promise<Findings> {
  const { grafana: url, grafanaToken: token } = settings;
  if (url === undefined) return [];
  const { checkGrafana } = await import('../check/grafana.js');
  return checkGrafana({ url, token, timeoutMs: REQUEST_MS, stop });
}

const COLOURS = { ok: 'green', warn: 'yellow', fail: 'red' } as const;
const SUBJECT_WIDTH = 12;
const LEVEL_WIDTH = 6;

/** A line for each finding; what to do stands below it. */
function printer({ output, environment }: CheckContext): (finding: Finding) => string {
  const coloured = hasColour(output, environment);
  return ({ subject, level, reason, details = [], remedy }) => {
    const word = level.padEnd(LEVEL_WIDTH);
    const shown = coloured ? styleText(COLOURS[level], word, { validateStream: false }) : word;
    const below = [...details, ...(remedy === undefined ? [] : [`-> ${remedy}`])];
    const lines = [
      `${subject.padEnd(SUBJECT_WIDTH)}${shown}${oneLine(reason)}`,
      ...below.map((line) => `${' '.repeat(SUBJECT_WIDTH + LEVEL_WIDTH)}${oneLine(line)}`),
    ];
    return `${lines.join('\n')}\n`;
  };
}

function oneLine(text: string): string {
  return withoutControls(text.replace(/\s+/g, ' '));
}
