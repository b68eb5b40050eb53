import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Alert, Definition } from '../../src/definition.js';
import { readDefinition } from '../../src/definition-file.js';
import { multiples } from '../../src/local/alert-ticks.js';
import { LocalAlerts, type LocalAlertsOptions } from '../../src/local/alerts.js';
import { type Log, openLog } from '../../src/log.js';
import type { Rows } from '../../src/queries/answers.js';
import type { Reading } from '../../src/reading.js';
import type { Readings } from '../../src/readings.js';
import { packReadings } from '../../src/readings-builder.js';
import { Clock } from '../../src/source/clock.js';
import { appendAlertChanges, forgetAlertChanges, readAlertChanges } from '../../src/store/alert-changes.js';
import { Store } from '../../src/store/duckdb.js';
import type { StoreReader } from '../../src/store/reader.js';
import { until } from '../until.js';
import { temporaryFolder } from '../visualizer.js';

const START_MS = 1_700_000_000_000;
const BUNDLED = new URL('../../sensor_runner/sensor.yaml', import.meta.url).pathname;
const DEV = { env: 'dev' };

const HIGH: Alert = {
  id: 'high',
  query: { aggregate: 'mean', of: 'load', overMs: 10_000, defects: 'excluded' },
  condition: { above: 7 },
  forMs: 20_000,
  keepFiringMs: 20_000,
  cooldownMs: 0,
  severity: 'warning',
  summary: 'Too much',
};
const ERRORS: Alert = {
  ...HIGH,
  id: 'errors',
  query: { aggregate: 'errors', of: 'any', overMs: 10_000, defects: 'excluded' },
  condition: { above: 0 },
  forMs: 0,
  keepFiringMs: 0,
};
const SILENT: Alert = {
  ...ERRORS,
  id: 'silent',
  query: { aggregate: 'count', of: 'load', overMs: 10_000, defects: 'included' },
  condition: { below: 1 },
  severity: 'critical',
  summary: 'No reading',
};
const FLAPPING: Alert = { ...HIGH, id: 'flapping', forMs: 0, keepFiringMs: 0 };

let base: string;
let quiet: Log;
let folder: string;
let store: Store;
let reader: StoreReader;
/** What the alerts ask; a test may put something else in between. */
let rows: Rows;
let alerts: LocalAlerts;
let changes: string[];
let logged: Record<string, unknown>[];

beforeAll(async () => {
  base = temporaryFolder();
  quiet = await openLog('silent');
});
beforeEach(async () => {
  folder = mkdtempSync(join(base, 'test-'));
  store = await Store.open(join(folder, 'store.duckdb'), quiet);
  await store.prepare(definitionOf());
  reader = await store.reader();
  rows = (sql) => reader.query(sql);
  changes = [];
  logged = [];
});
afterEach(async () => {
  await alerts?.close();
  await reader.close();
  store.close();
});
afterAll(() => rm(base, { recursive: true, force: true }));

