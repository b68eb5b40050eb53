import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../servers/server.js';
import { shellSensor, temporaryFolder, visualizer } from '../visualizer.js';
import { definitionFile, diagnose } from './doctor.js';

/** Only root may mount a disk of a size of its own. */
const canMount = process.platform === 'linux' && process.getuid?.() === 0 && mounts();
function mounts(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'visualizer-test-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'visualizer-test', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  }
}

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a state directory', () => {
  it('that can be made is not made by a check', async () => {
    const { exitCode, about } = await diagnose(folder, []);
    expect(exitCode).toBe(0);
    expect(about('state')).toMatch(/^state +ok .*state can be made$/);
    expect(existsSync(join(folder, 'state'))).toBe(false);
  });

  it('that is a file cannot be used', async () => {
    const { exitCode, about } = await diagnose(folder, ['--state-dir', join(definitionFile(folder), 'x')]);
    expect(exitCode).toBe(73);
    expect(about('state')).toMatch(/^state +fail .*cannot be written to.*\n +-> .*--state-dir/);
  });

  it('goes before the sensor where several fail', async () => {
    const state = join(definitionFile(folder), 'x');
    const { exitCode } = await diagnose(folder, ['--state-dir', state, '--path-executable', 'none-such']);
    expect(exitCode).toBe(73);
  });

  it('on a disk with less room than the buffer may take is warned of', async () => {
    mkdirSync(join(folder, 'state'));
    const args = ['--host', '127.0.0.1', '--port', '1', '--buffer-max', '99999TiB'];
    const { about } = await diagnose(folder, args);
    expect(about('disk')).toMatch(
      /^disk +warn .* free, and .*\(--buffer-max\)\n +-> lower --buffer-max to .*MiB/,
    );
  });

  it.skipIf(!canMount)('on a disk that is nearly full is warned of', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'visualizer-test', folder]);
    try {
      definitionFile(folder);
      writeFileSync(join(folder, 'filler'), Buffer.alloc(1_000 * 1024));
      const { exitCode, about } = await diagnose(folder, []);
      expect(exitCode).toBe(0);
      expect(about('disk')).toMatch(
        /^disk +warn +nearly full: .* of 1\.0 MiB free at .*\n +-> make room, .*du -xh/,
      );
    } finally {
      execFileSync('umount', [folder]);
    }
  });

  it('with readings of an earlier run is told, and what becomes of them', async () => {
    const sensor = shellSensor(folder, 'echo 1 2; echo 3 4');
    const own = ['--sensor', definitionFile(folder), '--state-dir', join(folder, 'state')];
    const away = ['--host', '127.0.0.1', '--port', String(await freePort())];
    const once = ['--path-executable', sensor, '--restart', 'never', '--drain-timeout', '0', '--no-page'];
    await visualizer(['run', ...own, ...away, ...once]);

    const later = await diagnose(folder, away);
    expect(later.about('backlog')).toMatch(
      /^backlog +warn +2 readings .*\n +-> .*delivered first by the next run/,
    );
    const never = await diagnose(folder, []);
    expect(never.about('backlog')).toMatch(
      /warn +2 readings .*\n +-> start a run with --host .*buffer drop --before 0/,
    );
    expect(never.exitCode).toBe(0);
  });
});
