import { appendFileSync, readdirSync, statSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../until.js';
import { BUNDLED_SENSOR, logLines, shellSensor, temporaryFolder, visualizer } from '../visualizer.js';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const state = () => join(folder, 'state');
const run = (sensor: string, ...args: string[]) =>
  visualizer(['run', '--no-page', '--state-dir', state(), '--path-executable', sensor, ...args]);
const exported = async (...args: string[]) => {
  const { stdout, exitCode, stderr } = await visualizer(['export', '--state-dir', state(), ...args]);
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  return stdout.split('\n');
};

/** A sensor that runs the bundled one with these options. */
function bundled(options: string): string {
  return shellSensor(folder, `exec ${BUNDLED_SENSOR} ${options}`);
}

const walBytes = () => statSync(join(state(), 'store.duckdb.wal'), { throwIfNoEntry: false })?.size ?? 0;

describe('the embedded store', () => {
  it('holds every reading of 10,000 lines at full speed, exactly, each with a timestamp of its own', async () => {
    const sensor = bundled('--interval 0 --lines 10000 --seed 1');
    const { exitCode, stderr } = await run(sensor, '--restart', 'never');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    const { stdout: printed } = await execa(BUNDLED_SENSOR, [
      '--interval',
      '0',
      '--lines',
      '10000',
      '--seed',
      '1',
    ]);

    const [header, ...rows] = await exported();
    expect(header).toBe('time,env,defect,cpu_load,random_value,counter');
    const stored = rows.map((row) => row.split(','));
    expect(stored.map(([, , , ...values]) => values.map(Number))).toEqual(
      printed.split('\n').map((line) => line.split(' ').map(Number)),
    );
    expect(new Set(stored.map(([time]) => time)).size).toBe(10_000);
    expect(
      stored.every(
        ([, , defect, ...values]) => (defect === 'true') === values.every((value) => value === '0'),
      ),
    ).toBe(true);
    expect(logLines(stderr).at(-1)).toMatchObject({ read: 10_000, delivered: 10_000, queued: 0 });
  });

  it('keeps what was committed, and opens again, after kill -9 at a random moment under full load', async () => {
    let before = 0;
    for (let round = 0; round < 5; round += 1) {
      const child = run(bundled('--interval 0'), '--flush-interval', '10ms');
      await until('readings are stored', () => walBytes() > 400_000);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 400)); // The random moment.
      child.kill('SIGKILL');
      await child;
      const [, ...rows] = await exported();
      const times = rows.map((row) => row.slice(0, 30));
      expect(rows.length).toBeGreaterThanOrEqual(before);
      expect(new Set(times).size).toBe(rows.length);
      expect(times).toEqual(times.toSorted());
      expect(rows.every((row) => row.split(',').length === 6)).toBe(true);
      before = rows.length;
    }
    expect(before).toBeGreaterThan(10_000);
  });

  it('opens over a log with a damaged tail, says so, and loses only what was damaged', async () => {
    const child = run(bundled('--interval 5'), '--flush-interval', '20ms');
    const wal = join(state(), 'store.duckdb.wal');
    await until('some commits are in the log', () => walBytes() > 3_000);
    child.kill('SIGKILL');
    await child;
    appendFileSync(wal, Buffer.alloc(4096));
    const { stdout, stderr, exitCode } = await visualizer(['export', '--state-dir', state()]);
    expect(exitCode).toBe(0);
    expect(stdout.split('\n').length).toBeGreaterThan(2);
    expect(stderr).toContain('write-ahead log of the store is damaged');
    expect(readdirSync(state()).some((name) => name.includes('.wal.damaged-'))).toBe(true);
  });

  it('is exported for a time range, and as line protocol', async () => {
    await run(bundled('--interval 0 --lines 5 --defect-rate 0'), '--restart', 'never', '--env', 'a b,c');
    expect(await exported('--from', '1h')).toHaveLength(6);
    expect(await exported('--to', '1h')).toHaveLength(1);
    const { exitCode, stderr } = await visualizer(['export', '--from', '1h', '--to', '2h']);
    expect([exitCode, stderr]).toEqual([78, expect.stringContaining('--from is not before --to')]);
    const lines = await exported('--format', 'lp');
    expect(
      lines.filter((line) => line.startsWith('sensor,env=a\\ b\\,c,sensor=demo,defect=false cpu_load=')),
    ).toHaveLength(5);
    expect(lines.some((line) => line.startsWith('runner,env=a\\ b\\,c,sensor=demo read=5i '))).toBe(true);
    expect((await exported())[1]).toContain(',"a b,c",false,');
  });

  it('is not exported as the readings of another sensor, and not shown as them', async () => {
    const own = join(folder, 'own.yaml');
    await writeFile(
      own,
      'name: oven\nmeasurement: sensor\nmetrics: [{ name: heat, type: float, kind: gauge }]\n',
    );
    expect(await run(shellSensor(folder, 'echo 7.5'), '--sensor', own, '--restart', 'never')).toMatchObject({
      exitCode: 0,
    });
    for (const command of [
      ['export', '--format', 'lp'],
      ['view', '--page-port', '0'],
    ]) {
      const { exitCode, stdout, stderr } = await visualizer([...command, '--state-dir', state()]);
      expect([exitCode, stdout]).toEqual([78, '']);
      expect(stderr).toContain('holds none of the metrics of demo, but heat. Name the definition');
    }
    const [line] = await exported('--format', 'lp', '--sensor', own);
    expect(line).toMatch(/sensor=oven,defect=false heat=7\.5 \d+$/);
    // A table names no sensor.
    expect((await exported())[1]).toMatch(/,false,7\.5$/);
  });

  it('gains a column for a metric that the definition gains, and refuses one whose type changes', async () => {
    await run(bundled('--interval 0 --lines 3'), '--restart', 'never');
    const definition = (type: string) => `
name: demo
measurement: sensor
metrics:
  - { name: counter, type: ${type}, kind: counter }
  - { name: added, type: float, kind: gauge }
`;
    const file = join(folder, 'sensor.yaml');
    await writeFile(file, definition('integer'));
    const echo = shellSensor(folder, 'echo 17 2.5', 'echo');
    expect(await run(echo, '--restart', 'never', '--sensor', file)).toMatchObject({ exitCode: 0 });
    const [header, ...rows] = await exported('--sensor', file);
    expect(header).toBe('time,env,defect,cpu_load,random_value,counter,added');
    expect(rows.at(-1)?.split(',').slice(2)).toEqual(['false', '', '', '17', '2.5']);

    await writeFile(file, definition('float'));
    const { exitCode, stderr } = await run(echo, '--restart', 'never', '--sensor', file);
    expect(exitCode).toBe(78);
    expect(stderr).toContain('The metric counter is of type float, but the store holds it as integer');
  });

  it('forgets what is older than the retention', async () => {
    await run(bundled('--interval 0 --lines 3'), '--restart', 'never');
    const kept = async () => (await exported()).length - 1;
    expect(await kept()).toBe(3);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await run(bundled('--interval 0 --lines 1'), '--restart', 'never', '--retention', '50ms');
    expect(await kept()).toBeLessThanOrEqual(1);
  });
});
