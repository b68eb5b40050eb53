import { execFileSync } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Series } from '../../src/local/api.js';
import { ask } from '../local/server-fixture.js';
import { drawnIn, watchCharts } from '../servers/charts.js';
import { hasChromium, openBrowser } from '../servers/chromium.js';
import { freePort } from '../servers/server.js';
import { until } from '../until.js';
import { BUNDLED_SENSOR, logLines, shellSensor, temporaryFolder, visualizer } from '../visualizer.js';

describe.skipIf(!hasChromium)('the page of a real run', () => {
  let browser: Browser;
  let folder: string;
  let child: ReturnType<typeof visualizer> | undefined;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(async () => {
    child?.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  /** Starts a run, and returns the address of its page once it has said so. */
  async function startRun(...args: string[]): Promise<string> {
    const run = visualizer([
      ...[
        'run',
        '--page-port',
        '0',
        '--state-dir',
        join(folder, 'state'),
        '--path-executable',
        BUNDLED_SENSOR,
      ],
      ...['--flush-interval', '100ms', ...args],
    ]);
    child = run;
    const address = () => /live page is at (http:[^"]+)/.exec(run.log)?.[1];
    await until('the run has named its page', address);
    return address() as string;
  }

  /** What the tab shows, everything that it complains of, and every address that it asks. */
  async function visit(url: string) {
    const tab = await browser.newPage();
    const complaints: string[] = [];
    const requests: string[] = [];
    tab.on('console', (message) => complaints.push(message.text()));
    tab.on('pageerror', (error) => complaints.push(error.message));
    tab.on('request', (request) => requests.push(request.url()));
    await watchCharts(tab);
    await tab.goto(url);
    const count = async (name: string) => {
      const text = (await tab.locator('body').textContent()) ?? '';
      return Number(new RegExp(`${name}\\s*([\\d,]+)`, 'i').exec(text)?.[1]?.replaceAll(',', ''));
    };
    return { tab, complaints, requests, count };
  }

  it('shows readings as they are stored, and asks nobody but the run', async () => {
    const url = await startRun();
    const { tab, complaints, requests, count } = await visit(url);
    await until('three readings are stored', async () => (await count('Stored')) >= 3);
    for (const name of ['cpu_load', 'random_value', 'counter']) {
      expect(await tab.locator('body').textContent()).toContain(name);
    }
    await until('they are drawn', async () => (await tab.locator('canvas').count()) >= 3);
    expect(complaints).toEqual([]);
    expect(requests.filter((request) => !request.startsWith(url))).toEqual([]);
  });

  it('shows a line within 2 s of its being printed, as newest value and in its chart', async () => {
    const lines = join(folder, 'lines');
    execFileSync('mkfifo', [lines]);
    // Open for reading as well, so that what reads it never comes to an end.
    const sensor = await open(lines, 'r+');
    const executable = shellSensor(folder, `exec cat ${lines}`);
    const { tab } = await visit(await startRun('--flush-interval', '1s', '--path-executable', executable));
    await sensor.write('7.5 5000000 1000\n');
    await until('it is drawn', async () => (await drawnIn(tab))['counter.value']?.[0].length);
    const value = tab.locator('.value').nth(2);
    // Each line comes when the one before was stored just now, so that it has to wait the longest.
    for (const counter of [1_001, 1_002, 1_003, 1_004, 1_005]) {
      await sensor.write(`7.5 5000000 ${counter}\n`);
      const isShown = async () =>
        (await value.textContent()) === counter.toLocaleString('en') &&
        (await drawnIn(tab))['counter.value']?.[1]?.at(-1) === counter;
      await until(`${counter} is shown`, isShown, 2_000);
    }
    await sensor.close();
  });

  it('shows what an earlier run has stored', async () => {
    const first = await startRun();
    const { count } = await visit(first);
    await until('three readings are stored', async () => (await count('Stored')) >= 3);
    child?.kill('SIGTERM');
    const { stderr } = (await child) ?? { stderr: '' };
    const { read } = logLines(stderr).at(-1) as { read: number };

    const second = await startRun();
    const question = `/api/series?from=${Date.now() - 600_000}&to=${Date.now()}&points=1000`;
    const series = (await (await fetch(new URL(question, second))).json()) as Series;
    const lines = [...(series.metrics.counter?.count ?? []), ...series.defects];
    expect(lines.reduce((sum: number, count) => sum + Number(count), 0)).toBeGreaterThanOrEqual(read);
  });

  it('answers to the names of --page-name', async () => {
    const url = await startRun('--page-name', 'pi.lan,sensors.example.org');
    const status = async (host: string) => (await ask({ url }, '/api/status', { headers: { host } })).status;
    expect(await status('sensors.example.org')).toBe(200);
    expect(await status('pi.lan:8443')).toBe(200);
    expect(await status('evil.example')).toBe(421);
  });

  it('works while the run waits for an InfluxDB that is away: what is read is queued', async () => {
    const url = await startRun(
      '--host',
      '127.0.0.1',
      '--port',
      String(await freePort()),
      '--drain-timeout',
      '0',
    );
    const { count, complaints } = await visit(url);
    await until('three readings are queued', async () => (await count('Queued')) >= 3);
    expect(await count('Stored')).toBe(0);
    expect(complaints).toEqual([]);
  });
});
