import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execaSync } from 'execa';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { secretVariables } from '../../src/alerting/receivers.js';
import type { Receiver } from '../../src/definition.js';
import {
  DASHBOARDS_FOLDER,
  dashboardProviderFile,
  dataSourceFile,
  HOME_DASHBOARD,
} from '../../src/grafana/provisioning.js';
import { SETTINGS } from '../../src/settings.js';
import {
  documented,
  FULL,
  MINIMAL,
  meant,
  mountsOf,
  ROOT,
  type Service,
  service,
  text,
  VARIABLE,
  written,
} from './compose-files.js';

const FILES = [FULL, MINIMAL];
const folder = mkdtempSync(join(tmpdir(), 'visualizer-compose-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const installed = execaSync('docker-compose', ['--version'], { reject: false }).exitCode === 0;

describe.skipIf(!installed)('docker-compose', () => {
  /** What it makes of a file with this .env, and nothing else of ours in the environment. */
  function config(file: string, env: string): unknown {
    const envFile = join(folder, 'env');
    writeFileSync(envFile, env);
    const args = ['--file', join(ROOT, file), '--env-file', envFile, 'config'];
    const environment = { PATH: process.env.PATH ?? '', HOME: folder };
    const { stdout, stderr } = execaSync('docker-compose', args, { env: environment, extendEnv: false });
    expect(stderr).toBe('');
    return parse(stdout);
  }

  it.each(FILES)('takes %s without a .env, and with that of the example, which changes nothing', (file) => {
    expect(config(file, text('.env.example'))).toEqual(config(file, ''));
  });

  it.each(FILES)('takes %s with other values for all of them', (file) => {
    const others = [...documented().keys()].map(
      (name) => `${name}=${name.endsWith('_PORT') ? 4321 : 'other'}`,
    );
    const printed = JSON.stringify(config(file, others.join('\n')));
    for (const secret of ['visualizer-change-me', 'change-me-too']) expect(printed).not.toContain(secret);
  });
});

describe('both files', () => {
  it('have InfluxDB and Grafana in common, word for word', () => {
    const [full, minimal] = [written(FULL), written(MINIMAL)];
    expect(Object.keys(minimal.services)).toEqual(['influxdb', 'grafana']);
    expect(Object.keys(full.services)).toEqual(['influxdb', 'grafana', 'sensor-runner']);
    expect(full).toMatchObject(minimal);
    const shared = (file: string) =>
      /^x-service:.*?(?=^\n {2}sensor-runner:|^\nvolumes:)/ms.exec(text(file))?.[0];
    expect(shared(MINIMAL)).toBeTypeOf('string');
    expect(shared(FULL)).toBe(shared(MINIMAL));
  });

  it('name the volumes that they use', () => {
    for (const file of FILES) {
      const { services, volumes } = written(file);
      const sources = Object.values(services).flatMap((each) => mountsOf(each).map(({ source }) => source));
      const used = sources.filter((source) => /^\w/.test(source));
      expect(new Set(used)).toEqual(new Set(Object.keys(volumes)));
    }
  });
});

describe('the variables', () => {
  const used = FILES.flatMap((file) => [...text(file).matchAll(VARIABLE)]);

  it('all have a default, the one that .env.example gives', () => {
    const examples = documented();
    for (const [, name = '', fallback] of used) {
      expect(fallback, `${name} has no default`).toBeDefined();
      const example = examples.get(name);
      expect(example, `${name} is not in .env.example`).toBeDefined();
      if (example !== fallback) expect([example, fallback], name).toEqual(['', 'unset']);
    }
  });

  it('are all that .env.example names', () => {
    const names = new Set([...text(FULL).matchAll(VARIABLE)].map(([, name]) => name));
    expect([...documented().keys()].filter((name) => !names.has(name))).toEqual([]);
  });

  it('are the only place of secrets, and stand on no command line', () => {
    for (const file of FILES) {
      for (const [name, each] of Object.entries(written(file).services)) {
        for (const [variable, value] of Object.entries(each.environment)) {
          if (/TOKEN|PASSWORD|_KEY$|SECRET|WEBHOOK/.test(variable)) {
            expect(value, `${name}: ${variable}`).toMatch(/^\$\{\w+:-[\w-]*\}$/);
          }
        }
        const commands = JSON.stringify([each.command, each.entrypoint, each.healthcheck]);
        expect(commands, name).not.toContain('$');
      }
    }
  });

  it('have the defaults of the settings that they stand for', () => {
    const examples = documented();
    for (const { env, fallback } of [SETTINGS.org, SETTINGS.bucket, SETTINGS.env]) {
      expect(examples.get(env), env).toBe(fallback);
    }
    expect(examples.get('INFLUXDB_RETENTION')).toBe(SETTINGS.retention.fallback);
  });
});

const services = Object.entries(meant(FULL).services);

describe.each(services)('%s', (name, each) => {
  it('is pinned to a version', () => {
    if (each.build === undefined) expect(each.image).toMatch(/^[\w/-]+:\d+\.\d+\.\d+$/);
    else expect(existsSync(resolve(ROOT, each.build.context, each.build.dockerfile))).toBe(true);
  });

  it('is reached from this machine only', () => {
    for (const port of each.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  it('is bounded, looked after and started again', () => {
    expect(each.restart).toBe('unless-stopped');
    expect(each.mem_limit).toMatch(/^\d+[mg]$/);
    expect(each.logging.options).toEqual({ 'max-size': expect.any(String), 'max-file': expect.any(String) });
    if (each.build === undefined) expect(each.healthcheck?.test.length).toBeGreaterThan(1);
    else expect(text(each.build.dockerfile)).toMatch(/^HEALTHCHECK /m);
    if (name !== 'influxdb') expect(each.depends_on).toEqual({ influxdb: { condition: 'service_healthy' } });
  });

  it('mounts what is in the repository, and nothing of it to be written to', () => {
    for (const { source, writable } of mountsOf(each).filter(({ source }) => source.startsWith('.'))) {
      expect(existsSync(resolve(ROOT, source)), source).toBe(true);
      expect(writable, source).toBe(false);
    }
  });
});

describe('grafana', () => {
  const grafana = service(meant(FULL), 'grafana');
  const files = [dataSourceFile(), dashboardProviderFile(), ...generated('grafana/provisioning')];

  it('has all that its files take from the environment', () => {
    const optional = ['INFLUX_USERNAME', 'INFLUX_PASSWORD'];
    const wanted = files.flatMap((file) =>
      [...file.matchAll(/(?<!\$)\$\{(\w+)\}/g)].map(([, name]) => name ?? ''),
    );
    expect(wanted).toContain('INFLUX_TOKEN');
    for (const name of wanted) {
      if (optional.includes(name)) expect(grafana.environment).toHaveProperty(name);
      else expect(grafana.environment[name], name).toBeTruthy();
    }
  });

  it('has something for the secrets of each type of receiver, since it does not start without', () => {
    const types = [
      'webhook',
      'email',
      'slack',
      'pagerduty',
      'opsgenie',
      'victorops',
      'alertmanager',
    ] as const;
    for (const name of types.flatMap((type) =>
      secretVariables({ name: type, type } as unknown as Receiver),
    )) {
      expect(grafana.environment[name], name).toBeTruthy();
    }
  });

  it('has a sender of mail that it takes, since it does not start with another', () => {
    expect(grafana.environment.GF_SMTP_FROM_ADDRESS).toMatch(/^[\w.-]+@[\w-]+\.[\w.]+$/);
  });

  it('finds its files where they are mounted', () => {
    expect(mountedAt(grafana, DASHBOARDS_FOLDER)).toBe('./grafana/dashboards');
    for (const kind of ['datasources', 'dashboards', 'alerting']) {
      const target = `/etc/grafana/provisioning/${kind}`;
      expect(mountedAt(grafana, target)).toBe(`./grafana/provisioning/${kind}`);
    }
  });

  it('opens with a dashboard that is there', () => {
    const home = grafana.environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH;
    expect(home).toBe(`${DASHBOARDS_FOLDER}/${HOME_DASHBOARD}`);
    expect(existsSync(join(ROOT, 'grafana/dashboards', HOME_DASHBOARD))).toBe(true);
  });
});

describe('sensor-runner', () => {
  const runner = service(meant(FULL), 'sensor-runner');

  it('is set by settings that there are', () => {
    const known = Object.values(SETTINGS).map(({ env }): string => env);
    expect(Object.keys(runner.environment).filter((name) => !known.includes(name))).toEqual([]);
  });

  it('may take as long to end as its settings say', () => {
    const { killAfter, drainTimeout } = SETTINGS;
    const needed = [killAfter, drainTimeout].map(({ parse, fallback }) => parse(fallback) ?? 0);
    const given = Number.parseInt(runner.stop_grace_period, 10) * 1_000;
    expect(given).toBeGreaterThanOrEqual(needed.reduce((sum, ms) => sum + ms) + 5_000);
  });

  it('finds the sensor and its definition in the folder that is mounted', () => {
    const mounted = mountedAt(runner, '/sensor') ?? '';
    const inFolder = (path = '') => resolve(ROOT, path.replace(/^\/sensor\//, `${mounted}/`));
    expect(existsSync(inFolder(runner.environment[SETTINGS.sensor.env]))).toBe(true);
    expect(statSync(inFolder(runner.environment[SETTINGS.executable.env])).mode & 0o111).toBe(0o111);
  });

  it('writes to the InfluxDB that Grafana reads from', () => {
    const { HOST_METRICS, PORT_METRICS, INFLUX_BUCKET, INFLUX_TOKEN } = runner.environment;
    const { environment } = service(meant(FULL), 'grafana');
    expect(environment.INFLUX_URL).toBe(`http://${HOST_METRICS}:${PORT_METRICS}`);
    expect(environment).toMatchObject({ INFLUX_BUCKET, INFLUX_TOKEN });
    const influxdb = service(meant(FULL), 'influxdb').environment;
    expect(influxdb.DOCKER_INFLUXDB_INIT_BUCKET).toBe(INFLUX_BUCKET);
    expect(influxdb.DOCKER_INFLUXDB_INIT_ADMIN_TOKEN).toBe(INFLUX_TOKEN);
    expect(influxdb.DOCKER_INFLUXDB_INIT_ORG).toBe(runner.environment.INFLUX_ORG);
  });
});

function mountedAt(each: Service, path: string): string | undefined {
  return mountsOf(each).find(({ target }) => target === path)?.source;
}

/** The texts of all files below a folder of the repository. */
function generated(path: string): string[] {
  const root = join(ROOT, path);
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
}
