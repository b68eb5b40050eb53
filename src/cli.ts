#!/usr/bin/env node
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import { Argument, Command, CommanderError, Option } from 'commander';
import type { Shell } from './commands/completion.js';
import { EXIT_CODES, messageOf, systemCodeOf, VisualizerError } from './errors.js';
import { type Log, openLog } from './log.js';
import { resolveSettings } from './resolve-settings.js';
import { isWithheld } from './secret-file.js';
import { type Command as CommandName, SETTINGS, type Setting, type Settings } from './settings.js';
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

/** What the signals to this process ask for. */
interface Signals {
  readonly stop: AbortSignal;
  readonly onReload: (listener: () => void) => void;
}

interface CommandEntry {
  readonly name: CommandName;
  readonly summary: string;
  readonly action: (invocation: Invocation) => Promise<void>;
  /** It goes on until it is stopped, in good order; all other commands end at once at a signal. */
  readonly stopsInOrder?: boolean;
  readonly runsSensor?: boolean;
}

/** Each command's code is loaded only when it is called. */
const COMMANDS: readonly CommandEntry[] = [
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

const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish'];

/** npm, timeout(1) and others pass on a signal that the terminal or they themselves have sent to the whole group. */
const SAME_SIGNAL_MS = 500;

const UNVERIFIED =
  'NODE_TLS_REJECT_UNAUTHORIZED=0: whoever answers a webhook or takes an e-mail is believed to be the right one; take it out. InfluxDB has to prove who it is all the same';

/** For commands that end at once at any signal. */
const DEAF: Signals = { stop: new AbortController().signal, onReload: () => {} };

process.exit(await main(process.argv));

/** argv -> command -> exit code. */
async function main(argv: readonly string[]): Promise<number> {
  const [own, sensorArgs] = splitAtDashes(argv);
  // A reader that went away, as in `visualizer export | head`, is no error.
  process.stdout.on('error', (error) => {
    if (systemCodeOf(error) === 'EPIPE') process.exit(0);
    process.stderr.write(`visualizer: stdout cannot be written to: ${messageOf(error)}\n`);
    process.exit(EXIT_CODES.STATE_UNUSABLE);
  });
  try {
    await program(sensorArgs).parseAsync(own);
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

function program(sensorArgs: readonly string[]): Command {
  const { version, description } = packageJson();
  const commit = commitOfBuild();
  const top = new Command('visualizer')
    .description(description)
    .version(commit === undefined ? version : `${version} (${commit})`)
    .exitOverride()
    .showHelpAfterError('(visualizer --help tells more)');
  for (const entry of COMMANDS) {
    const { name, summary, runsSensor } = entry;
    const command = subcommand(top, name).description(summary).allowExcessArguments(false).exitOverride();
    if (runsSensor) command.usage('[options] [-- arguments of the sensor...]');
    const hint = runsSensor ? 'a sensor is named by --path-executable <file>; ' : '';
    command.showHelpAfterError(`(${hint}visualizer ${name} --help tells more)`);
    for (const setting of settingsOf(name).filter(hasFlag)) command.addOption(optionOf(setting));
    command.option(
      '--config <path>',
      'a YAML file of settings: the flags without dashes, such as `port: 8086`',
    );
    command.addHelpText('after', secretsHelp(name));
    command.action(() => invoke(entry, command, sensorArgs));
  }
  addCompletion(top);
  return top;
}

/** No setting has any meaning for it. */
function addCompletion(top: Command): void {
  top
    .command('completion')
    .description('print the completion of this command line, for a shell to read')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .allowExcessArguments(false)
    .exitOverride()
    .action(async (shell: Shell) => {
      const { completion } = await import('./commands/completion.js');
      const own = SHELLS.map((name) => ({ name: `completion ${name}`, summary: `for ${name}` }));
      process.stdout.write(completion(shell, [...COMMANDS, ...own]));
    });
}

async function invoke(
  { name, action, stopsInOrder, runsSensor }: CommandEntry,
  command: Command,
  sensorArgs: readonly string[],
): Promise<void> {
  if (!runsSensor && sensorArgs.length > 0) {
    throw new VisualizerError('BAD_USAGE', `${name} runs no sensor that could take ${sensorArgs.join(' ')}`);
  }
  const environment = takeEnvironment();
  const signals = stopsInOrder ? listenToSignals() : DEAF;
  const settings = resolveSettings(name, {
    flags: typedFlags(command),
    environment,
    file: command.getOptionValue('config'),
  });
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

/** The command of a name; `buffer inspect` is the command `inspect` of the group `buffer`. */
function subcommand(top: Command, name: CommandName): Command {
  const [first, second] = name.split(' ') as [string, string?];
  if (second === undefined) return top.command(first);
  const known = top.commands.find((command) => command.name() === first);
  const group =
    known ?? top.command(first).description('look into the buffer of readings for InfluxDB').exitOverride();
  return group.command(second);
}

function settingsOf(command: CommandName): Setting[] {
  return Object.values<Setting>(SETTINGS).filter(({ commands }) => commands.includes(command));
}

function optionOf({ flag, placeholder, help, env, fallback }: Setting & { flag: string }): Option {
  const set = flag.startsWith('no-') ? `${env}=false` : env;
  const hints = [...(placeholder && fallback ? [`default: ${fallback}`] : []), `env: ${set}`].join(', ');
  return new Option(`--${flag}${placeholder ? ` <${placeholder}>` : ''}`, `${help} (${hints})`);
}

function hasFlag(setting: Setting): setting is Setting & { flag: string } {
  return setting.flag !== undefined;
}

/** What is set by the environment alone, since a flag would show it to everybody on the machine. */
function secretsHelp(command: CommandName): string {
  const secrets = settingsOf(command).filter(({ flag }) => flag === undefined);
  if (secrets.length === 0) return '';
  const lines = secrets.map(
    ({ env, help }) => `  ${env.padEnd(16)}  ${help}; or ${env}_FILE, a file that holds it`,
  );
  return `\nSecrets come from the environment:\n${lines.join('\n')}`;
}

/** The flags of the command line as texts, so that they are read like those of any other source. */
function typedFlags(command: Command): Record<string, string> {
  const typed = command.options
    .filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli')
    .map((option) => [option.name(), String(command.getOptionValue(option.attributeName()))]);
  return Object.fromEntries(typed);
}

/**
 * The first SIGINT or SIGTERM asks for an orderly end, the second one gets an end at once. SIGHUP asks for the
 * definition to be read again, unless it says that the terminal was closed.
 */
function listenToSignals(): Signals {
  const stop = new AbortController();
  // Not with nohup, which leaves neither of them on the terminal.
  const onTerminal = isatty(0) || isatty(2);
  /** Too early is not too late. */
  let asked = false;
  let reload = () => {
    asked = true;
  };
  let stoppedAt = Number.POSITIVE_INFINITY;
  const end = (number: number) => {
    if (performance.now() - stoppedAt > SAME_SIGNAL_MS) process.exit(128 + number);
    if (stop.signal.aborted) return;
    stoppedAt = performance.now();
    stop.abort();
  };
  process.on('SIGINT', () => end(2));
  process.on('SIGTERM', () => end(15));
  process.on('SIGHUP', () => (onTerminal && !hasTerminal() ? end(1) : reload()));
  return {
    stop: stop.signal,
    onReload: (listener) => {
      reload = listener;
      if (asked) listener();
    },
  };
}

/** A process whose terminal was closed has none any more (tty(4)). */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

function packageJson(): { version: string; description: string } {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
}

/** Written by the build; there is none where it had no git. */
function commitOfBuild(): string | undefined {
  const file = new URL('commit', import.meta.url);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
