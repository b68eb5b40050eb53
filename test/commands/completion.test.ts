// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what looks like a template is the shell’s own
import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa, execaSync } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LOG_LEVELS } from '../../src/log.js';
import { SETTINGS, type Setting } from '../../src/settings.js';
import { temporaryFolder, visualizer } from '../visualizer.js';

const has = (shell: string) => execaSync(shell, ['--version'], { reject: false }).exitCode === 0;
const FIRST = ['run', 'view', 'export', 'grafana', 'notify', 'buffer', 'completion'];
const RUN_FLAGS = Object.values<Setting>(SETTINGS)
  .filter(({ flag, commands }) => flag !== undefined && commands.includes('run'))
  .map(({ flag }) => `--${flag}`);

let folder: string;
beforeAll(async () => {
  folder = temporaryFolder();
  for (const shell of ['bash', 'zsh', 'fish']) {
    writeFileSync(join(folder, shell), (await visualizer(['completion', shell])).stdout);
  }
  writeFileSync(join(folder, 'a sensor.yaml'), '');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('completion', () => {
  it('is refused for a shell that is not known', async () => {
    const { exitCode, stderr } = await visualizer(['completion', 'csh']);
    expect(exitCode).toBe(64);
    expect(stderr).toContain('bash, zsh, fish');
  });
});

describe.skipIf(!has('bash'))('in bash', () => {
  /** What a press of Tab offers after these words, the last of which is being typed. */
  async function offered(...words: string[]): Promise<string[]> {
    const script =
      '. ./bash; COMP_WORDS=(visualizer "$@"); COMP_CWORD=$#; _visualizer; printf "%s\\n" "${COMPREPLY[@]}"';
    const { stdout, stderr } = await execa('bash', ['--norc', '-c', script, 'bash', ...words], {
      cwd: folder,
    });
    expect(stderr).toBe('');
    return stdout.split('\n').filter((word) => word !== '');
  }

  it('offers the commands, those of a group, and no command of a group where it stands alone', async () => {
    expect(await offered('')).toEqual(expect.arrayContaining([...FIRST, '--help', '--version']));
    expect(await offered('bu')).toEqual(['buffer']);
    expect(await offered('buffer', '')).toEqual(['inspect', 'verify', 'export', 'drop']);
    expect(await offered('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  it('offers every flag of a command, and of no other', async () => {
    expect(await offered('run', '')).toEqual([...RUN_FLAGS, '--config', '--help']);
    expect(await offered('buffer', 'drop', '--be')).toEqual(['--before']);
    expect(await offered('export', '--f')).toEqual(['--from', '--format']);
    expect(await offered('buffer', 'export', '--f')).toEqual([]);
    expect(await offered('run', '--quiet', '--flush-interval', '1s', '--dry')).toEqual(['--dry-run']);
  });

  it('offers what a flag can be: a few words, files, or nothing', async () => {
    expect(await offered('run', '--restart', '')).toEqual(['always', 'on-failure', 'never']);
    expect(await offered('run', '--restart', '=', 'n')).toEqual(['never']);
    expect(await offered('run', '--restart', '=')).toEqual(['always', 'on-failure', 'never']);
    expect(await offered('view', '--log-level', '')).toEqual(LOG_LEVELS);
    expect(await offered('run', '--sensor', 'a')).toEqual(['a sensor.yaml']);
    expect(await offered('run', '--config', 'a')).toEqual(['a sensor.yaml']);
    expect(await offered('run', '--host', '')).toEqual([]);
  });

  it('offers files for the arguments of the sensor', async () => {
    expect(await offered('run', '--', 'a')).toEqual(['a sensor.yaml']);
  });

  it('is what the shell calls for visualizer', async () => {
    const { stdout } = await execa('bash', ['--norc', '-c', '. ./bash; complete -p visualizer'], {
      cwd: folder,
    });
    expect(stdout).toContain('-F _visualizer visualizer');
  });
});

describe.skipIf(!has('zsh'))('in zsh', () => {
  /** What zsh's own helpers are asked to offer after these words, the last of which is being typed. */
  async function asked(...words: string[]): Promise<string[]> {
    const script = [
      'compdef() { }',
      '_describe() { print -rl -- "${(@P)2}" }',
      '_arguments() { print -r -- "at $words[1] $CURRENT"; print -rl -- "$@" }',
      '. ./zsh',
      'words=(visualizer "$@"); CURRENT=$#words',
      '_visualizer',
    ].join('\n');
    const { stdout, stderr } = await execa('zsh', ['-f', '-c', script, 'zsh', ...words], { cwd: folder });
    expect(stderr).toBe('');
    return stdout.split('\n');
  }

  it('offers the commands and those of a group, with what they do', async () => {
    expect((await asked('')).map((entry) => entry.split(':')[0])).toEqual(expect.arrayContaining(FIRST));
    expect((await asked('buffer', '')).map((entry) => entry.split(':')[0])).toEqual([
      ...['inspect', 'verify', 'export', 'drop'],
    ]);
  });

  it('offers every flag of a command with its values', async () => {
    const [at, ...flags] = await asked('run', '');
    expect(at).toBe('at run 2');
    expect(flags.map((flag) => flag.split('[')[0])).toEqual([
      ...RUN_FLAGS,
      '--config',
      '--help',
      '*:file:_files',
    ]);
    expect(flags.find((flag) => flag.startsWith('--restart['))).toMatch(
      /:value:\(always on-failure never\)$/,
    );
    expect(flags.find((flag) => flag.startsWith('--sensor['))).toMatch(/:file:_files$/);
    expect((await asked('buffer', 'drop', ''))[0]).toBe('at drop 2');
  });
});

describe.skipIf(!has('fish'))('in fish', () => {
  async function offered(line: string): Promise<string[]> {
    const script = 'source ./fish; complete -C $argv[1]';
    const environment = { HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder };
    const { stdout } = await execa('fish', ['--no-config', '-c', script, line], {
      cwd: folder,
      env: environment,
    });
    return stdout.split('\n').map((entry) => entry.split('\t')[0] as string);
  }

  it('offers commands, flags of a command and of no other, and values', async () => {
    expect(await offered('visualizer ')).toEqual(expect.arrayContaining(FIRST));
    expect(await offered('visualizer buffer ')).toEqual(['drop', 'export', 'inspect', 'verify']);
    expect((await offered('visualizer run --')).toSorted()).toEqual(
      [...RUN_FLAGS, '--config', '--help'].toSorted(),
    );
    expect(await offered('visualizer export --fo')).toEqual(['--format']);
    expect(await offered('visualizer buffer export --fo')).toEqual(['']);
    expect(await offered('visualizer run --restart ')).toEqual(['always', 'never', 'on-failure']);
    expect(await offered('visualizer run --sensor a')).toEqual(['a sensor.yaml']);
  });
});
