import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { visualizer } from '../visualizer.js';

export interface Diagnosis {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** What is said about a subject: its line and those below it. */
  about(subject: string): string;
}

/** Runs the command in a folder of a test, with a state directory there and a sound sensor unless one is given. */
export async function diagnose(
  folder: string,
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<Diagnosis> {
  const given = (flag: string, value: string) => (args.includes(flag) ? [] : [flag, value]);
  const source = args.includes('--path-executable') ? [] : given('--input', inputFile(folder));
  const defaults = [
    ...given('--state-dir', join(folder, 'state')),
    ...given('--sensor', definitionFile(folder)),
    ...source,
    ...(args.includes('--page-port') ? [] : ['--no-page']),
  ];
  const { exitCode, stdout, stderr } = await visualizer(['check', ...defaults, ...args], environment);
  return {
    exitCode,
    stdout,
    stderr,
    about: (subject) => new RegExp(`^${subject} .*(\n +.*)*`, 'm').exec(stdout)?.[0] ?? '',
  };
}

function inputFile(folder: string): string {
  const file = join(folder, 'lines.txt');
  writeFileSync(file, '1.5 7\n2.5 8\n');
  return file;
}

export function definitionFile(folder: string): string {
  const file = join(folder, 'sensor.yaml');
  writeFileSync(
    file,
    'name: bench\nmeasurement: m\nmetrics:\n' +
      '  - { name: load, type: float, kind: gauge }\n  - { name: turns, type: integer, kind: counter }\n',
  );
  return file;
}
