import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CLI, temporaryFolder } from '../visualizer.js';
import { definitionFile } from './doctor.js';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it.each<[string, Record<string, string>, string]>([
  ['is coloured', {}, '\u001b[31mfail  \u001b[39mnone-such cannot'],
  ['has no colours with NO_COLOR', { NO_COLOR: '1' }, 'sensor      fail  none-such cannot'],
  ['has no colours where it knows none', { TERM: 'dumb' }, 'sensor      fail  none-such cannot'],
])('on a terminal the level %s', async (_name, environment, shown) => {
  const own = ['--sensor', definitionFile(folder), '--state-dir', join(folder, 'state'), '--no-page'];
  const command = [process.execPath, CLI, 'check', '--path-executable', 'none-such', ...own];
  const script = 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)';
  const { stdout, exitCode } = await execa('python3', ['-c', script, ...command], {
    reject: false,
    stdin: 'ignore',
    extendEnv: false,
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', TERM: 'xterm', ...environment },
  });
  expect(stdout).toContain(shown);
  expect(exitCode).toBe(66);
});
