// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what looks like a template is the shell’s own
import { SETTINGS, type Setting } from '../settings.js';

/**
 * Completion of the command line, as a script that the shell reads at its start. All that it offers is written into
 * the script, from the commands and the table of settings: a key press never starts a process of ours.
 */

export type Shell = 'bash' | 'zsh' | 'fish';

/** `buffer inspect` is the command `inspect` of the group `buffer`. */
export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
}

interface Word {
  readonly word: string;
  readonly summary: string;
}

/** A flag, and what follows it: nothing, a file, one of a few words, or what nobody can guess. */
interface Flag extends Word {
  readonly takes: 'nothing' | 'file' | 'text' | readonly string[];
}

interface Completions {
  /** What may come first, groups included. */
  readonly first: readonly Word[];
  /** What may come after a group. */
  readonly groups: ReadonlyMap<string, readonly Word[]>;
  readonly commands: readonly { readonly name: string; readonly flags: readonly Flag[] }[];
}

export function completion(shell: Shell, commands: readonly CompletedCommand[]): string {
  return { bash, zsh, fish }[shell](completionsOf(commands));
}

const HELP: Flag = { word: 'help', summary: 'tell more', takes: 'nothing' };
const CONFIG: Flag = { word: 'config', summary: 'a YAML file of settings', takes: 'file' };

function completionsOf(commands: readonly CompletedCommand[]): Completions {
  const groups = new Map<string, Word[]>();
  const first = new Map<string, Word>();
  for (const { name, summary } of commands) {
    const [word, second] = name.split(' ') as [string, string?];
    first.set(word, { word, summary: second === undefined ? summary : '' });
    if (second !== undefined) groups.set(word, [...(groups.get(word) ?? []), { word: second, summary }]);
  }
  return {
    first: [...first.values()],
    groups,
    commands: commands.map(({ name }) => ({ name, flags: flagsOf(name) })),
  };
}