describe('a local alert', () => {
  it('is pending, fires, recovers and is over; each change is told, logged and marked in the store', async () => {
    await open([HIGH]);
    await each10s([8, 8, 8.125, 8, 5, 5, 5, 5]);

    expect(changes).toEqual([
      '10s high normal->pending 8',
      '30s high pending->firing 8.125',
      '50s high firing->recovering 5',
      '70s high recovering->normal 5',
    ]);
    expect(await alerts.changes(START_MS, START_MS + 80_000)).toEqual([
      { alert: 'high', labels: DEV, from: 'normal', to: 'pending', at: START_MS + 10_000, value: 8 },
      { alert: 'high', labels: DEV, from: 'pending', to: 'firing', at: START_MS + 30_000, value: 8.125 },
      { alert: 'high', labels: DEV, from: 'firing', to: 'recovering', at: START_MS + 50_000, value: 5 },
      { alert: 'high', labels: DEV, from: 'recovering', to: 'normal', at: START_MS + 70_000, value: 5 },
    ]);
    expect(alerts.states()).toEqual([
      { alert: 'high', labels: DEV, state: 'normal', since: START_MS + 70_000, value: 5 },
    ]);
    expect(logged).toMatchObject([
      { level: 'debug' },
      {
        level: 'warn',
        alert: 'high',
        severity: 'warning',
        value: 8.125,
        limit: 'above 7 cores',
        env: 'dev',
        msg: 'Alert high fires: Mean of load over 10s is 8.125 cores, above 7 cores',
      },
      { level: 'debug' },
      {
        level: 'info',
        msg: 'Alert high is over after 40s: Mean of load over 10s is 5 cores, no longer above 7 cores',
      },
    ]);
  });

  it('that relapses while it recovers is not told a second time', async () => {
    await open([{ ...HIGH, forMs: 0 }]);
    await each10s([8, 5, 8, 5, 5, 5]);
    const states = ['normal->firing', 'firing->recovering', 'recovering->firing'];
    expect(changes.map((change) => change.split(' ')[2])).toEqual([
      ...states,
      'firing->recovering',
      'recovering->normal',
    ]);
    expect(logged.map(({ level }) => level)).toEqual(['warn', 'debug', 'debug', 'debug', 'info']);
    expect(logged.at(-1)?.msg).toContain('is over after 50s');
  });

  it('that was only pending is no news; values are told in the unit of the definition in force', async () => {
    await open([HIGH]);
    await each10s([8, 5]);
    expect(logged.map(({ level }) => level)).toEqual(['debug', 'debug']);
    const { metrics, ...rest } = definitionOf([FLAPPING]);
    alerts.redefine({ ...rest, metrics: metrics.map((metric) => ({ ...metric, unit: 'horses' })) });
    await each10s([8], 20);
    expect(logged.at(-1)?.msg).toContain('is 8 horses, above 7 horses');
  });

  it('that watches for data fires without any, and has an instance for each environment and error kind', async () => {
    await open([SILENT, ERRORS, HIGH]);
    await tick(10);
    expect(states()).toEqual(['silent  firing']);
    expect(logged).toMatchObject([{ level: 'error', msg: 'Alert silent fires: No reading' }]);

    await store10s(10, 5, ['error.sensor_exit']);
    await tick(20);
    await store10s(20, 5);
    await tick(30);
    expect(states()).toEqual([
      'silent dev normal',
      'errors dev error.line normal',
      'errors dev error.sensor_exit normal',
      'high dev normal',
    ]);
    expect(changes).toEqual([
      '10s silent normal->firing null',
      '20s errors error.sensor_exit normal->firing 1',
      '30s silent firing->normal null',
      '30s errors error.sensor_exit firing->normal 0',
    ]);
    expect(logged.at(-2)).toMatchObject({ msg: 'Alert silent is over after 20s' });
  });

  it('is asked of its own environment only', async () => {
    await open([HIGH, SILENT]);
    await store10s(0, 9, [], 'prod');
    await tick(10);
    expect(states()).toEqual(['silent  firing']);
    await alerts.changes(0, START_MS + 60_000);

    await reopen([HIGH, SILENT], { env: 'prod' });
    await store10s(10, 9, [], 'prod');
    await tick(20);
    expect(states()).toEqual(['high prod pending', 'silent prod normal']);
    expect(changes.slice(1)).toEqual([
      '20s silent firing->normal null', // of the environment of before
      '20s high normal->pending 9',
    ]);
    expect((await alerts.changes(0, START_MS + 60_000)).map(({ alert, to }) => `${alert} ${to}`)).toEqual([
      'silent normal',
      'high pending',
    ]);
  });

  it('that comes and goes is not told each time in the log, but always to others', async () => {
    await open([FLAPPING]);
    for (let turn = 0; turn < 50; turn += 1) await each10s([8, 5], turn * 20);
    expect(changes).toHaveLength(100);
    expect(logged).toHaveLength(21);
    expect(logged[10]).toMatchObject({
      level: 'warn',
      msg: 'Alert flapping comes and goes; not each time is told from now on',
    });
    expect(logged[11]).toMatchObject({ level: 'warn', msg: expect.stringContaining('fires') });
  });

  it('goes on where a receiver of its changes throws', async () => {
    await open([FLAPPING], {
      onChange: () => {
        throw new Error('nobody listens');
      },
    });
    await each10s([8, 5]);
    expect(await alerts.changes(0, START_MS + 60_000)).toHaveLength(2);
    expect(logged.filter(({ cause }) => cause === 'nobody listens')).toHaveLength(2);
  });
});

