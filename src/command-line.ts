/** The command line as commander reads it: the commands, their flags and help from the table of settings, the version. */
import { existsSync, readFileSync } from 'node:fs';
import { Argument, Command, Option } from 'commander';
import type { Shell } from './commands/completion.js';
import type { Sources } from './resolve-settings.js';
import { type Command as CommandName, SETTINGS, type Setting } from './settings.js';

export interface CommandEntry {
  readonly name: CommandName;
  readonly summary: string;
  readonly runsSensor?: boolean;
}

/** What was typed behind a command. */
export type Typed = Pick<Sources, 'flags' | 'file'>;

const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish'];

/**
 * Calls `invoke` with the command that was typed as `words`. What cannot be understood is a CommanderError, already
 * said.
 */
export async function parseCommandLine<Entry extends CommandEntry>(
  words: readonly string[],
  entries: readonly Entry[],
  invoke: (entry: Entry, typed: Typed) => Promise<void>,
): Promise<void> {
  const { version, description } = packageJson();
  const commit = commitOfBuild();
  const top = new Command('visualizer')
    .description(description)
    .version(commit === undefined ? version : `${version} (${commit})`)
    .exitOverride()
    .showHelpAfterError('(visualizer --help tells more)');
  // Hundreds in all, which take longer to make than the words to read.
  const named = entries.filter(({ name }) => words.includes(name.split(' ')[0] as string));
  for (const entry of entries) {
    const { name, summary, runsSensor } = entry;
    const command = subcommand(top, name).description(summary).allowExcessArguments(false).exitOverride();
    if (runsSensor) command.usage('[options] [-- arguments of the sensor...]');
    const hint = runsSensor ? 'a sensor is named by --path-executable <file>; ' : '';
    command.showHelpAfterError(`(${hint}visualizer ${name} --help tells more)`);
    if (named.length === 0 || named.includes(entry)) addOptions(command, name);
    command.action(() => invoke(entry, typedIn(command)));
  }
  addCompletion(top, entries);
  await top.parseAsync(words, { from: 'user' });
}

function addOptions(command: Command, name: CommandName): void {
  for (const setting of settingsOf(name).filter(hasFlag)) command.addOption(optionOf(setting));
  command.option(
    '--config <path>',
    'a YAML file of settings: the flags without dashes, such as `port: 8086`',
  );
  command.addHelpText('after', secretsHelp(name));
}

/** The flags of the command line as texts, so that they are read like those of any other source. */
function typedIn(command: Command): Typed {
  const typed = command.options
    .filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli')
    .map((option) => [option.name(), String(command.getOptionValue(option.attributeName()))]);
  return { flags: Object.fromEntries(typed), file: command.getOptionValue('config') };
}

/** No setting has any meaning for it. */
function addCompletion(top: Command, entries: readonly CommandEntry[]): void {
  top
    .command('completion')
    .description('print the completion of this command line, for a shell to read')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .allowExcessArguments(false)
    .exitOverride()
    .action(async (shell: Shell) => {
      const { completion } = await import('./commands/completion.js');
      const own = SHELLS.map((name) => ({ name: `completion ${name}`, summary: `for ${name}` }));
      process.stdout.write(completion(shell, [...entries, ...own]));
    });
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

function packageJson(): { version: string; description: string } {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
}

/** Written by the build; there is none where it had no git. */
function commitOfBuild(): string | undefined {
  const file = new URL('commit', import.meta.url);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
