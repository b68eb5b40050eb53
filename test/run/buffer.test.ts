import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../servers/server.js';
import { until } from '../until.js';
import { BUNDLED_SENSOR, logLines, shellSensor, temporaryFolder, visualizer } from '../visualizer.js';

let folder: string;
let port: number;
beforeEach(async () => {
  folder = temporaryFolder();
  port = await freePort();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const state = () => join(folder, 'state');
const buffer = (command: string, ...args: string[]) =>
  visualizer(['buffer', command, '--state-dir', state(), ...args]);

/** The arguments of a run of the bundled sensor for an InfluxDB that is away. */
function runOf(options: string): string[] {
  const file = shellSensor(folder, `exec ${BUNDLED_SENSOR} ${options}`);
  return [
    ...['run', '--no-page', '--state-dir', state(), '--host', '127.0.0.1', '--port', String(port)],
    ...['--path-executable', file, '--drain-timeout', '0', '--flush-interval', '50ms'],
  ];
}

const record = async (options: string) => visualizer([...runOf(options), '--restart', 'never']);

describe('visualizer buffer', () => {
  it('inspects what is queued, and adds up the books, also while a run holds the directory', async () => {
    await record('--interval 0 --lines 500');
    const { stdout } = await buffer('inspect');
    expect(stdout).toMatch(/held by +nobody/);
    expect(stdout).toMatch(/queued +500 readings in \d+ records, from 2\d{3}-.* to 2\d{3}-/);
    expect(stdout).toMatch(/read +500 lines in all/);

    const child = visualizer(runOf('--interval 5'));
    const report = async () => JSON.parse((await buffer('inspect', '--json')).stdout);
    await until('the run has queued more', async () => (await report()).totals.queued > 500);
    const { holder, totals } = await report();
    expect(holder).toMatchObject({ pid: child.pid });
    expect(totals.delivered + totals.queued + totals.rejected + totals.dropped).toBe(totals.read);
    expect(await buffer('verify')).toMatchObject({ exitCode: 0 });
    const dropped = await buffer('drop', '--before', '0');
    expect(dropped).toMatchObject({ exitCode: 75 });
    expect(dropped.stderr).toContain(`Process ${child.pid}`);
    child.kill('SIGTERM');
    const { stderr } = await child;
    expect(logLines(stderr).at(-1)).toMatchObject({ queued: (await report()).totals.queued });
  });

  it('exports what is queued as line protocol, in order', async () => {
    await record('--interval 0 --lines 500 --defect-rate 0');
    const { stdout } = await buffer('export');
    const readings = stdout.split('\n').filter((line) => line.startsWith('sensor,'));
    expect(readings.map((line) => Number(/counter=(\d+)i/.exec(line)?.[1]))).toEqual(
      Array.from({ length: 500 }, (_, index) => index + 1),
    );
  });

  it('verifies every record, and names the place of a flipped bit', async () => {
    await record('--interval 1 --lines 200');
    expect(await buffer('verify')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^\d+ sound records$/),
    });
    const segments = join(state(), 'buffer');
    const name = readdirSync(segments).find((file) => file.endsWith('.segment')) as string;
    const bytes = readFileSync(join(segments, name));
    bytes[100] = (bytes[100] as number) ^ 1;
    writeFileSync(join(segments, name), bytes);
    const { exitCode, stderr } = await buffer('verify');
    expect(exitCode).toBe(65);
    expect(stderr).toMatch(new RegExp(`${name}: \\d+ bytes at 0 hold no sound record`));
  });

  it('drops what was queued before a moment, and counts it', async () => {
    await record('--interval 0 --lines 500');
    expect((await buffer('drop', '--before', '1h')).stdout).toBe('dropped 0 readings in 0 records');
    expect((await buffer('drop', '--before', '0')).stdout).toMatch(/^dropped 500 readings in \d+ records$/);
    expect(JSON.parse((await buffer('inspect', '--json')).stdout).totals).toEqual({
      read: 500,
      delivered: 0,
      queued: 0,
      rejected: 0,
      dropped: 500,
    });
  });

  it.each([
    ['inspect', 'only a run with --host makes one'],
    ['drop', 'needs --before'],
  ])('%s says what is missing', async (command, text) => {
    const { exitCode, stderr } = await buffer(command);
    expect(exitCode).toBeGreaterThan(0);
    expect(stderr).toContain(text);
  });
});