describe('over a restart', () => {
  it('states stay: what was pending fires in time, what fires is not told again', async () => {
    await open([HIGH, FLAPPING]);
    await each10s([8, 8]);
    await reopen([HIGH, FLAPPING]);
    expect(states()).toEqual(['high dev pending', 'flapping dev firing']);
    await each10s([8, 5], 20);
    expect(changes).toEqual([
      '10s high normal->pending 8',
      '10s flapping normal->firing 8',
      '30s high pending->firing 8',
      '40s high firing->recovering 5',
      '40s flapping firing->normal 5',
    ]);
    expect(logged.at(-1)).toMatchObject({ msg: expect.stringContaining('is over after 30s') });
  });

  it.each(['pause', 'clock set back'])('time in which nobody looked fulfils nothing: %s', async (what) => {
    await open([HIGH]);
    const seconds = what === 'pause' ? 3_600 : -3_600;
    if (what === 'clock set back') await store10s(seconds - 10, 8);
    await each10s([8, 8]);
    await reopen([HIGH]);
    if (what === 'pause') await store10s(seconds - 10, 8);
    await tick(seconds);
    expect(states()).toEqual(['high dev firing']);
    // 10 s before the pause, 10 s for the pause.
    await each10s([5], seconds);
    expect(states()).toEqual(['high dev recovering']);
    await reopen([HIGH]);
    for (const later of [10_000, 10_010]) {
      await store10s(later - 10, 5);
      await tick(later);
    }
    expect(changes.slice(1).map((change) => change.replace(/^\S+ /, ''))).toEqual([
      'high pending->firing 8',
      'high firing->recovering 5',
      'high recovering->normal 5',
    ]);
  });

  it('a pause leaves a pending alert pending, where `for` was not over', async () => {
    await open([HIGH]);
    await each10s([8]);
    await reopen([HIGH]);
    await each10s([8], 3_590);
    expect(states()).toEqual(['high dev pending']);
    await each10s([8], 3_600);
    expect(states()).toEqual(['high dev firing']);
  });

  it('what fires after a pause has fired since before it; before a clock that was set back nothing is', async () => {
    await open([FLAPPING]);
    await each10s([8]);
    const since = () => ((alerts.states()[0]?.since ?? 0) - START_MS) / 1_000;
    await each10s([8], 3_600);
    expect(since()).toBe(10);
    await each10s([8], -3_600);
    expect(since()).toBe(-3_590);
  });

  it('an instance that has no answer right after a pause is not gone yet', async () => {
    await open([ERRORS]);
    await store10s(0, 8, ['error.line']);
    await tick(10);
    await store.query(`INSERT INTO errors SELECT time + INTERVAL 1 HOUR, env, kind, value FROM errors
      WHERE kind = 'error.sensor_exit'`);
    await tick(3_610);
    expect(states()).toEqual(['errors dev error.line firing', 'errors dev error.sensor_exit normal']);
  });

  it('two evaluations that were left out are no pause', async () => {
    await open([HIGH]);
    await each10s([8]);
    await each10s([8], 30);
    expect(states()).toEqual(['high dev firing']);
  });

  it.each([
    ['rubbish', 'rubbish', /JSON/],
    ['another format', '{"version":2}', /^version: .*expected 1$/],
    [
      'no states',
      '{"version":1,"env":"dev","at":1,"alerts":[{"alert":{},"instances":[]}]}',
      /^alerts\.0\.alert\.id: /,
    ],
  ])('a state file with %s is not used, and said', async (_, text, cause) => {
    writeFileSync(stateFile(), text);
    await open([HIGH]);
    expect(states()).toEqual([]);
    const msg = expect.stringContaining('all begin as normal');
    expect(logged).toMatchObject([{ level: 'warn', msg, cause: expect.stringMatching(cause) }]);
    await each10s([8]);
    expect(JSON.parse(readFileSync(stateFile(), 'utf8')).alerts[0].instances[0].state).toBe('pending');
  });

  it('a state file that cannot be written is said once, and ends nothing', async () => {
    await mkdir(`${stateFile()}.draft`);
    await open([FLAPPING]);
    await each10s([8, 5]);
    expect(changes).toHaveLength(2);
    expect(logged.filter(({ msg }) => String(msg).includes('cannot be saved'))).toHaveLength(1);
  });
});

