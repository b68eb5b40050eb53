import { isatty } from 'node:tty';
import { CommanderError } from 'commander';
import { type CommandEntry, parseCommandLine, type Typed } from './command-line.js';
import { EXIT_CODES, messageOf, systemCodeOf, VisualizerError } from './errors.js';
import { type Log, openLog } from './log.js';
import { resolveSettings } from './resolve-settings.js';
import { isWithheld } from './secret-file.js';
import type { Settings } from './settings.js';
import { DEAF, listenToSignals, type Signals } from './signals.js';
import { Terminal } from './terminal.js';

/** What every command is given. */
interface Invocation extends Signals {
  readonly settings: Settings;
  /** What follows `--`. */
  readonly sensorArgs: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly terminal: Terminal;
  readonly output: NodeJS.WriteStream;
}

interface Entry extends CommandEntry {
  readonly action: (invocation: Invocation) => Promise<void>;
  /** It goes on until it is stopped, in good order; all other commands end at once at a signal. */
  readonly stopsInOrder?: boolean;
}

/** Each command's code is loaded only when it is called. */
const COMMANDS: readonly Entry[] = [
  {
    name: 'run',
    summary: 'run the sensor, and write its readings to an InfluxDB (--host) or to the embedded store',
    action: async (invocation) => (await import('./runner.js')).run(invocation),
    stopsInOrder: true,
    runsSensor: true,
  },
  {
    name: 'check',
    summary: 'find what would keep a run from going well, and say how to mend it; takes what run takes',
    action: async (invocation) => (await import('./commands/check.js')).check(invocation),
    stopsInOrder: true,
    runsSensor: true,
  },
  {
    name: 'view',
    summary: 'serve the page over what the embedded store holds, with no run going on',
    action: async (invocation) => (await import('./commands/view.js')).viewStore(invocation),
    stopsInOrder: true,
  },
  {
    name: 'export',
    summary: 'print what the embedded store holds, as CSV or line protocol',
    action: async (invocation) => (await import('./commands/export.js')).exportStore(invocation),
  },
  {
    name: 'grafana',
    summary: "write Grafana's data source, dashboard, alert rules and notifications for a sensor",
    action: async (invocation) => (await import('./commands/grafana.js')).generateGrafana(invocation),
  },
  {
    name: 'notify',
    summary: 'test who is told of alerts: notify --test',
    action: async (invocation) => {
      if (!invocation.settings.test) throw new VisualizerError('BAD_USAGE', 'notify can only --test so far.');
      await (await import('./commands/notify.js')).testNotifications(invocation);
    },
  },
  {
    name: 'buffer inspect',
    summary: 'tell what waits for InfluxDB, what became of the rest, and what the server refused',
    action: async (invocation) => (await import('./commands/buffer.js')).inspect(invocation),
  },
  {
    name: 'buffer verify',
    summary: 'read every record of the buffer, and name those that are damaged',
    action: async (invocation) => (await import('./commands/buffer.js')).verify(invocation),
  },
  {
    name: 'buffer export',
    summary: 'print what waits for InfluxDB, as line protocol',
    action: async (invocation) => (await import('./commands/buffer.js')).exportQueued(invocation),
  },
  {
    name: 'buffer drop',
    summary: 'drop what was queued before a moment; not during a run',
    action: async (invocation) => (await import('./commands/buffer.js')).drop(invocation),
  },
];

const UNVERIFIED =
  'NODE_TLS_REJECT_UNAUTHORIZED=0: whoever answers a webhook or takes an e-mail is believed to be the right one; take it out. InfluxDB has to prove who it is all the same';

// Until it says otherwise: what waits in vain, with nothing left that could end it, has not gone well.
process.exitCode = EXIT_CODES.INTERNAL;
void main(process.argv.slice(2)).then((code) => process.exit(code));

/** argv -> command -> exit code. */
async function main(words: readonly string[]): Promise<number> {
  const [own, sensorArgs] = splitAtDashes(words);
  // A reader that went away, as in `visualizer export | head`, is no error.
  process.stdout.on('error', (error) => {
    if (systemCodeOf(error) === 'EPIPE') process.exit(0);
    process.stderr.write(`visualizer: stdout cannot be written to: ${messageOf(error)}\n`);
    process.exit(EXIT_CODES.STATE_UNUSABLE);
  });
  try {
    await parseCommandLine(own, COMMANDS, (entry, typed) => invoke(entry, typed, sensorArgs));
    await new Promise((resolve) => process.stdout.write('', resolve));
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_CODES.BAD_USAGE;
    if (error instanceof VisualizerError) {
      process.stderr.write(`visualizer: ${error.message}\n`);
      return error.exitCode;
    }
    const details = error instanceof Error ? error.stack : messageOf(error);
    process.stderr.write(`visualizer: a fault of Visualizer itself, please report it: ${details}\n`);
    return EXIT_CODES.INTERNAL;
  }
}

/** What follows a bare `--` is the sensor's. */
function splitAtDashes(argv: readonly string[]): [string[], string[]] {
  const dashes = argv.indexOf('--');
  return dashes === -1 ? [[...argv], []] : [argv.slice(0, dashes), argv.slice(dashes + 1)];
}

async function invoke(
  { name, action, stopsInOrder, runsSensor }: Entry,
  typed: Typed,
  sensorArgs: readonly string[],
): Promise<void> {
  if (!runsSensor && sensorArgs.length > 0) {
    throw new VisualizerError('BAD_USAGE', `${name} runs no sensor that could take ${sensorArgs.join(' ')}`);
  }
  const environment = takeEnvironment();
  const signals = stopsInOrder ? listenToSignals((exitCode) => process.exit(exitCode)) : DEAF;
  const settings = resolveSettings(name, { ...typed, environment });
  const { logLevel, logFormat, quiet } = settings;
  const terminal = new Terminal(process.stderr, { environment, statusLine: hasStatusLine(settings) });
  const log = await openLog(logLevel, { format: logFormat, quiet, terminal });
  if (environment.NODE_TLS_REJECT_UNAUTHORIZED === '0') log.warn(UNVERIFIED);
  await action({ settings, sensorArgs, environment, log, terminal, output: process.stdout, ...signals });
}

/** The process itself keeps no secrets in it: the reports that Node.js writes of a crash would show them. */
function takeEnvironment(): NodeJS.ProcessEnv {
  const environment = { ...process.env };
  for (const name of Object.keys(environment).filter(isWithheld)) delete process.env[name];
  return environment;
}

/** Not where somebody reads or types data, or a machine reads the log. */
function hasStatusLine({ quiet, logFormat, dryRun, input }: Settings): boolean {
  const isTyped = input === '-' && isatty(0);
  return !quiet && logFormat !== 'json' && !isTyped && !(dryRun && process.stdout.isTTY);
}
