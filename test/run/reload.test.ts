import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Status } from '../../src/local/api.js';
import { hasInfluxd, type Influxd, startInfluxd } from '../servers/influxd.js';
import { until } from '../until.js';
import { logLines, type Run, shellSensor, temporaryFolder, untilLogged, visualizer } from '../visualizer.js';

let folder: string;
let child: Run | undefined;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

const TWO = '{ name: a, type: integer, kind: counter }, { name: b, type: float, kind: gauge }';
const THREE = `${TWO}, { name: c, type: integer, kind: gauge }`;

async function define(metrics: string, name = 'mine'): Promise<string> {
  const file = join(folder, 'sensor.yaml');
  await writeFile(file, `name: ${name}\nmeasurement: sensor\nmetrics: [${metrics}]\n`);
  return file;
}

/** A run of a sensor that prints three values a line, ten times a second. */
async function start(...args: string[]): Promise<{ run: Run }> {
  const script = 'i=0; while :; do i=$((i + 1)); echo "$i 0.5 $i"; sleep 0.1; done';
  child = visualizer([
    'run',
    ...['--path-executable', shellSensor(folder, script), '--sensor', await define(TWO)],
    ...['--state-dir', join(folder, 'state'), '--flush-interval', '50ms', ...args],
  ]);
  await untilLogged(child, 'Recording to');
  return { run: child };
}

async function exported(): Promise<string[]> {
  const definition = join(folder, 'sensor.yaml');
  const { stdout, stderr } = await visualizer([
    'export',
    '--state-dir',
    join(folder, 'state'),
    '--sensor',
    definition,
  ]);
  expect(stderr).toBe('');
  return stdout.split('\n');
}

describe('SIGHUP', () => {
  it('puts a new definition in force without stopping the sensor, on the page too', async () => {
    const { run } = await start('--page-port', '0');
    await untilLogged(run, 'does not allow');
    const page = /The live page is at (http:[^"]*)"/.exec(run.log)?.[1];
    await define(THREE);
    run.kill('SIGHUP');
    await untilLogged(run, 'is in force');
    await until('the page shows three metrics', async () => {
      const answer = await fetch(`${page}api/status`).catch(() => undefined);
      const status = (await answer?.json()) as Status | undefined;
      return status?.about.metrics.length === 3 && status.newest !== null;
    });
    run.kill('SIGTERM');
    await run;
    const ended = logLines(run.log).find(({ msg }) => msg === 'The run has ended');
    expect(ended?.restarts).toBe(0);
    const [header, ...rows] = await exported();
    expect(header).toBe('time,env,defect,a,b,c');
    // What was read by the old definition did not fit it: each line since is there, in order.
    const counters = rows.map((row) => Number(row.split(',')[3]));
    expect(counters).toEqual(counters.map((_, index) => (counters[0] as number) + index));
    expect(counters.length + Number(ended?.rejected)).toBe(ended?.read);
  });

  it.each([
    [
      'with mistakes',
      (file: string) => writeFile(file, 'name: mine\nmetrics: [{ name: a }]\nfoo: 1\n'),
      'foo',
    ],
    ['of another sensor', () => define(TWO, 'other'), '"other" is another sensor than "mine"'],
    [
      'that changes the type of what is stored',
      () => define('{ name: a, type: float, kind: gauge }, { name: b, type: float, kind: gauge }'),
      'but the store holds it as integer',
    ],
  ])('refuses a definition %s, and keeps the old one', async (_, change, reason) => {
    const { run } = await start('--no-page');
    await change(join(folder, 'sensor.yaml'));
    run.kill('SIGHUP');
    await untilLogged(run, 'The definition is not taken, the old one stays');
    expect(run.log).toContain(reason.replaceAll('"', '\\"'));
    const before = run.log.length;
    run.kill('SIGHUP');
    await until('it was refused again', () => run.log.slice(before).includes('the old one stays'));
    await define(THREE);
    run.kill('SIGHUP');
    await untilLogged(run, 'is in force');
    run.kill('SIGTERM');
    expect(await run).toMatchObject({ exitCode: 0 });
  });

  it('says when nothing has changed', async () => {
    const { run } = await start('--no-page');
    run.kill('SIGHUP');
    await untilLogged(run, 'nothing has changed');
    run.kill('SIGTERM');
    expect(await run).toMatchObject({ exitCode: 0 });
  });
});

describe.skipIf(!hasInfluxd)('SIGHUP with InfluxDB', () => {
  let influxd: Influxd;
  beforeEach(async () => {
    influxd = await startInfluxd();
  });
  afterEach(() => influxd.stop());

  it('writes by the new definition from then on', async () => {
    const { run } = await start('--no-page', '--host', '127.0.0.1', '--port', String(influxd.port));
    await untilLogged(run, 'takes the readings');
    await define(THREE);
    run.kill('SIGHUP');
    await untilLogged(run, 'is in force');
    await until('a reading with the new metric is there', async () => {
      return (await influxd.query('sensor', 'SELECT c FROM sensor')).length > 0;
    });
    run.kill('SIGTERM');
    await run;
    const ended = logLines(run.log).find(({ msg }) => msg === 'The run has ended');
    expect(ended).toMatchObject({ queued: 0, dropped: 0 });
    expect(Number(ended?.delivered) + Number(ended?.rejected)).toBe(ended?.read);
  });
});
