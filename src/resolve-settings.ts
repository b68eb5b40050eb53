import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isMap, isScalar, parseDocument, type Scalar } from 'yaml';
import { messageOf, VisualizerError } from './errors.js';
import { findVariable, UnreadableFile } from './secret-file.js';
import { BUNDLED, type Command, SETTINGS, type Setting, type Settings } from './settings.js';

/** Where the values come from besides the defaults. */
export interface Sources {
  /** By flag, as they were typed; a switch is `true` or `false`. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly environment: NodeJS.ProcessEnv;
  /** A YAML file that maps flags (without dashes) to values. */
  readonly file?: string | undefined;
}

/**
 * Finds the value of every setting that a command has; the others are left out.
 * @throws VisualizerError BAD_SETTING, its message a line for every value that is none, with where it came from
 */
export function resolveSettings(command: Command, sources: Sources): Settings {
  const file = sources.file === undefined ? {} : readSettingsFile(sources.file);
  const mistakes: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries<Setting>(SETTINGS)) {
    if (!setting.commands.includes(command)) continue;
    const found = find(setting, sources, file);
    if (found === undefined) continue;
    values[name] = setting.parse(found.text);
    if (values[name] === undefined) {
      const shown = setting.flag === undefined ? 'its value' : JSON.stringify(found.text);
      mistakes.push(`${found.source}: ${shown} must be ${setting.expected}`);
    }
  }
  if (mistakes.length > 0) {
    throw new VisualizerError(
      'BAD_SETTING',
      `A setting has a wrong value:\n${mistakes.map((line) => `  ${line}`).join('\n')}`,
    );
  }
  return values as unknown as Settings;
}

/** Of the bundled sensor, where no definition is named. */
export function definitionFileOf({ sensor }: Pick<Settings, 'sensor'>): string {
  return sensor ?? BUNDLED.sensor;
}

/** `$XDG_STATE_HOME/visualizer/<sensor name>`, by the XDG base directory specification. */
export function defaultStateDir(sensorName: string, environment: NodeJS.ProcessEnv): string {
  const base = environment.XDG_STATE_HOME || join(environment.HOME || homedir(), '.local', 'state');
  return join(base, 'visualizer', sensorName);
}

interface Found {
  readonly text: string;
  readonly source: string;
}

function find(
  setting: Setting,
  { flags, environment }: Sources,
  file: Record<string, string>,
): Found | undefined {
  const { flag, env, fallback } = setting;
  const typed = flag === undefined ? undefined : flags[flag];
  if (typed !== undefined) return { text: typed, source: `--${flag}` };
  if (flag === undefined) return findSecret(env, environment);
  if (environment[env]) return { text: environment[env], source: `environment variable ${env}` };
  const key = flag.replace(/^no-/, '');
  if (file[key] !== undefined) return { text: file[key], source: `settings file, ${key}` };
  return fallback === undefined ? undefined : { text: fallback, source: 'default' };
}

/** A secret has no flag, and may stand in a file. */
function findSecret(env: string, environment: NodeJS.ProcessEnv): Found | undefined {
  try {
    const found = findVariable(env, environment);
    return found && { text: found.text, source: `environment variable ${found.name}` };
  } catch (cause) {
    if (!(cause instanceof UnreadableFile)) throw cause;
    throw new VisualizerError('BAD_SETTING', cause.message, { cause });
  }
}

/** The values as they are written: `1.10` stays what it is; one that is left empty is not set. */
function readSettingsFile(file: string): Record<string, string> {
  const refuse = (problem: string, cause?: unknown) =>
    new VisualizerError('BAD_SETTING', `--config: ${file}: ${problem}`, { cause });
  let content: ReturnType<typeof parseDocument>;
  try {
    content = parseDocument(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw refuse(`cannot be read: ${messageOf(cause)}`, cause);
  }
  if (content.errors[0] !== undefined) throw refuse(content.errors[0].message);
  if (content.contents === null) return {};
  if (!isMap(content.contents)) throw refuse('it must map settings to values, such as `port: 8086`');

  const known = Object.values<Setting>(SETTINGS).flatMap(({ flag }) => flag?.replace(/^no-/, '') ?? []);
  const entries = content.contents.items.map(({ key, value }) => [String(key), value] as const);
  const unknown = entries.filter(([key]) => !known.includes(key)).map(([key]) => key);
  if (unknown.length > 0) throw refuse(`${unknown.join(', ')} is no setting; known: ${known.join(', ')}`);
  const wrong = entries.find(([, value]) => value !== null && !isScalar(value));
  if (wrong !== undefined) throw refuse(`${wrong[0]} must be a single value`);
  return Object.fromEntries(
    entries.flatMap(([key, value]) => {
      const { value: parsed, source } = value as Scalar;
      return parsed === null ? [] : [[key, source ?? String(parsed)]];
    }),
  );
}