describe('a new definition', () => {
  const OTHER: Alert = { ...HIGH, condition: { above: 6 } };

  it.each(['at run time', 'over a restart'])('ends what it has no more, or has changed: %s', async (when) => {
    await open([HIGH, FLAPPING, ERRORS]);
    await store10s(0, 8, ['error.line']);
    await tick(10);
    await each10s([8, 8], 10);
    const next = [OTHER, { ...FLAPPING, summary: 'Better said', action: 'restart-sensor' as const }];
    if (when === 'at run time') alerts.redefine(definitionOf(next));
    else await reopen(next);
    await each10s([8], 30);

    expect(changes.slice(-2)).toEqual(['40s high firing->normal null', '40s high normal->pending 8']);
    expect(states()).toEqual(['high dev pending', 'flapping dev firing']);
    const marked = await alerts.changes(START_MS + 40_000, START_MS + 40_000);
    expect(marked.slice(-2).map(({ to }) => to)).toEqual(['normal', 'pending']);
    const told = changes.length;
    await each10s([5], 40);
    expect(changes.slice(told)).toEqual(['50s high pending->normal 5', '50s flapping firing->normal 5']);
    expect(logged.find(({ msg }) => msg === 'Alert high is over after 10s')).toBeDefined();
  });

  it('that is followed by another one at once loses no end', async () => {
    await open([FLAPPING, { ...FLAPPING, id: 'twin' }]);
    await each10s([8]);
    alerts.redefine(definitionOf([FLAPPING]));
    alerts.redefine(definitionOf());
    await each10s([8], 10);
    expect(changes.slice(2)).toEqual(['20s twin firing->normal null', '20s flapping firing->normal null']);
  });

  it('that comes during an evaluation is in force at once', async () => {
    await open([FLAPPING, HIGH]);
    await store10s(0, 8);
    const ask = rows;
    rows = (sql) => {
      alerts.redefine(definitionOf([OTHER]));
      return ask(sql);
    };
    await tick(10);
    expect(states()).toEqual([]);
    rows = ask;
    await tick(10);
    expect(changes).toEqual(['10s high normal->pending 8']);
  });
});

describe('a store that fails', () => {
  it('leaves states as they are, but for the alert that watches for data; marks wait for it', async () => {
    await open([FLAPPING, { ...SILENT, forMs: 20_000 }]);
    await each10s([8]);
    const ask = rows;
    rows = () => Promise.reject(new Error('database has been invalidated'));
    for (const second of [20, 30, 40]) await tick(second);
    expect(states()).toEqual(['flapping dev firing', 'silent dev firing']);
    expect(logged.filter(({ level }) => level === 'warn')).toMatchObject([
      { alert: 'flapping' },
      {
        alert: 'flapping',
        cause: 'database has been invalidated',
        msg: expect.stringContaining('cannot be evaluated'),
      },
      { msg: 'The changes of alerts cannot be stored; they wait in memory' },
    ]);
    await expect(alerts.changes(0, START_MS + 60_000)).rejects.toThrow('invalidated');

    rows = (sql) => (sql.includes('INSERT') ? Promise.reject(new Error('disk full')) : ask(sql));
    await each10s([5], 40);
    expect(logged.at(-3)).toMatchObject({ level: 'info', msg: 'Alerts are evaluated again' });
    const expected = ['firing', 'pending', 'firing', 'normal', 'normal'];
    expect((await alerts.changes(0, START_MS + 60_000)).map(({ to }) => to)).toEqual(expected);
    rows = ask;
    await each10s([5], 50);
    expect((await readAlertChanges(rows, 'dev', 0, START_MS + 60_000)).map(({ to }) => to)).toEqual(expected);
  });

  it('for one alert only leaves the others to be evaluated', async () => {
    await open([FLAPPING, HIGH]);
    const ask = rows;
    rows = (sql) => (sql.includes('"load" > 3') ? Promise.reject(new Error('no')) : ask(sql));
    alerts.redefine(
      definitionOf([
        {
          ...FLAPPING,
          query: { aggregate: 'count', of: 'load', above: 3, overMs: 10_000, defects: 'excluded' },
        },
        HIGH,
      ]),
    );
    await each10s([8]);
    expect(states()).toEqual(['high dev pending']);
  });
});

