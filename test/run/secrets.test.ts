import { readdirSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Act, answer, type ScriptedInflux, startScriptedInflux } from '../servers/scripted-influx.js';
import { until } from '../until.js';
import { type Run, shellSensor, temporaryFolder, untilLogged, visualizer } from '../visualizer.js';

/** Nobody but whom they are for may ever be told of these. */
const CANARIES = {
  INFLUX_TOKEN: 'canary-influx+token/==',
  INFLUX_PASSWORD: 'canary influx "password"',
  PAGE_TOKEN: 'canary-page-token',
  HOOK_TOKEN: 'canary-hook-token',
  SMTP_PASSWORD: 'canary-smtp-password',
  WEBHOOK_TOKEN: 'canary-webhook-token',
};
const { INFLUX_PASSWORD, ...WITHOUT_PASSWORD } = CANARIES;

const SHAPES = [...Object.values(CANARIES), `root:${INFLUX_PASSWORD}`].flatMap((secret) => [
  secret,
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
]);

function expectNoSecrets(where: string, text: string): void {
  const found = SHAPES.filter((shape) => text.includes(shape));
  expect({ where, found, text: found.length > 0 ? text : '' }).toEqual({ where, found: [], text: '' });
}

let folder: string;
let influx: ScriptedInflux;
let run: Run | undefined;
beforeEach(async () => {
  folder = temporaryFolder();
  influx = await startScriptedInflux();
});
afterEach(async () => {
  run?.kill('SIGKILL');
  await influx.close();
  await rm(folder, { recursive: true, force: true });
});

/** Says back all that it was told about who is asking, plain, decoded and in a header. */
function repeat(status: number): Act {
  return (exchange) => {
    const { authorization = '' } = influx.requests.at(-1)?.headers ?? {};
    const [, secret = ''] = authorization.split(' ');
    const said = `no: ${authorization} ${Buffer.from(secret, 'base64')} ${encodeURIComponent(secret)}`;
    const location = `http://127.0.0.1:1/?token=${encodeURIComponent(secret)}`;
    answer(status, { message: said, error: said }, { location, 'x-influxdb-version': '2.7.1' })(exchange);
  };
}

function start(args: readonly string[], environment: Record<string, string> = WITHOUT_PASSWORD): Run {
  const sensor = shellSensor(folder, `env > "${folder}/sensor-environment"; echo 1 2 3; exec sleep 60`);
  run = visualizer(
    [
      ...[
        'run',
        '--host',
        '127.0.0.1',
        '--port',
        String(influx.port),
        '--page-port',
        '0',
        '--drain-timeout',
        '0',
      ],
      ...['--state-dir', join(folder, 'state'), '--path-executable', sensor, '--log-level', 'trace', ...args],
    ],
    {
      ...environment,
      NODE_OPTIONS: `--report-on-signal --report-uncaught-exception --report-directory=${folder}`,
    },
  );
  return run;
}

/** Ends it, and looks at all that it has said and left. */
async function expectNothingTold(ended: Run): Promise<string> {
  const { stdout, stderr } = await ended;
  expectNoSecrets('stdout', stdout);
  expectNoSecrets('stderr', stderr);
  for (const name of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!name.isFile()) continue;
    const file = join(name.parentPath, name.name);
    expectNoSecrets(file, readFileSync(file, 'latin1'));
  }
  return stderr;
}