function flagsOf(command: string): Flag[] {
  const settings = Object.values<Setting>(SETTINGS).filter(({ commands }) =>
    (commands as readonly string[]).includes(command),
  );
  const flags = settings.flatMap(({ flag, help, placeholder, choices }): Flag[] => {
    if (flag === undefined) return [];
    const value = placeholder === 'path' ? 'file' : (choices ?? 'text');
    const summary = help.split(/; | \(/)[0] as string;
    return [{ word: flag, summary, takes: placeholder === undefined ? 'nothing' : value }];
  });
  return flags.length === 0 ? [HELP] : [...flags, CONFIG, HELP];
}

function bash({ first, groups, commands }: Completions): string {
  const flags = commands.flatMap((command) => command.flags);
  const taking = (takes: Flag['takes']) => dashed(flags.filter((flag) => flag.takes === takes)).join('|');
  const chosen = flags.filter((flag) => Array.isArray(flag.takes));
  return lines(
    '# Completion of visualizer for bash: . <(visualizer completion bash)',
    '_visualizer() {',
    '  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} word',
    '  COMPREPLY=()',
    '  # bash takes --flag=value for three words.',
    '  if [[ $current == = ]]; then current=; elif [[ $previous == = ]]; then previous=${COMP_WORDS[COMP_CWORD-2]}; fi',
    '  # What follows -- is the sensor’s.',
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    '    if [[ $word == -- ]]; then _visualizer_offer -f; return; fi',
    '  done',
    '  if ((COMP_CWORD == 1)); then',
    `    _visualizer_offer -W '${[...words(first), '--help', '--version'].join(' ')}'; return`,
    '  fi',
    '  case $previous in',
    `    ${taking('file')}) _visualizer_offer -f; return ;;`,
    ...unique(chosen.map((flag) => `    --${flag.word}) _visualizer_offer -W '${spaced(flag)}'; return ;;`)),
    `    ${taking('text')}) return ;;`,
    '  esac',
    '  case "${COMP_WORDS[1]} $([[ $COMP_CWORD -gt 2 ]] && echo "${COMP_WORDS[2]}")" in',
    ...[...groups].map(
      ([group, members]) => `    '${group} ') _visualizer_offer -W '${words(members).join(' ')}' ;;`,
    ),
    ...commands.map(
      (command) =>
        `    '${command.name}'${command.name.includes(' ') ? '' : "' '*"}) _visualizer_offer -W '${dashed(command.flags).join(' ')}' ;;`,
    ),
    '  esac',
    '}',
    '_visualizer_offer() {',
    '  [[ $1 == -f ]] && compopt -o filenames 2>/dev/null',
    '  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen "$@" -- "$current")',
    '}',
    'complete -F _visualizer visualizer',
  );
}

function zsh({ first, groups, commands }: Completions): string {
  const described = (offered: readonly Word[]) =>
    offered.map(({ word, summary }) => quoted(summary ? `${word}:${summary}` : word)).join(' ');
  const spec = ({ word, summary, takes }: Flag) => {
    const value =
      takes === 'file' ? ':file:_files' : Array.isArray(takes) ? `:value:(${takes.join(' ')})` : ':value: ';
    return quoted(`--${word}[${summary.replace(/[[\]]/g, '\\$&')}]${takes === 'nothing' ? '' : value}`);
  };
  return lines(
    '#compdef visualizer',
    '# Completion of visualizer for zsh: visualizer completion zsh > "${fpath[1]}/_visualizer"',
    '_visualizer() {',
    '  local -a offered',
    '  local taken=2',
    '  if (( CURRENT == 2 )); then',
    `    offered=(${described(first)})`,
    '    _describe command offered',
    '    return',
    '  fi',
    '  case $words[2] in',
    ...[...groups].flatMap(([group, members]) => [
      `    ${group})`,
      '      taken=3',
      '      if (( CURRENT == 3 )); then',
      `        offered=(${described(members)})`,
      '        _describe command offered',
      '        return',
      '      fi ;;',
    ]),
    '  esac',
    '  local command="${words[2,taken]}"',
    '  words=("${(@)words[taken,-1]}")',
    '  (( CURRENT -= taken - 1 ))',
    '  case $command in',
    ...commands.flatMap((command) => [
      `    ${quoted(command.name)})`,
      '      _arguments \\',
      ...command.flags.map((flag) => `        ${spec(flag)} \\`),
      "        '*:file:_files' ;;",
    ]),
    '  esac',
    '}',
    'if [[ $funcstack[1] == _visualizer ]]; then _visualizer "$@"; else compdef _visualizer visualizer; fi',
  );
}

function fish({ first, groups, commands }: Completions): string {
  const offer = (condition: string, { word, summary }: Word) =>
    `complete -c visualizer -n ${quoted(condition)} -a ${word}${summary ? ` -d ${quoted(summary)}` : ''}`;
  const flagLine = (command: string, { word, summary, takes }: Flag) => {
    const value =
      takes === 'file'
        ? ' -r -F'
        : takes === 'text'
          ? ' -x'
          : Array.isArray(takes)
            ? ` -x -a ${quoted(takes.join(' '))}`
            : '';
    return `complete -c visualizer -n '__visualizer_in ${command}' -l ${word}${value} -d ${quoted(summary)}`;
  };
  return lines(
    '# Completion of visualizer for fish: visualizer completion fish | source',
    'function __visualizer_in --description "whether the line so far begins with this command"',
    '    set -l typed (commandline -opc)[2..-1]',
    '    test (count $typed) -ge (count $argv); and test "$typed[1..$(count $argv)]" = "$argv"',
    'end',
    'function __visualizer_after --description "whether the line so far is this"',
    '    set -l typed (commandline -opc)[2..-1]',
    '    test "$typed" = "$argv"',
    'end',
    "complete -c visualizer -f -n 'not contains -- -- (commandline -opc)'",
    "complete -c visualizer -n '__visualizer_after' -l version -d 'tell the version'",
    "complete -c visualizer -n '__visualizer_after' -l help -d 'tell more'",
    ...first.map((word) => offer('__visualizer_after', word)),
    ...[...groups].flatMap(([group, members]) =>
      members.map((word) => offer(`__visualizer_after ${group}`, word)),
    ),
    ...commands.flatMap(({ name, flags }) => flags.map((flag) => flagLine(name, flag))),
  );
}

function dashed(flags: readonly Word[]): string[] {
  return unique(words(flags).map((word) => `--${word}`));
}

function words(offered: readonly Word[]): string[] {
  return offered.map(({ word }) => word);
}

function spaced({ takes }: Flag): string {
  return (takes as readonly string[]).join(' ');
}

/** For any of the three. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function unique(all: readonly string[]): string[] {
  return [...new Set(all)];
}

function lines(...all: string[]): string {
  return `${all.join('\n')}\n`;
}
