import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../until.js';
import { isBundled, shellSensor, temporaryFolder, visualizer } from '../visualizer.js';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A run to the end of a sensor that prints one line, unless it is another command. */
function start(...args: string[]) {
  const environment = { HOME: folder, XDG_STATE_HOME: join(folder, 'state') };
  if (args.length > 0) return visualizer(args, environment);
  const sensor = shellSensor(folder, 'echo 7.5 5123123 1');
  const run = ['run', '--path-executable', sensor, '--restart', 'never', '--page-port', '0'];
  return visualizer(run, environment);
}

const CACHE = '.cache/visualizer';
const kept = () => {
  const [installation, ...others] = readdirSync(join(folder, CACHE));
  expect(others).toEqual([]);
  const path = join(folder, CACHE, installation as string);
  return readdirSync(path).map((name) => join(path, name));
};
const inodes = () => kept().map((file) => statSync(file).ino);

describe.skipIf(!isBundled)('what a run has compiled', () => {
  it('is there at its end, and taken by the next one, and by other commands', async () => {
    expect(await start()).toMatchObject({ exitCode: 0 });
    const first = inodes();
    expect(first.length).toBeGreaterThan(5);
    expect(await start()).toMatchObject({ exitCode: 0 });
    expect(inodes()).toEqual(first);
    const { stdout } = await start('export');
    expect(stdout.trim().split('\n')).toHaveLength(3);
    expect(inodes()).toEqual(first);
  });

  it('is there while it goes on', async () => {
    const sensor = shellSensor(folder, 'echo 7.5 5123123 1; exec sleep 60');
    const run = start('run', '--path-executable', sensor, '--page-port', '0');
    await until('it is kept', () => existsSync(join(folder, CACHE)) && kept().length > 5, 60_000);
    run.kill('SIGTERM');
    expect(await run).toMatchObject({ exitCode: 0 });
  });

  it('is kept by no other command, and by no run that failed', async () => {
    expect(await start('--version')).toMatchObject({ exitCode: 0 });
    expect(await start('run', '--path-executable', join(folder, 'nothing'))).toMatchObject({ exitCode: 66 });
    expect(existsSync(join(folder, CACHE))).toBe(false);
  });

  it('may be spoilt, and costs nobody a reading', async () => {
    expect(await start()).toMatchObject({ exitCode: 0 });
    for (const file of kept()) writeFileSync(file, readFileSync(file).fill(0, 1000));
    expect(await start()).toMatchObject({ exitCode: 0 });
    const { stdout } = await start('export');
    expect(stdout.trim().split('\n')).toHaveLength(3);
  });
});