describe('the marks in the store', () => {
  it('are read with the last one before the range, for each instance', async () => {
    await open([FLAPPING, { ...FLAPPING, id: 'twin', condition: { above: 20 } }]);
    await each10s([8, 5, 8, 30, 5, 5, 8]);
    const read = async (from: number, to: number) =>
      (await alerts.changes(START_MS + from * 1_000, START_MS + to * 1_000)).map(
        ({ alert, at, to: state }) => `${(at - START_MS) / 1_000}s ${alert} ${state}`,
      );
    const all = [
      '10s flapping firing',
      '20s flapping normal',
      '30s flapping firing',
      '40s twin firing',
      '50s flapping normal',
      '50s twin normal',
      '70s flapping firing',
    ];
    expect(await read(0, 70)).toEqual(all);
    expect(await read(50, 69)).toEqual(all.slice(2, 6));
    expect(await read(60, 60)).toEqual(all.slice(4, 6));
    expect(await read(100, 200)).toEqual(all.slice(5));
    expect(await read(-100, 5)).toEqual([]);

    await forgetAlertChanges(rows, START_MS + 50_000);
    expect(await read(0, 70)).toEqual(all.slice(2));
    await forgetAlertChanges(rows, START_MS + 1_000_000);
    expect(await read(0, 70)).toEqual(all.slice(6));
  });

  it('of instances that differ in a label only are told apart, in whatever order their labels are', async () => {
    const change = { alert: 'a', from: 'normal', to: 'firing', value: null } as const;
    const [exit, line, other] = [
      { env: 'dev', kind: 'exit' },
      { kind: 'line', env: 'dev' },
      { env: 'dev', kind: 'line' },
    ];
    await appendAlertChanges(rows, 'dev', [
      { ...change, labels: line, at: 1 },
      { ...change, labels: exit, at: 2 },
      { ...change, labels: other, at: 3 },
    ]);
    expect((await readAlertChanges(rows, 'dev', 5, 9)).map(({ labels, at }) => [labels, at])).toEqual([
      [exit, 2],
      [other, 3],
    ]);
  });

  it('of strange names and labels come back as they were; a store without any has none', async () => {
    expect(await readAlertChanges(rows, "d'év", 0, START_MS)).toEqual([]);
    await forgetAlertChanges(rows, START_MS);
    const env = `d'"é\\v`;
    await open([FLAPPING], { env });
    await store10s(0, 8, [], env);
    await tick(10);
    expect(await alerts.changes(0, START_MS * 2)).toMatchObject([{ labels: { env }, value: 8 }]);
  });

  it('are written beside a batch that is being written, and outlive its failure', async () => {
    await open([FLAPPING]);
    await store10s(0, 8);
    await store.query('BEGIN');
    await store.query(`INSERT INTO readings SELECT time, env, defect, 1 FROM readings`);
    await tick(10);
    await store.query('ROLLBACK');
    expect(changes).toEqual(['10s flapping normal->firing 8']);
    expect(await alerts.changes(0, START_MS * 2)).toHaveLength(1);

    let writing = true;
    const writer = (async () => {
      for (let second = 10; writing; second += 10) {
        await store10s(second, second % 20 === 0 ? 8 : 5);
        await store.maintain(0);
      }
    })();
    for (let second = 20; second < 520; second += 10) await tick(second);
    writing = false;
    await writer;
    expect(logged.filter(({ msg }) => /cannot/.test(String(msg)))).toEqual([]);
    expect(changes.length).toBeGreaterThan(1);
    expect(await alerts.changes(0, START_MS * 2)).toHaveLength(changes.length);
  });
});

