import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmdirSync } from 'node:fs';
import { open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { hasInfluxd, numberOf, startInfluxd } from '../servers/influxd.js';
import {
  BUNDLED_SENSOR,
  logLines,
  shellSensor,
  temporaryFolder,
  untilLogged,
  visualizer,
} from '../visualizer.js';

/** Mounts a file system of its own on a new folder, where this user may. */
function mount(mebibytes: number): string | undefined {
  const folder = temporaryFolder();
  try {
    const options = ['-t', 'tmpfs', '-o', `size=${mebibytes}m`];
    execFileSync('mount', [...options, 'visualizer-test', folder], { stdio: 'pipe' });
    return folder;
  } catch {
    rmdirSync(folder);
    return undefined;
  }
}

function unmount(folder: string): void {
  execFileSync('umount', [folder]);
  rmdirSync(folder);
}

const probe = mount(1);
if (probe === undefined)
  process.stderr.write('skipped: a full disk is tested where a tmpfs may be mounted\n');
else unmount(probe);

describe.skipIf(probe === undefined)('a full disk', () => {
  let folder: string;
  let run: ReturnType<typeof visualizer> | undefined;
  afterEach(async () => {
    run?.kill('SIGKILL');
    await run;
    unmount(folder);
  });

  /** Starts a run of the bundled sensor, with everything on a disk of this size. */
  function start(mebibytes: number, options: string, ...args: string[]) {
    folder = mount(mebibytes) as string;
    shellSensor(folder, `exec ${BUNDLED_SENSOR} ${options}`);
    return restart(...args);
  }

  function restart(...args: string[]) {
    const [sensor, state] = [join(folder, 'sensor'), join(folder, 'state')];
    const child = visualizer([
      'run',
      '--no-page',
      '--state-dir',
      state,
      '--path-executable',
      sensor,
      ...args,
    ]);
    run = child;
    return child;
  }

  /** Takes all the room that is left, and returns what gives it back. */
  async function fill(): Promise<() => Promise<void>> {
    const file = await open(join(folder, 'fill'), 'w');
    const block = Buffer.alloc(4096);
    while ((await file.write(block).catch(() => ({ bytesWritten: 0 }))).bytesWritten > 0);
    await file.close();
    return () => rm(join(folder, 'fill'));
  }

  it.skipIf(!hasInfluxd)(
    'while InfluxDB is away does not end the run: what has no room is dropped and counted, all the rest is delivered',
    async () => {
      const influxd = await startInfluxd();
      await influxd.kill();
      const influx = ['--host', '127.0.0.1', '--port', String(influxd.port), '--drain-timeout', '60s'];
      const child = start(2, '--interval 0.02', ...influx);
      await untilLogged(child, 'Readings cannot be stored');
      await untilLogged(child, 'are lost');
      await influxd.start();
      await untilLogged(child, 'takes readings again"', 60_000);
      child.kill('SIGTERM');
      const { exitCode, stderr } = await child;
      expect(exitCode).toBe(0);

      const { read, delivered, queued, rejected, dropped } = logLines(stderr).at(-1) as Record<
        string,
        number
      >;
      expect(dropped).toBeGreaterThan(0);
      expect({ queued, rejected }).toEqual({ queued: 0, rejected: 0 });
      expect((delivered as number) + (dropped as number)).toBe(read);
      expect(await numberOf(influxd, 'sensor', 'SELECT count(counter) FROM sensor')).toBe(delivered);
      expect(await numberOf(influxd, 'sensor', 'SELECT sum(value) FROM "error.buffer_overflow"')).toBe(
        dropped,
      );
      await influxd.stop();
    },
    180_000,
  );

  it.skipIf(!hasInfluxd)('does not keep a new run from delivering what waits', async () => {
    const influxd = await startInfluxd();
    await influxd.kill();
    const influx = ['--host', '127.0.0.1', '--port', String(influxd.port), '--restart', 'never'];
    start(2, '--interval 0 --lines 100', ...influx, '--drain-timeout', '0');
    await run;
    for (const kill of [false, true]) {
      const free = await fill();
      const child = restart(...influx, '--drain-timeout', kill ? '1h' : '0');
      await untilLogged(child, 'Recording');
      if (kill) child.kill('SIGKILL');
      await child;
      await free();
    }
    await influxd.start();
    const free = await fill();
    const { exitCode, stderr } = await restart(...influx, '--drain-timeout', '30s');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    await free();
    expect(await numberOf(influxd, 'sensor', 'SELECT count(counter) FROM sensor')).toBeGreaterThanOrEqual(
      100,
    );
    await influxd.stop();
  });

  it('at the worst moment for the embedded store costs no reading, once there is room again', async () => {
    const child = start(12, '--interval 0.05 --defect-rate 0');
    await untilLogged(child, 'Recording');
    const taken = join(folder, 'taken');
    await writeFile(taken, randomBytes(7 * 1024 ** 2));
    await untilLogged(child, 'Readings cannot be stored');
    await rm(taken);
    await untilLogged(child, 'takes readings again');
    child.kill('SIGTERM');
    const { exitCode, stderr } = await child;
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    const { read, delivered, dropped } = logLines(stderr).at(-1) as Record<string, number>;
    expect({ delivered, dropped }).toEqual({ delivered: read, dropped: 0 });
    const { stdout } = await visualizer(['export', '--state-dir', join(folder, 'state')]);
    const rows = stdout.split('\n').slice(1);
    expect(new Set(rows.map((row) => row.split(',')[0])).size).toBe(read);
    // Those that waited are what was printed then, however much came and went meanwhile.
    const counters = rows.map((row) => Number(row.split(',').at(-1)));
    expect(counters).toEqual(Array.from({ length: read as number }, (_, n) => (counters[0] as number) + n));
  });

  it('that stays full to the end is an error, and what was lost is counted', async () => {
    const child = start(12, '--interval 0.05', '--drain-timeout', '100ms');
    await untilLogged(child, 'Recording');
    await writeFile(join(folder, 'taken'), randomBytes(7 * 1024 ** 2));
    await untilLogged(child, 'Readings cannot be stored');
    child.kill('SIGTERM');
    const { exitCode, stderr } = await child;
    expect(exitCode).toBe(73);
    const { read, delivered, dropped } = logLines(stderr).at(-1) as Record<string, number>;
    expect(dropped).toBeGreaterThan(0);
    expect((delivered as number) + (dropped as number)).toBe(read);
    expect(stderr).toContain(`${dropped} readings could not be stored, and are lost`);
  });
});
