import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { viewStore } from '../../src/commands/view.js';
import type { Alerts, Series, Status } from '../../src/local/api.js';
import { leavePageAddress } from '../../src/local/page-address.js';
import { openLog } from '../../src/log.js';
import { lockStateDirectory } from '../../src/state-directory.js';
import { appendAlertChanges } from '../../src/store/alert-changes.js';
import { until } from '../until.js';
import { temporaryFolder } from '../visualizer.js';
import { ask, askJson, batch, DEFINITION, history, reading, TestStore } from './server-fixture.js';

const END = 1_700_000_000_000;
const log = await openLog('silent');

let folder: string;
const closing: (() => unknown)[] = [];
beforeEach(() => {
  folder = temporaryFolder();
  writeFileSync(join(folder, 'sensor.yaml'), YAML);
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

const YAML = `
name: s1
measurement: sensor
separator: whitespace
metrics:
  - { name: load, type: float, kind: gauge }
  - { name: dice, type: integer, kind: random, range: [0, 100] }
  - { name: counter, type: integer, kind: counter }
defect: all-zero
alerts:
  - { id: load-high, query: { mean: load, over: 1m }, above: 7, severity: warning, summary: Too much }
`;

const CHANGE = {
  alert: 'load-high',
  labels: { env: 'lab' },
  from: 'normal',
  to: 'firing',
  value: 9,
} as const;

async function record(env = 'lab', end = END): Promise<void> {
  const store = await TestStore.open(folder, DEFINITION, env);
  await store.writer.write(history(end, 600));
  await appendAlertChanges(store.rows, env, [{ ...CHANGE, at: end }]);
  await store.close();
}

/** What a run leaves that was killed: a log that is not yet in the file. */
async function recordWithoutTidying(): Promise<void> {
  const store = await TestStore.open(folder);
  await store.store.query("SET checkpoint_threshold = '1GB'");
  await store.writer.write(batch([reading(END, [7.5, 5n, 9n])]));
  closing.push(() => store.close());
}

function view(settings: { env?: string; sensor?: string; pageNames?: readonly string[] } = {}) {
  const stop = new AbortController();
  const output = new PassThrough().setEncoding('utf8');
  const ended = viewStore({
    settings: { sensor: join(folder, 'sensor.yaml'), stateDir: folder, pagePort: 0, ...settings },
    environment: {},
    log,
    output,
    stop: stop.signal,
  });
  closing.push(async () => {
    stop.abort();
    await ended.catch(() => {});
  });
  const page = Promise.race([
    once(output, 'data').then(([text]) => ({ url: String(text).trim() })),
    ended.then(() => {
      throw new Error('it has ended');
    }),
  ]);
  page.catch(() => {});
  return { page, ended, stop };
}

describe('visualizer view', () => {
  it('shows what is stored, changes nothing, and ends when it is stopped', async () => {
    await record();
    const before = readFileSync(join(folder, 'store.duckdb'));
    const { page: opening, ended, stop } = view();
    const page = await opening;
    const status = await askJson<Status>(page, '/api/status');
    expect(status).toMatchObject({ about: { sensor: 's1', env: 'lab', alerts: [{ id: 'load-high' }] } });
    expect(status.about.destination).toContain('store.duckdb');
    expect(status).not.toHaveProperty('recording');
    expect(status.newest).toBeGreaterThan(END - 10_000);
    const series = await askJson<Series>(page, `/api/series?from=${END - 600_000}&to=${END}&points=60`);
    expect(series.metrics.load?.count?.reduce((a, b) => Number(a) + Number(b), 0)).toBeGreaterThan(400);
    const alerts = await askJson<Alerts>(page, `/api/alerts?from=0&to=${END + 1}`);
    expect(alerts).toEqual({ evaluated: 'nowhere', instances: [], changes: [{ ...CHANGE, at: END }] });
    expect((await ask(page, '/readyz')).status).toBe(200);
    stop.abort();
    await ended;
    await expect(ask(page, '/')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(readFileSync(join(folder, 'store.duckdb')).equals(before)).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['sensor.yaml', 'store.duckdb']);
  });

  it('serves several views at a time', async () => {
    await record();
    const pages = await Promise.all([view().page, view().page]);
    for (const page of pages) expect((await ask(page, '/api/status')).status).toBe(200);
  });

  it('answers to the names that it is given', async () => {
    await record();
    const page = await view({ pageNames: ['sensors.example.org'] }).page;
    const status = async (host: string) => (await ask(page, '/', { headers: { host } })).status;
    expect(await status('sensors.example.org:443')).toBe(200);
    expect(await status('evil.example')).toBe(421);
  });

  it('shows the environment that is asked for, or the newest one', async () => {
    await record('old', END - 10_000_000);
    await record('new', END);
    const envOf = async (env?: string) => {
      const page = await view(env === undefined ? {} : { env }).page;
      return (await askJson<Status>(page, '/api/status')).about.env;
    };
    expect(await envOf()).toBe('new');
    expect(await envOf('old')).toBe('old');
    expect(await envOf('none')).toBe('new');
  });

  it('leaves out what the store does not hold, and refuses where that is everything', async () => {
    await record();
    writeFileSync(
      join(folder, 'more.yaml'),
      YAML.replace('name: dice', 'name: other').replace('counter, type: integer', 'counter, type: float'),
    );
    const page = await view({ sensor: join(folder, 'more.yaml') }).page;
    const { about } = await askJson<Status>(page, '/api/status');
    expect(about.metrics.map(({ name }) => name)).toEqual(['load']);
    writeFileSync(
      join(folder, 'none.yaml'),
      'name: s1\nmeasurement: m\nseparator: whitespace\nmetrics: [{ name: x, type: float, kind: gauge }]\ndefect: none\nalerts: []\n',
    );
    await expect(view({ sensor: join(folder, 'none.yaml') }).ended).rejects.toMatchObject({
      code: 'BAD_DEFINITION',
      message: expect.stringContaining('load, dice, counter'),
    });
  });

  it('refuses where nothing was recorded', async () => {
    await expect(view().ended).rejects.toMatchObject({
      code: 'STATE_UNUSABLE',
      message: expect.stringContaining('visualizer run'),
    });
  });

  it('refuses while a run holds the store, naming the run and its page', async () => {
    await record();
    const holder = await holdStore();
    await expect(view().ended).rejects.toMatchObject({
      code: 'ALREADY_RUNNING',
      message: expect.stringContaining(`in use by process ${holder.pid}`),
    });
    // The lock of a state directory is held by this test itself, and so is the page that it names.
    closing.push(lockStateDirectory(folder));
    const forget = leavePageAddress(folder, 'http://127.0.0.1:8087/');
    await expect(view().ended).rejects.toThrow('page of that run: http://127.0.0.1:8087/');
    writeFileSync(join(folder, 'page'), JSON.stringify({ pid: 1, url: 'http://127.0.0.1:8087/' }));
    await expect(view().ended).rejects.not.toThrow('page of that run');
    forget();
    await expect(view().ended).rejects.not.toThrow('page of that run');
    holder.kill();
    await once(holder, 'exit');
    expect((await ask(await view().page, '/api/status')).status).toBe(200);
  });

  it('reads what a run that was killed has left in its log', async () => {
    await recordWithoutTidying();
    const copy = temporaryFolder();
    closing.push(() => rm(copy, { recursive: true, force: true }));
    for (const name of ['store.duckdb', 'store.duckdb.wal']) {
      writeFileSync(join(copy, name), readFileSync(join(folder, name)));
    }
    const { size } = statSync(join(copy, 'store.duckdb.wal'));
    expect(size).toBeGreaterThan(0);
    const stop = new AbortController();
    const output = new PassThrough().setEncoding('utf8');
    const ended = viewStore({
      settings: { sensor: join(folder, 'sensor.yaml'), stateDir: copy, pagePort: 0 },
      environment: {},
      log,
      output,
      stop: stop.signal,
    });
    const [url] = await Promise.race([once(output, 'data'), ended.then(() => [])]);
    const { latest } = await askJson<Status>({ url: String(url).trim() }, '/api/status');
    expect(latest).toEqual(['7.5', '5', '9']);
    stop.abort();
    await ended;
    expect(statSync(join(copy, 'store.duckdb.wal')).size).toBe(size);
  });
});

/** Another process that has the store open for writing. */
async function holdStore(): Promise<ChildProcess> {
  const duckdb = import.meta.resolve('@duckdb/node-api');
  const script = `
    const { DuckDBInstance } = await import(${JSON.stringify(duckdb)});
    globalThis.held = await DuckDBInstance.create(${JSON.stringify(join(folder, 'store.duckdb'))});
    console.log('held');
    setInterval(() => globalThis.held, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  closing.push(() => child.kill('SIGKILL'));
  let said = '';
  child.stdout?.on('data', (chunk) => {
    said += chunk;
  });
  await until('the store is held', () => said.includes('held'));
  return child;
}