describe('the time of evaluations', () => {
  it('is each multiple of the interval; one that nobody had time for is left out', async () => {
    const signal = new AbortController();
    const given: number[] = [];
    for await (const at of multiples(100, Date.now, signal.signal)) {
      given.push(at);
      expect(Date.now()).toBeGreaterThanOrEqual(at);
      if (given.length === 2) await new Promise((resolve) => setTimeout(resolve, 250));
      if (given.length === 4) signal.abort();
    }
    expect(given.map((at) => at % 100)).toEqual([0, 0, 0, 0]);
    const steps = given.slice(1).map((at, index) => at - (given[index] as number));
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(100);
    expect(steps[1]).toBeGreaterThanOrEqual(300);
  });

  it('follows a clock that is set back and forth, and one that goes at half speed', async () => {
    const began = Date.now();
    let [offset, speed] = [0, 1];
    const now = () => 1_000_000 + offset + (Date.now() - began) * speed;
    const signal = new AbortController();
    const given: number[] = [];
    for await (const at of multiples(50, now, signal.signal)) {
      given.push(at);
      expect(at).toBeLessThanOrEqual(now());
      if (given.length === 2) offset = 3_600_000;
      if (given.length === 3) offset = -3_600_000;
      if (given.length === 4) [offset, speed] = [offset + (Date.now() - began) * 0.5, 0.5];
      if (given.length === 6) signal.abort();
    }
    const hours = given.map((at) => Math.round((at - 1_000_000) / 3_600_000));
    expect(hours).toEqual([0, 0, 1, -1, -1, -1]);
  });

  it('never comes again after a small step back', async () => {
    let offset = 0;
    const signal = new AbortController();
    const given: number[] = [];
    for await (const at of multiples(100, () => Date.now() + offset, signal.signal)) {
      given.push(at);
      setTimeout(() => {
        offset -= 110;
      }, 10);
      if (given.length === 4) signal.abort();
    }
    expect(given).toEqual([...new Set(given)].sort());
  });

  it('is that of the readings, also while they run ahead of the wall clock', {
    timeout: 90_000,
  }, async () => {
    const mark = join(folder, 'clock');
    writeFileSync(mark, `${BigInt(Date.now() + 3_600_000) * 1_000_000n}\n`);
    const clock = await Clock.open(mark);
    const writer = await store.writer(definitionOf(), 'dev');
    const readings = () => packed([{ timestamp: clock.stamp(), values: [5], defect: false }]);
    const writeOne = () => writer.write({ readings: readings(), points: [], refused: 0, lost: 0 });
    await writeOne();
    await open([SILENT], { now: () => Number(clock.stamp() / 1_000_000n) });
    alerts.start();
    await until('an alert is evaluated', async () => {
      await writeOne();
      return alerts.states().length > 0;
    });
    await alerts.close();
    writer.close();
    await clock.close();
    expect(states()).toEqual(['silent dev normal']);
    const { at } = JSON.parse(readFileSync(stateFile(), 'utf8'));
    expect(at % 10_000).toBe(0);
    expect(at).toBeGreaterThan(Date.now() + 3_500_000);
  });
});

