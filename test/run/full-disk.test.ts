import { execFileSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { hasInfluxd, numberOf, startInfluxd } from '../servers/influxd.js';
import { until } from '../until.js';
import { BUNDLED_SENSOR, logLines, temporaryFolder, visualizer } from '../visualizer.js';

const folder = temporaryFolder();
const canMount = mounted(folder);

/** Mounts a file system of 2 MiB, where this user may. */
function mounted(directory: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'visualizer-test', directory], { stdio: 'pipe' });
    return true;
  } catch {
    process.stderr.write('skipped: a full disk is tested only where a tmpfs may be mounted (as root)\n');
    return false;
  }
}

describe.skipIf(!hasInfluxd || !canMount)('a disk that is full while InfluxDB is away', () => {
  let run: ReturnType<typeof visualizer> | undefined;
  afterAll(async () => {
    run?.kill('SIGKILL');
    await run;
    execFileSync('umount', [folder]);
    await rm(folder, { recursive: true });
  });

  it('does not end the run: what has no room is dropped and counted, and all the rest is delivered', async () => {
    const influxd = await startInfluxd();
    await influxd.kill();
    const sensor = join(folder, 'sensor');
    await writeFile(sensor, `#!/bin/sh\nexec ${BUNDLED_SENSOR} --interval 0.02\n`, { mode: 0o755 });
    run = visualizer([
      ...['run', '--no-page', '--state-dir', join(folder, 'state'), '--path-executable', sensor],
      ...['--host', '127.0.0.1', '--port', String(influxd.port), '--drain-timeout', '60s'],
    ]);
    let log = '';
    run.stderr?.on('data', (chunk) => {
      log += chunk;
    });
    await until('the disk is full', () => log.includes('Readings cannot be stored'));
    await until('readings are dropped', () => log.includes('are lost'));
    await influxd.start();
    await until('readings are stored again', () => log.includes('takes readings again"'), 60_000);
    run.kill('SIGTERM');
    const { exitCode, stderr } = await run;
    expect(exitCode).toBe(0);

    const { read, delivered, queued, rejected, dropped } = logLines(stderr).at(-1) as Record<string, number>;
    expect(dropped).toBeGreaterThan(0);
    expect({ queued, rejected }).toEqual({ queued: 0, rejected: 0 });
    expect((delivered as number) + (dropped as number)).toBe(read);
    expect(await numberOf(influxd, 'sensor', 'SELECT count(counter) FROM sensor')).toBe(delivered);
    expect(await numberOf(influxd, 'sensor', 'SELECT sum(value) FROM "error.buffer_overflow"')).toBe(dropped);
    await influxd.stop();
  });
});