describe('a secret', () => {
  it.each([
    ['refuses the token', 401, 'refuses what is sent'],
    ['refuses the lines', 400, 'refuse'],
    ['fails', 500, 'does not take readings now'],
    ['redirects', 307, 'refuses what is sent'],
  ])('is told nobody by a run whose server %s, and repeats what it was told', async (_, status, text) => {
    influx.otherwise = repeat(status);
    const started = start([]);
    await untilLogged(started, status === 400 ? 'rejected' : text);
    expect(influx.requests.at(-1)?.headers.authorization).toBe(`Token ${CANARIES.INFLUX_TOKEN}`);
    expectNoSecrets('cmdline', readFileSync(`/proc/${started.pid}/cmdline`, 'latin1'));
    started.kill('SIGTERM');
    expect(await expectNothingTold(started)).toContain('***');
    expect(readFileSync(join(folder, 'sensor-environment'), 'utf8')).toContain('PATH=');
  });

  it('is told nobody where a 1.x wants a user and password, and repeats them', async () => {
    influx.otherwise = repeat(401);
    const started = start([], { ...CANARIES, INFLUX_USERNAME: 'root' });
    await untilLogged(started, 'refuses what is sent');
    expect(influx.requests.at(-1)?.headers.authorization).toMatch(/^Basic /);
    started.kill('SIGTERM');
    expect(await expectNothingTold(started)).toContain('***');
  });

  it.each([401, 400])('is told nobody by --clear-data that is answered %i', async (status) => {
    influx.ping = repeat(status);
    influx.query = repeat(status);
    await expectNothingTold(start(['--clear-data']));
    influx.ping = answer(204, '', { 'x-influxdb-version': `3.0-${CANARIES.INFLUX_TOKEN}` });
    expect(await expectNothingTold(start(['--clear-data']))).toContain('InfluxDB 3 cannot delete');
  });

  it('is not in what the page answers, be it asked by one who knows the token or not', async () => {
    const started = start([]);
    const address = () => /live page is at (http:[^"\s]+)/.exec(started.log)?.[1];
    await until('the run has named its page', address);
    await untilLogged(started, 'takes the readings');
    const knowing = { authorization: `Bearer ${CANARIES.PAGE_TOKEN}` };
    const paths = ['', 'api/status', 'api/alerts?from=1&to=2', 'api/nothing', 'hooks/alerts', 'healthz'];
    let known = 0;
    for (const headers of [knowing, { authorization: 'Bearer wrong' }, {}] as Record<string, string>[]) {
      for (const path of paths) {
        const answered = await fetch(`${address()}${path}`, { headers, redirect: 'manual' });
        if (path === 'api/status' && answered.ok) known += 1;
        expectNoSecrets(path, `${await answered.text()}${[...answered.headers].join()}`);
      }
    }
    expect(known).toBe(1);
    await fetch(`${address()}?token=${CANARIES.PAGE_TOKEN}`, { method: 'POST', body: CANARIES.HOOK_TOKEN });
    started.kill('SIGTERM');
    await expectNothingTold(started);
  });

  it('is not in the report that Node.js writes of a process that crashes or is asked', async () => {
    const started = start([]);
    await untilLogged(started, 'takes the readings');
    started.kill('SIGUSR2');
    const reports = () => readdirSync(folder).filter((name) => name.startsWith('report.'));
    await until('the report is complete', () => {
      return reports().some((name) => readFileSync(join(folder, name), 'utf8').trimEnd().endsWith('}'));
    });
    started.kill('SIGTERM');
    await expectNothingTold(started);
    expect(readFileSync(join(folder, reports()[0] as string), 'utf8')).toContain('environmentVariables');
  });

  it('is told nobody where a definition or setting is wrong', async () => {
    await writeFile(join(folder, 'broken.yaml'), 'name: [\n');
    await expectNothingTold(start(['--sensor', join(folder, 'broken.yaml')]));
    await expectNothingTold(start([], { ...CANARIES, INFLUX_TOKEN: `${CANARIES.INFLUX_TOKEN} two words` }));
    await expectNothingTold(start(['--page-port', '99999']));
  });

  describe('of a receiver of alerts', () => {
    let receiver: Server;
    beforeEach(async () => {
      receiver = createServer((request, response) => {
        response.writeHead(403, { location: `/?${request.headers.authorization}` });
        response.end(JSON.stringify({ message: request.headers.authorization }));
      });
      await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    });
    afterEach(() => receiver.close());

    it('is told nobody by a receiver that repeats it', async () => {
      const { port } = receiver.address() as AddressInfo;
      const file = join(folder, 'sensor.yaml');
      const metrics = 'metrics: [{ name: x, type: float, kind: gauge }]';
      const url = `http://127.0.0.1:${port}/`;
      await writeFile(
        file,
        `name: demo\nmeasurement: m\n${metrics}\nnotify: [{ type: webhook, url: '${url}' }]\n`,
      );
      run = visualizer(['notify', '--test', '--sensor', file, '--log-level', 'trace'], CANARIES);
      expect((await run).exitCode).toBe(77);
      expect((await run).stdout).toContain('***');
      await expectNothingTold(run);
    });
  });
});