it('an evaluation of the bundled alerts costs little, however much is stored', {
  timeout: 300_000,
}, async () => {
  const definition = readDefinition(BUNDLED);
  const days = Number(process.env.ALERT_DAYS ?? 3);
  const seconds = days * 86_400;
  await store.prepare(definition);
  const time = `make_timestamp_ns((${START_MS} + second * 1000)::BIGINT * 1000000)`;
  await store.query(`INSERT INTO readings (time, env, defect, cpu_load, random_value, counter)
    SELECT ${time}, 'dev', false, 6 + 2 * sin(second / 48), (4e6 + random() * 4e6)::BIGINT, second
    FROM range(${seconds}) t(second)`);
  await store.query(`INSERT INTO errors SELECT ${time}, 'dev', kind, 0 FROM range(0, ${seconds}, 10) t(second),
    (VALUES ('error.line'), ('error.sensor_exit'), ('connectivity_error'), ('batch_sending_error')) k(kind)`);
  await store.maintain(0);
  alerts = await LocalAlerts.open({ ...options([]), definition });
  const took: number[] = [];
  for (let turn = 0; turn < 20; turn += 1) {
    const began = performance.now();
    await tick(seconds - 300 + turn * 10);
    took.push(performance.now() - began);
  }
  took.sort((one, other) => one - other);
  if (process.env.ALERT_DAYS !== undefined) {
    const [least, median, most] = [took[0], took[10], took[19]].map((ms) => ms?.toFixed(1));
    process.stderr.write(
      `${definition.alerts.length} alerts over ${days} days: ${least} ms, ${median} ms, ${most} ms\n`,
    );
  }
  expect(alerts.states().length).toBeGreaterThan(10);
  expect(took[10]).toBeLessThan(500);
});

function definitionOf(defined: readonly Alert[] = []): Definition {
  return {
    name: 'demo',
    measurement: 'sensor',
    separator: 'whitespace',
    metrics: [{ name: 'load', type: 'float', kind: 'gauge', unit: 'cores' }],
    defect: 'none',
    alerts: defined,
    notify: [],
  };
}

function packed(readings: readonly Reading[]): Readings {
  return packReadings(definitionOf().metrics, readings);
}

function stateFile(): string {
  return join(folder, 'alerts.json');
}

function options(defined: readonly Alert[]): LocalAlertsOptions {
  const sink = { write: (line: string) => logged.push(JSON.parse(line)) };
  const formatters = { level: (level: string) => ({ level }) };
  return {
    definition: definitionOf(defined),
    env: 'dev',
    rows: (sql) => rows(sql),
    stateFile: stateFile(),
    log: pino({ level: 'debug', base: null, formatters }, sink),
    onChange: (told) => {
      for (const { alert, labels, from, to, at, value } of told) {
        const kind = labels.kind === undefined ? '' : ` ${labels.kind}`;
        changes.push(`${(at - START_MS) / 1_000}s ${alert.id}${kind} ${from}->${to} ${value}`);
      }
    },
  };
}

async function open(defined: readonly Alert[], others: Partial<LocalAlertsOptions> = {}): Promise<void> {
  alerts = await LocalAlerts.open({ ...options(defined), ...others });
}

async function reopen(defined: readonly Alert[], others: Partial<LocalAlertsOptions> = {}): Promise<void> {
  await alerts.close();
  await open(defined, others);
}

function tick(second: number): Promise<void> {
  return alerts.evaluate(START_MS + second * 1_000);
}

/** Ten seconds of this load from `second` on, then an evaluation; and so on. */
async function each10s(loads: readonly number[], second = 0): Promise<void> {
  for (const [index, load] of loads.entries()) {
    await store10s(second + index * 10, load);
    await tick(second + index * 10 + 10);
  }
}

/** A line in the middle of each second, and a count of some errors, which is 0 for most. */
async function store10s(second: number, load: number, errors: readonly string[] = [], env = 'dev') {
  const writer = await store.writer(definitionOf(), env);
  const ns = (offset: number) => BigInt(START_MS + second * 1_000 + offset) * 1_000_000n;
  await writer.write({
    readings: packed(
      Array.from({ length: 10 }, (_, index) => ({
        timestamp: ns(index * 1_000 + 500),
        values: [load],
        defect: false,
      })),
    ),
    points: ['error.line', 'error.sensor_exit'].map((kind) => ({
      measurement: kind,
      kind,
      fields: { value: errors.includes(kind) ? 1 : 0 },
      timestamp: ns(9_900),
    })),
    refused: 0,
    lost: 0,
  });
  writer.close();
}

/** `high dev pending`, `errors dev error.line normal`. */
function states(): string[] {
  return alerts
    .states()
    .map(({ alert, labels, state }) =>
      [alert, labels.env ?? '', labels.kind, state].filter((part) => part !== undefined).join(' '),
    );
}
