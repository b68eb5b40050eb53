import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Browser, Page as Tab } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Status } from '../../src/local/api.js';
import { type Drawn, drawnIn, watchCharts } from '../servers/charts.js';
import { hasChromium, openBrowser } from '../servers/chromium.js';
import { until } from '../until.js';
import { BUNDLED_SENSOR, type Run, shellSensor, temporaryFolder, visualizer } from '../visualizer.js';

/** Single values a second, then many, with defects, lines that are none, and values that repeat; then it ends. */
const SENSOR = `${BUNDLED_SENSOR} --seed 1 --lines 4
exec ${BUNDLED_SENSOR} --seed 2 --interval 50 --lines 80 --defect-rate 0.1 --fault random-repeat --fault garbage@2`;
const COARSE_MS = 10_000;
const KINDS = [
  ...['error.cpu_load', 'error.random_value', 'error.counter'],
  ...['error.line', 'error.sensor_exit', 'error.sensor_stuck'],
  ...['batch_sending_error', 'connectivity_error', 'error.buffer_overflow'],
];

/**
 * A run is recorded, and looked at when it has ended. What its charts draw is compared with the store's rows, asked
 * for in SQL that has nothing in common with that of the page.
 */
describe.skipIf(!hasChromium)('what the page draws', () => {
  let folder: string;
  let browser: Browser;
  let store: DuckDBInstance;
  let view: Run;
  let tab: Tab;
  let drawn: Record<string, Drawn>;
  /** Whole coarse buckets with everything that was recorded, ms. */
  let span: { readonly from: number; readonly to: number };

  beforeAll(async () => {
    folder = temporaryFolder();
    browser = await openBrowser();
    await record();
    store = await DuckDBInstance.create(join(folder, 'store.duckdb'), { access_mode: 'READ_ONLY' });
    const [[first, last] = []] = await stored(`SELECT min(ms), max(ms) FROM (
      SELECT epoch_ms(time) AS ms FROM readings UNION ALL SELECT epoch_ms(time) FROM errors)`);
    const whole = (ms: unknown) => Math.floor(Number(ms) / COARSE_MS) * COARSE_MS;
    span = { from: whole(first), to: whole(last) + COARSE_MS };
    await until('the last bucket is over', () => Date.now() > span.to);
    await look();
  });
  afterAll(async () => {
    view?.kill('SIGKILL');
    store?.closeSync();
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function record(): Promise<void> {
    const sensor = shellSensor(folder, SENSOR);
    const run = visualizer(['run', '--page-port', '0', '--state-dir', folder, '--path-executable', sensor]);
    try {
      const url = await addressOf(run);
      const newest = async () => ((await (await fetch(`${url}api/status`)).json()) as Status).newest;
      await until('there is a reading', newest);
      const begin = (await newest()) as number;
      await until('the runner has told of itself twice more', async () => {
        return ((await newest()) as number) > begin + 21_000;
      });
    } finally {
      run.kill('SIGTERM');
    }
    expect((await run).exitCode).toBe(0);
  }

  async function look(): Promise<void> {
    view = visualizer(['view', '--page-port', '0', '--state-dir', folder]);
    tab = await browser.newPage({ viewport: { width: 1280, height: 860 } });
    await watchCharts(tab);
    await tab.goto(`${await addressOf(view)}?from=${span.from}&to=${span.to}`);
    await until('every chart is drawn', async () => {
      drawn = await drawnIn(tab);
      return Object.keys(drawn).length === 12 && (await tab.locator('[data-loading]').count()) === 0;
    });
  }

  async function stored(sql: string): Promise<(number | null)[][]> {
    const connection = await store.connect();
    const rows = (await connection.runAndReadAll(sql)).getRows();
    connection.closeSync();
    return rows.map((row) => row.map((value) => (value === null ? null : Number(value))));
  }

  /** The same rows in the same order, to the last bit. */
  async function expectDrawn(chart: string, sql: string): Promise<void> {
    const [times, ...columns] = drawn[chart] as Drawn;
    const rows = times.map((time, row) => [time, ...columns.map((column) => column[row] ?? null)]);
    expect(rows.length, chart).toBeGreaterThanOrEqual(2);
    expect(rows, chart).toEqual(await stored(sql));
  }

  const columnOf = (chart: string, column: number) => (drawn[chart] as Drawn)[column] as number[];

  const healthy = (metric: string, seconds: number, measures: string) => `
    SELECT ${bucket(seconds)}, ${measures} FROM readings
    WHERE NOT defect AND ${metric} IS NOT NULL GROUP BY bucket ORDER BY bucket`;

  it('is the mean of a gauge with its lowest and highest value, and how far they lie apart', async () => {
    const values = 'avg(cpu_load), min(cpu_load), max(cpu_load)';
    await expectDrawn('cpu_load.mean', healthy('cpu_load', 1, values));
    await expectDrawn('cpu_load.spread', healthy('cpu_load', 10, 'max(cpu_load) - min(cpu_load)'));
  });

  it('is each random value where there is one in a bucket, and their mean and extremes where there are more', async () => {
    const values = 'avg(random_value), min(random_value), max(random_value)';
    await expectDrawn('random_value.values', healthy('random_value', 1, values));
    const single = await stored(`SELECT min(random_value) FROM readings
      WHERE NOT defect AND random_value IS NOT NULL GROUP BY time_bucket(INTERVAL 1 SECOND, time::TIMESTAMP)
      HAVING count(*) = 1`);
    expect(single.length).toBeGreaterThan(3);
    expect(columnOf('random_value.values', 1)).toEqual(expect.arrayContaining(single.flat()));
  });

  it('is how much random values deviate, and how many of them repeat', async () => {
    const deviations = healthy('random_value', 10, 'stddev_samp(random_value) AS deviation');
    // That of a single value is unknown.
    const known = `SELECT * FROM (${deviations}) WHERE deviation IS NOT NULL ORDER BY bucket`;
    await expectDrawn('random_value.stddev', known);
    const repeats = `SELECT start, (SELECT count(random_value) - count(DISTINCT random_value) FROM readings
      WHERE NOT defect AND ${within('start')}) FROM (${starts()}) ORDER BY start`;
    await expectDrawn('random_value.repeats', repeats);
    expect(Math.max(...columnOf('random_value.repeats', 1))).toBeGreaterThan(0);
  });

  it('is how many random values fall into each tenth of their range', async () => {
    const counts = await stored(`SELECT least(9, (random_value - 4000000) // 400000) AS tenth, count(*)
      FROM readings WHERE NOT defect AND random_value IS NOT NULL GROUP BY tenth ORDER BY tenth`);
    const bars = await tab.locator('[data-chart="random_value.histogram"] li').allTextContents();
    expect(bars.map((words, tenth) => [tenth, numberIn(words.split(': ')[1])])).toEqual(counts);
    const total = sum(counts.map(([, count]) => count as number));
    const words = await tab.locator('[data-chart="random_value.histogram"] .legend').textContent();
    expect(words).toBe(`${total} values, none outside`);
  });

  it('is where a counter stands, how much it rises from line to line, and its smallest change', async () => {
    await expectDrawn('counter.value', healthy('counter', 1, 'max_by(counter, time)'));
    const increase = `SELECT ${bucket(10)}, avg(step) FILTER (step >= 0), min(step)
      FROM (SELECT time, counter - lag(counter) OVER (ORDER BY time) AS step
        FROM readings WHERE NOT defect AND counter IS NOT NULL)
      WHERE step IS NOT NULL GROUP BY bucket ORDER BY bucket`;
    await expectDrawn('counter.increase', increase);
    expect(Math.min(...columnOf('counter.increase', 2)), 'it has begun anew').toBeLessThan(0);
  });

  it('is how many errors of each kind and defects there are, and in all', async () => {
    const sums = KINDS.map(
      (kind) => `(SELECT coalesce(sum(value), 0) FROM errors WHERE kind = '${kind}' AND ${within('start')})`,
    );
    const defects = `(SELECT count(*) FROM readings WHERE defect AND ${within('start')})`;
    await expectDrawn('errors', `SELECT start, ${[...sums, defects]} FROM (${starts()}) ORDER BY start`);
    const totals = [...KINDS, 'defects'].map((_, lane) => sum(columnOf('errors', lane + 1)));
    expect(await numbersIn('.error-list dd')).toEqual(totals);
    for (const kind of ['error.cpu_load', 'error.line', 'error.sensor_exit']) {
      expect(totals[KINDS.indexOf(kind)], kind).toBeGreaterThan(0);
    }
    expect(totals.at(-1), 'defects').toBeGreaterThan(0);
  });

  it('is what the runner tells of itself', async () => {
    const rise = (field: string) => `(SELECT sum(step) FILTER (step >= 0) FROM (
      SELECT time, value - lag(value) OVER (ORDER BY time) AS step FROM runner WHERE field = '${field}')
      WHERE ${within('start')})`;
    const most = (field: string) =>
      `(SELECT max(value) FROM runner WHERE field = '${field}' AND ${within('start')})`;
    const of = (columns: string) => `SELECT * FROM (SELECT start, ${columns} FROM (${starts()}))
      WHERE COLUMNS(* EXCLUDE start) IS NOT NULL ORDER BY start`;
    await expectDrawn('runner.lines', of(`${rise('read')} / 10, ${rise('delivered')} / 10`));
    await expectDrawn('runner.queued', of(most('queued')));
    const lost = ['restarts', 'rejected', 'dropped'].map((field) => `coalesce(${rise(field)}, 0)`);
    await expectDrawn('runner.lost', of(lost.join(', ')));
    const blocked = `SELECT start, least(100, greatest(0, rise) * 100 / 10000) FROM (
        SELECT start, most - lag(most) OVER (ORDER BY start) AS rise
        FROM (SELECT start, ${most('blocked_ms')} AS most FROM (${starts()})) WHERE most IS NOT NULL)
      WHERE rise IS NOT NULL ORDER BY start`;
    await expectDrawn('runner.blocked', blocked);
  });

  it('is headed by the newest value of each metric', async () => {
    const last = (metric: string) => `(SELECT max_by(${metric}, time) FROM readings WHERE NOT defect)`;
    const metrics = ['cpu_load', 'random_value', 'counter'];
    const [newest] = await stored(`SELECT ${metrics.map(last).join(', ')}`);
    const [load, ...integers] = await numbersIn('.value');
    expect(load).toBeCloseTo(newest?.[0] as number, 3);
    expect(integers).toEqual(newest?.slice(1));
  });

  const starts = () => `SELECT unnest(range(${span.from}, ${span.to}, ${COARSE_MS})) AS start`;

  async function numbersIn(selector: string): Promise<number[]> {
    return (await tab.locator(selector).allTextContents()).map(numberIn);
  }
});

/** Its address, once it has said so. */
async function addressOf(run: Run): Promise<string> {
  let said = '';
  run.stdout?.on('data', (chunk) => {
    said += chunk;
  });
  const address = () => /http:\/\/[\d.]+:\d+\//.exec(said + run.log)?.[0];
  await until('it has named its page', address);
  return address() as string;
}

function bucket(seconds: number): string {
  return `epoch_ms(time_bucket(INTERVAL ${seconds} SECONDS, time::TIMESTAMP)) AS bucket`;
}

function within(start: string): string {
  return `epoch_ms(time) >= ${start} AND epoch_ms(time) < ${start} + ${COARSE_MS}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** As it is written for readers of English. */
function numberIn(words = ''): number {
  return Number(words.replaceAll(',', ''));
}
