#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { EXIT_CODES, messageOf, systemCodeOf, VisualizerError } from './errors.js';
import { type Log, openLog } from './log.js';
import { resolveSettings } from './resolve-settings.js';
import { type Command as CommandName, SETTINGS, type Setting, type Settings } from './settings.js';

/** What every command is given. */
interface Invocation {
  readonly settings: Settings;
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly output: NodeJS.WriteStream;
  readonly stop: AbortSignal;
}

interface CommandEntry {
  readonly name: CommandName;
  readonly summary: string;
  readonly action: (invocation: Invocation) => Promise<void>;
  /** The first signal asks for an orderly end; all other commands end at once. */
  readonly endsInOrder?: boolean;
}

/** Each command's code is loaded only when it is called. */
const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'run',
    summary: 'run the sensor, and write its readings to an InfluxDB (--host) or to the embedded store',
    action: async (invocation) => (await import('./runner.js')).run(invocation),
    endsInOrder: true,
  },
  {
    name: 'export',
    summary: 'print what the embedded store holds, as CSV or line protocol',
    action: async (invocation) => (await import('./commands/export.js')).exportStore(invocation),
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

process.exit(await main(process.argv));

/** argv -> command -> exit code. */
async function main(argv: readonly string[]): Promise<number> {
  // A reader that went away, as in `visualizer export | head`, is no error.
  process.stdout.on('error', (error) => {
    if (systemCodeOf(error) === 'EPIPE') process.exit(0);
    throw error;
  });
  try {
    await program().parseAsync(argv);
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

function program(): Command {
  const { version, description } = packageJson();
  const top = new Command('visualizer')
    .description(description)
    .version(version)
    .exitOverride()
    .showHelpAfterError('(visualizer --help tells more)');
  for (const { name, summary, action, endsInOrder } of COMMANDS) {
    const command = subcommand(top, name).description(summary).allowExcessArguments(false).exitOverride();
    for (const setting of settingsOf(name).filter(hasFlag)) command.addOption(optionOf(setting));
    command.option(
      '--config <path>',
      'a YAML file of settings: the flags without dashes, such as `port: 8086`',
    );
    command.addHelpText('after', secretsHelp(name));
    command.action(async () => {
      const stop = endsInOrder ? abortOnSignals() : new AbortController().signal;
      const settings = resolveSettings(name, {
        flags: typedFlags(command),
        environment: process.env,
        file: command.getOptionValue('config'),
      });
      const log = await openLog(settings.logLevel);
      await action({ settings, environment: process.env, log, output: process.stdout, stop });
    });
  }
  return top;
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
  const hints = [...(placeholder && fallback ? [`default: ${fallback}`] : []), `env: ${env}`].join(', ');
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
 * The first signal asks for an orderly end, the second one gets an end at once. SIGHUP is one of them where a
 * terminal was closed; without one (nohup, a service) it is ignored, which Node itself would not do.
 */
function abortOnSignals(): AbortSignal {
  const stop = new AbortController();
  const endings = { ...(process.stderr.isTTY && { SIGHUP: 1 }), SIGINT: 2, SIGTERM: 15 };
  process.on('SIGHUP', () => {});
  for (const [signal, number] of Object.entries(endings)) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(128 + number);
      stop.abort();
    });
  }
  return stop.signal;
}

function packageJson(): { version: string; description: string } {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
}
