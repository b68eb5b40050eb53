import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { until } from './until.js';

/** Where a command line is to leave which of its lines were run: `npm run coverage`. The bundle could not tell. */
const COVERAGE = process.env.COVERAGE_OF_CHILDREN;

/** Whether it is as users have it. */
export const isBundled = COVERAGE === undefined;

/** The built command line, and the files of this repository that tests give to it. */
export const CLI = path(isBundled ? 'dist/cli.js' : 'build/cli.js');
export const BUNDLED_SENSOR = path('sensor_runner/sensor');
export const BUNDLED_DEFINITION = path('sensor_runner/sensor.yaml');

function path(name: string): string {
  return fileURLToPath(new URL(`../${name}`, import.meta.url));
}

/** A temporary folder for one test; the caller removes it. */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'visualizer-test-'));
}

/** Writes a shell script to be run as a sensor, and returns its path. */
export function shellSensor(folder: string, script: string, name = 'sensor'): string {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return file;
}

/** A run of the command line: a child process, a promise of its result, and what it has logged so far. */
export type Run = ReturnType<typeof visualizer>;

/**
 * Runs the real command line as a user would, with an environment of its own. It never rejects: look at
 * `exitCode`, `stdout`, `stderr`.
 */
export function visualizer(args: readonly string[], environment: Record<string, string> = {}) {
  const child = execa(process.execPath, [CLI, ...args], {
    reject: false,
    stdin: 'ignore',
    extendEnv: false,
    maxBuffer: 500 * 1024 * 1024,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: '/nonexistent',
      ...(COVERAGE !== undefined && { NODE_V8_COVERAGE: COVERAGE }),
      ...environment,
    },
  });
  const run = Object.assign(child, { log: '' });
  child.stderr?.on('data', (chunk) => {
    run.log += chunk;
  });
  return run;
}

/** Waits until a run has logged this text, however long ago that was. */
export async function untilLogged(run: Run, text: string, deadlineMs?: number): Promise<void> {
  await until(`the run logs: ${text}`, () => run.log.includes(text), deadlineMs);
}

/** The JSON lines that a run has logged to stderr. */
export function logLines(stderr: string): Record<string, unknown>[] {
  return stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
}
