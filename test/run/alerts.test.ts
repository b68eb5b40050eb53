import { readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Alerts } from '../../src/local/api.js';
import { hasChromium, openBrowser } from '../servers/chromium.js';
import { until } from '../until.js';
import { type Run, shellSensor, temporaryFolder, untilLogged, visualizer } from '../visualizer.js';

let folder: string;
let child: Run | undefined;
let browser: Browser | undefined;
let receiver: Server | undefined;
let received: { status: string; alerts: { labels: Record<string, string> }[] }[];
beforeEach(() => {
  folder = temporaryFolder();
  received = [];
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await browser?.close();
  receiver?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Somebody who is told of alerts. */
async function listen(): Promise<string> {
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      received.push(JSON.parse(body));
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await until('the receiver listens', () => receiver?.listening);
  return `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
}

/** A run of a sensor that is hot while a file is there. */
async function start(notify: string, ...args: string[]) {
  const definition = join(folder, 'sensor.yaml');
  writeFileSync(
    definition,
    `name: oven
measurement: oven
metrics: [{ name: heat, type: float, kind: gauge, unit: °C }, { name: n, type: integer, kind: counter }]
alerts:
  - { id: hot, query: { last: heat, over: 5s }, above: 100, severity: critical, summary: "Too hot",
      action: restart-sensor, cooldown: 10m }
  - { id: long-hot, query: { last: heat, over: 5s }, above: 100, for: 10s, severity: info, summary: "Hot" }
notify: [${notify}]
`,
  );
  const script = `echo "$$" >> ${folder}/starts
i=0
while :; do i=$((i + 1)); test -e ${folder}/hot && echo "120.5 $i" || echo "20.5 $i"; sleep 0.2; done`;
  child = visualizer([
    ...['run', '--sensor', definition, '--path-executable', shellSensor(folder, script)],
    ...['--state-dir', join(folder, 'state'), '--page-port', '0', '--flush-interval', '100ms', ...args],
  ]);
  await untilLogged(child, 'Recording');
  const page = /The live page is at (http:[^"]*)"/.exec(child.log)?.[1] as string;
  const alerts = async () => {
    const range = `from=${Date.now() - 600_000}&to=${Date.now() + 60_000}`;
    return (await (await fetch(`${page}api/alerts?${range}`)).json()) as Alerts;
  };
  const stateOf = async (id: string) =>
    (await alerts()).instances.find(({ alert }) => alert === id)?.state ?? 'normal';
  return { run: child, page, alerts, stateOf };
}

const heat = (hot: boolean) => (hot ? writeFileSync(join(folder, 'hot'), '') : rm(join(folder, 'hot')));

describe('an alert of a run without a server', () => {
  it.skipIf(!hasChromium)(
    'goes pending, firing and back on the page, tells its receiver, and restarts the sensor once',
    async () => {
      const url = await listen();
      const { run, page, alerts, stateOf } = await start(`{ type: webhook, url: "${url}" }`);
      browser = await openBrowser();
      const tab = await browser.newPage();
      const complaints: string[] = [];
      tab.on('console', (message) => complaints.push(message.text()));
      tab.on('pageerror', (error) => complaints.push(error.message));
      await tab.goto(page);
      const shows = async (text: RegExp) => text.test((await tab.locator('body').textContent()) ?? '');

      await heat(true);
      await until('one fires, and the other is pending', async () => {
        return (await stateOf('hot')) === 'firing' && (await stateOf('long-hot')) === 'pending';
      });
      await until('the page says so', () => shows(/firing.*pending|pending.*firing/is));
      await untilLogged(run, 'The sensor is restarted: the alert fires');
      await until('the other fires', async () => (await stateOf('long-hot')) === 'firing');
      await until('the receiver is told', () => received.some(({ status }) => status === 'firing'));
      expect(received[0]?.alerts[0]?.labels).toMatchObject({
        alert: 'hot',
        severity: 'critical',
        sensor: 'oven',
      });

      await heat(false);
      await until('both are over', async () => {
        return (await stateOf('hot')) === 'normal' && (await stateOf('long-hot')) === 'normal';
      });
      const { changes } = await alerts();
      expect(changes.filter(({ alert }) => alert === 'long-hot').map(({ to }) => to)).toEqual([
        'pending',
        'firing',
        'normal',
      ]);
      expect(complaints).toEqual([]);

      await heat(true);
      await until('it fires again', async () => (await stateOf('hot')) === 'firing');
      await untilLogged(run, 'the sensor was restarted not long ago');
      expect(run.log.match(/The sensor is restarted/g)).toHaveLength(1);
      run.kill('SIGTERM');
      expect((await run).exitCode).toBe(0);
    },
    120_000,
  );

  it('is taken up by the next run where it stood', async () => {
    const first = await start('');
    await heat(true);
    await until('it fires', async () => (await first.stateOf('hot')) === 'firing');
    first.run.kill('SIGTERM');
    await first.run;
    const second = await start('');
    expect(await second.stateOf('hot')).toBe('firing');
  });

  it('is shown by `view` when the run is over', async () => {
    const { run } = await start('');
    await heat(true);
    await untilLogged(run, '"alert":"hot"');
    run.kill('SIGTERM');
    await run;
    child = visualizer([
      ...['view', '--state-dir', join(folder, 'state'), '--sensor', join(folder, 'sensor.yaml')],
      ...['--page-port', '0'],
    ]);
    let url = '';
    child.stdout?.on('data', (data) => {
      url += String(data).trim();
    });
    await until('it has named its page', () => url !== '');
    const range = `from=${Date.now() - 600_000}&to=${Date.now() + 60_000}`;
    const { changes } = (await (await fetch(`${url}api/alerts?${range}`)).json()) as Alerts;
    expect(changes.map(({ alert, to }) => `${alert} ${to}`)).toContain('hot firing');
    child.kill('SIGTERM');
    expect((await child).exitCode).toBe(0);
  });

  it('can be tried: `notify --test` tells every receiver of the definition', async () => {
    const url = await listen();
    const { run } = await start(`{ type: webhook, url: "${url}" }`, '--no-page').catch(() => ({
      run: child as Run,
    }));
    run.kill('SIGTERM');
    await run;
    const { stdout, exitCode } = await visualizer([
      'notify',
      '--test',
      '--sensor',
      join(folder, 'sensor.yaml'),
    ]);
    expect({ stdout, exitCode }).toEqual({ stdout: 'webhook: ok', exitCode: 0 });
    expect(received[0]?.alerts[0]?.labels.alert).toBe('test');
  });

  it('may come from Grafana: the hook restarts the sensor, once per cooldown', async () => {
    const { page } = await start('');
    const body = JSON.stringify({
      status: 'firing',
      alerts: [{ status: 'firing', labels: { alert: 'hot', sensor: 'oven', env: 'dev' } }],
    });
    const post = async () =>
      (
        await fetch(`${page}hooks/alerts`, {
          method: 'POST',
          body,
          headers: { 'Content-Type': 'application/json' },
        })
      ).text();
    expect(await post()).toContain('restarted');
    await until('the sensor was started again', async () => {
      const starts = readFileSync(join(folder, 'starts'), 'utf8');
      return starts.trim().split('\n').length === 2;
    });
    expect(await post()).toContain('cooling down');
  });
});
