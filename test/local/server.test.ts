import { describe, expect, it, vi } from 'vitest';
import type { AlertChange, Alerts, Histogram, Series, SeriesMeasure, Status } from '../../src/local/api.js';
import type { LivePage, LivePageOptions } from '../../src/local/live-page.js';
import { until } from '../until.js';
import {
  ask,
  askJson,
  batch,
  COUNTERS,
  DEFINITION,
  history,
  Listener,
  openPage,
  reading,
  TestLog,
  TestStore,
  useScene,
  Wire,
} from './server-fixture.js';

const END = 1_700_000_000_000;
const SECONDS = 3_000;

const scene = useScene();
const { closing, start } = scene;

/** A page over a store that holds some history. */
async function startOverStore(
  options: Partial<LivePageOptions> = {},
): Promise<{ page: LivePage; store: TestStore }> {
  const store = await TestStore.open(scene.folder);
  closing.push(() => store.close());
  await store.writer.write(history(END, SECONDS));
  return { page: await start({ rows: store.rows, ...options }), store };
}

function listen(page: LivePage): Listener {
  const listener = new Listener(page);
  closing.push(() => listener.destroy());
  return listener;
}

function series(page: LivePage, from: number, to: number, points: number, more = ''): Promise<Series> {
  return askJson(page, `/api/series?from=${from}&to=${to}&points=${points}${more}`);
}

describe('the page', () => {
  it.each([
    ['/', 'text/html; charset=utf-8', '<!doctype html>'],
    ['/?from=a-bookmark', 'text/html; charset=utf-8', '<!doctype html>'],
    ['/page.js', 'text/javascript; charset=utf-8', 'export'],
    ['/favicon.svg', 'image/svg+xml', '<svg'],
    ['/uplot.js', 'text/javascript; charset=utf-8', 'var uPlot='],
    ['/uplot.css', 'text/css; charset=utf-8', '.uplot'],
  ])('has %s as %s', async (path, type, excerpt) => {
    const page = await start();
    const answer = await ask(page, path);
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': type } });
    expect(answer.body).toContain(excerpt);
    expect(await ask(page, path, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  });

  it('says so where it was not built', async () => {
    await expect(start({ assets: '/nowhere' })).rejects.toThrow('npm run build');
  });
});

describe('the status', () => {
  it('says what is recorded, and the newest of it to the last digit', async () => {
    const { page, store } = await startOverStore();
    const status = await askJson<Status>(page, '/api/status');
    const count = (name: string) => store.number(`SELECT epoch_ms(${name}(time)) FROM readings`);
    expect(status.newest).toBe(await count('max'));
    expect(status.oldest).toBe(await count('min'));
    expect(status.recording).toEqual({ since: 1_000, state: 'recording', counters: COUNTERS });
    expect(status.about).toMatchObject({
      sensor: 's1',
      env: 'lab',
      destination: 'embedded store',
      reachMs: 86_400_000,
      metrics: [
        { name: 'load', kind: 'gauge', type: 'float', unit: 'cores', capacity: 8 },
        { name: 'dice', kind: 'random', type: 'integer', range: [0, 100] },
        { name: 'counter', kind: 'counter', type: 'integer', rate: 1 },
      ],
      defects: true,
      login: false,
    });
    expect(status.about.alerts).toMatchObject([
      { id: 'load-high', question: 'Mean of load over 1m', limit: 'above 7 cores', metric: 'load' },
      {
        id: 'load-told',
        question: 'Errors of any kind over 1m',
        limit: 'above 7',
        counts: 'any',
        overMs: 60_000,
      },
    ]);
    expect(status.about.alerts[1]).not.toHaveProperty('metric');
    const last = await store.store.query(
      'SELECT arg_max(load, time), arg_max(dice, time), arg_max(counter, time) FROM readings WHERE NOT defect',
    );
    expect(status.latest).toEqual(last[0]?.map(String));

    page.add(batch([reading(END + 1_000, [1.5, 9_007_199_254_740_993n, null])]));
    const later = await askJson<Status>(page, '/api/status');
    expect(later).toMatchObject({ run: status.run, newest: END + 1_000 });
    expect(later.latest).toEqual(['1.5', '9007199254740993', status.latest[2]]);
  });

  it('is empty before the first reading', async () => {
    const page = await start();
    expect(await askJson(page, '/api/status')).toMatchObject({
      newest: null,
      oldest: null,
      latest: [null, null, null],
      about: { reachMs: 600_000 },
    });
  });

  it('tells another run after a new definition, of its metrics', async () => {
    const { page } = await startOverStore();
    const before = await askJson<Status>(page, '/api/status');
    await page.redefine({ ...DEFINITION, metrics: DEFINITION.metrics.slice(0, 2) });
    const after = await askJson<Status>(page, '/api/status');
    expect(after.run).not.toBe(before.run);
    expect(after.about.metrics.map(({ name }) => name)).toEqual(['load', 'dice']);
  });

  it('is ready unless readings cannot be stored', async () => {
    let state: 'recording' | 'failing' = 'recording';
    const page = await start({ recording: () => ({ since: 0, state, counters: COUNTERS }) });
    expect(await ask(page, '/readyz')).toMatchObject({ status: 200, body: '{"status":"ok"}' });
    state = 'failing';
    expect(await ask(page, '/readyz')).toMatchObject({ status: 503 });
    expect(await ask(page, '/healthz')).toMatchObject({ status: 200 });
  });
});

/** The SQL of each measure, written for this test alone. */
const MEASURES: Record<string, Partial<Record<SeriesMeasure, string>>> = {
  load: {
    mean: 'avg(load)',
    min: 'min(load)',
    max: 'max(load)',
    spread: 'max(load) - min(load)',
    count: 'count(load)',
  },
  dice: {
    mean: 'avg(dice)',
    min: 'min(dice)',
    max: 'max(dice)',
    stddev: 'stddev_samp(dice)',
    repeats: 'count(dice) - count(DISTINCT dice)',
    count: 'count(dice)',
  },
  counter: {
    last: 'arg_max(counter, time)',
    increase: 'avg(difference) FILTER (difference >= 0)',
    min_difference: 'min(difference)',
    count: 'count(counter)',
  },
};

/** Sums are added up in another order each time. */
function near(value: number | null) {
  return value === null ? null : expect.closeTo(value, 9);
}

describe('series', () => {
  it.each([
    ['all of it', END - SECONDS * 1_000, END, 60, 60_000],
    ['a few minutes', END - 400_000, END - 100_000, 30, 10_000],
    ['a few seconds', END - 40_000, END - 10_000, 400, 1_000],
    ['what does not begin with a bucket', END - 1_234_567, END - 7_654, 100, 15_000],
  ])('are those that SQL finds: %s', async (_, from, to, points, every) => {
    const { page, store } = await startOverStore();
    const answer = await series(page, from, to, points);
    expect(answer.every).toBe(every);
    expect(answer.times.length).toBeLessThanOrEqual(points);
    expect(answer.times[0]).toBe(Math.floor(from / every) * every);
    expect([answer.from, answer.to]).toEqual([answer.times[0], (answer.times.at(-1) as number) + every]);
    const rows = `(SELECT *, epoch_ms(time) // ${every} * ${every} AS start,
      counter - lag(counter) OVER (PARTITION BY defect ORDER BY time) AS difference FROM readings)`;
    const expected = async (sql: string, condition: string, empty: number | null) => {
      const found = await store.store.query(
        `SELECT start, ${sql} FROM ${rows} WHERE ${condition} GROUP BY start`,
      );
      const byStart = new Map(
        found.map(([start, value]) => [Number(start), value === null ? null : Number(value)]),
      );
      return answer.times.map((start) => near(byStart.get(start) ?? empty));
    };
    for (const [metric, measures] of Object.entries(MEASURES)) {
      for (const [measure, sql] of Object.entries(measures)) {
        const empty = ['count', 'repeats'].includes(measure) ? 0 : null;
        const column = answer.metrics[metric]?.[measure as SeriesMeasure];
        expect(column, `${metric} ${measure}`).toEqual(await expected(sql, 'NOT defect', empty));
      }
    }
    expect(answer.defects).toEqual(await expected('count(*)', 'defect', 0));
  });

  it('hold errors by kind, only those that occurred, and the runner’s metrics', async () => {
    const { page, store } = await startOverStore();
    const answer = await series(page, END - SECONDS * 1_000, END, 60);
    const kinds = await store.store.query(
      'SELECT kind, sum(value) FROM errors GROUP BY kind HAVING sum(value) > 0 ORDER BY kind',
    );
    const sums = Object.entries(answer.errors).map(([kind, counts]) => [
      kind,
      counts.reduce((a, b) => a + b, 0),
    ]);
    expect(sums.sort()).toEqual(kinds.map(([kind, sum]) => [kind, Number(sum)]));
    expect(sums.length).toBeGreaterThan(2);
    expect(Object.keys(answer.runner).sort()).toEqual(['blocked_ms', 'delivered', 'queued', 'read']);
    expect(answer.runner.read?.slice(1, -1).every((rise) => rise === 60)).toBe(true);
    expect(answer.runner.blocked_ms?.[0]).toBe(
      await store.number(
        `SELECT max(value) FROM runner WHERE field = 'blocked_ms' AND epoch_ms(time) < ${answer.from + 60_000}`,
      ),
    );
  });

  it('hold only what is asked for', async () => {
    const { page } = await startOverStore();
    const metrics = await series(page, END - 60_000, END, 10, '&metric=load&metric=counter');
    expect(Object.keys(metrics.metrics)).toEqual(['load', 'counter']);
    const measures = await series(page, END - 60_000, END, 10, '&measure=increase&measure=mean');
    expect(measures.metrics).toEqual({
      load: { mean: metrics.metrics.load?.mean },
      dice: { mean: expect.any(Array) },
      counter: { increase: metrics.metrics.counter?.increase },
    });
    expect(metrics).toMatchObject({ defects: [], errors: {}, runner: {} });
    const parts = await series(page, END - 600_000, END, 10, '&part=defects&part=runner');
    expect(parts).toMatchObject({ metrics: {}, errors: {} });
    expect(parts.defects).toHaveLength(parts.times.length);
    expect(parts.runner).toHaveProperty('queued');
  });

  it('are as wide as people expect, and not narrower than the lines are apart', async () => {
    const { page } = await startOverStore();
    const day = 86_400_000;
    for (const [range, points, every] of [
      [600_000, 600, 1_000],
      [3_600_000, 1_000, 5_000],
      [day, 800, 120_000],
      [7 * day, 700, 900_000],
      [30 * day, 800, 3_600_000],
      [300 * day, 400, day],
      [END, 1, 365 * day * 64],
    ] as const) {
      expect((await series(page, END - range, END, points, '&part=defects')).every).toBe(every);
    }
    page.add(batch([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((n) => [reading(END + n * 40_000, [1, 1n, 1n])])));
    for (let n = 10; n < 40; n += 1) page.add(batch([reading(END + n * 40_000, [1, 1n, 1n])]));
    expect((await series(page, END - 600_000, END, 600, '&part=defects')).every).toBe(60_000);
  });

  it('go on as readings come, complete buckets from memory, the others anew', async () => {
    const store = await TestStore.open(scene.folder);
    closing.push(() => store.close());
    const all = history(END, 600, 7);
    const asked: string[] = [];
    const rows = (sql: string, signal?: AbortSignal) => {
      asked.push(sql);
      return store.rows(sql, signal);
    };
    const page = await start({ rows });
    let known: Series | undefined;
    for (let step = 0; step < 10; step += 1) {
      const isDue = ({ timestamp }: { timestamp: bigint }) =>
        Math.floor((Number(timestamp / 1_000_000n) - (END - 600_000)) / 60_000) === step;
      const next = batch([...all.readings].filter(isDue), all.points.filter(isDue));
      await store.writer.write(next);
      page.add(next);
      known = await series(page, END - 600_000, END, 60);
    }
    const fresh = await start({ rows: store.rows });
    expect(known).toEqual(await series(fresh, END - 600_000, END, 60));
    asked.length = 0;
    expect(await series(page, END - 590_000, END, 59)).toMatchObject({ every: 10_000 });
    const begins = asked.map((sql) => Number(/make_timestamp_ns\((\d+)000000\)/.exec(sql)?.[1]));
    expect(begins.length).toBeGreaterThan(10);
    expect(Math.min(...begins)).toBeGreaterThanOrEqual(END - 60_000);
  });

  it('take nothing for complete that is only held, because the disk is full', async () => {
    const store = await TestStore.open(scene.folder);
    closing.push(() => store.close());
    let state: 'recording' | 'failing' = 'failing';
    const page = await start({
      rows: store.rows,
      recording: () => ({ since: 0, state, counters: COUNTERS }),
    });
    const held = history(END, 120);
    page.add(held);
    const count = async () =>
      (await series(page, END - 120_000, END, 12)).metrics.counter?.count?.reduce(
        (a, b) => Number(a) + Number(b),
        0,
      );
    expect(await count()).toBe(0);
    await store.writer.write(held);
    state = 'recording';
    page.add(batch([]));
    expect(await count()).toBe(await store.number('SELECT count(counter) FROM readings WHERE NOT defect'));
  });

  it('keep integers beyond a double', async () => {
    const store = await TestStore.open(scene.folder);
    closing.push(() => store.close());
    await store.writer.write(batch([reading(END, [1, 1n, 9_007_199_254_740_993n])]));
    const page = await start({ rows: store.rows });
    const { metrics } = await series(page, END - 1_000, END + 1_000, 10);
    expect(metrics.counter?.last).toEqual([null, '9007199254740993']);
  });

  it('answer one question that many ask at a time once, and give it up when all have gone', async () => {
    const store = await TestStore.open(scene.folder);
    closing.push(() => store.close());
    const signals: AbortSignal[] = [];
    let isHeld = false;
    const rows = async (sql: string, signal?: AbortSignal) => {
      if (!isHeld) return store.rows(sql, signal);
      signals.push(signal as AbortSignal);
      return new Promise<unknown[][]>((_, reject) =>
        signal?.addEventListener('abort', () => reject(signal.reason)),
      );
    };
    const page = await start({ rows });
    isHeld = true;
    const { host } = new URL(page.url);
    const question = `GET /api/series?from=0&to=1000&points=1&metric=load HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    const wires = [0, 1, 2].map(() => new Wire(page, question));
    await until('it is asked', () => signals.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(signals).toHaveLength(1);
    for (const wire of wires.slice(1)) wire.destroy();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(signals[0]?.aborted).toBe(false);
    wires[0]?.destroy();
    await until('it is given up', () => signals[0]?.aborted);
  });
});

describe('other answers', () => {
  it('count a histogram as SQL does', async () => {
    const { page, store } = await startOverStore();
    const [from, to] = [END - 2_000_000, END - 500_000];
    const answer = await askJson<Histogram>(page, `/api/histogram?metric=dice&from=${from}&to=${to}`);
    const count = (condition: string) =>
      store.number(`SELECT count(*) FROM readings WHERE NOT defect AND ${condition}
        AND time >= make_timestamp_ns(${from}000000) AND time <= make_timestamp_ns(${to}000000)`);
    expect(answer.edges).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    expect([answer.below, answer.above]).toEqual([await count('dice < 0'), await count('dice > 100')]);
    expect(answer.counts[3]).toBe(await count('dice >= 30 AND dice < 40'));
    expect(answer.counts[9]).toBe(await count('dice >= 90 AND dice <= 100'));
    const empty = await askJson<Histogram>(page, '/api/histogram?metric=dice&from=0&to=1');
    expect(empty).toMatchObject({ counts: new Array(10).fill(0), below: 0, above: 0 });
  });

  it('say who evaluates alerts, and how they stand', async () => {
    const change: AlertChange = {
      alert: 'load-high',
      labels: {},
      from: 'normal',
      to: 'firing',
      at: 5,
      value: 9,
    };
    const instance = { alert: 'load-high', labels: {}, state: 'firing', since: 5, value: 9 } as const;
    const asked: number[][] = [];
    const alerts = {
      states: () => [instance],
      changes: async (from: number, to: number) => {
        asked.push([from, to]);
        return [change];
      },
    };
    const here = await askJson<Alerts>(await start({ alerts }), '/api/alerts?from=1&to=9');
    expect(here).toEqual({ evaluated: 'here', instances: [instance], changes: [change] });
    expect(asked).toEqual([[1, 9]]);
    const elsewhere = await askJson<Alerts>(await start(), '/api/alerts?from=1&to=9');
    expect(elsewhere).toEqual({ evaluated: 'elsewhere', instances: [], changes: [] });
  });

  it.each([
    ['/api/series?to=2&points=1', 'from'],
    ['/api/series?from=1&to=2', 'points'],
    ['/api/series?from=1&points=1', 'to'],
    ['/api/series?from=2&to=2&points=1', 'to'],
    ['/api/series?from=-1&to=2&points=1', 'from'],
    ['/api/series?from=1e3&to=2000&points=1', 'from'],
    ['/api/series?from=0&to=99999999999999&points=1', 'to'],
    ['/api/series?from=1&to=2&points=0', 'points'],
    ['/api/series?from=1&to=2&points=5001', 'points'],
    ['/api/series?from=1&from=1&to=2&points=1', 'from'],
    ["/api/series?from=1&to=2&points=1&metric=load'--", 'metric'],
    ['/api/series?from=1&to=2&points=1&part=all', 'part'],
    ['/api/series?from=1&to=2&points=1&measure=median', 'measure'],
    ['/api/series?from=1&to=2&points=1&metrics=load', 'metrics'],
    ['/api/histogram?from=1&to=2', 'metric'],
    ['/api/histogram?from=1&to=2&metric=load', 'metric'],
    ['/api/alerts?from=1', 'to'],
    ['/api/status?now=1', 'now'],
  ])('refuse %s, naming %s', async (path, parameter) => {
    const page = await start();
    const { status, body } = await ask(page, path);
    expect(status).toBe(400);
    expect(JSON.parse(body)).toEqual({ error: expect.stringContaining(parameter), parameter });
  });

  it('are 503 while the store cannot be read, and 500 without a word of why where it fails', async () => {
    const store = await TestStore.open(scene.folder);
    const log = new TestLog();
    let sqlOf = (sql: string) => sql;
    const page = await start({ rows: (sql, signal) => store.rows(sqlOf(sql), signal), log });
    sqlOf = () => 'SELECT secret_of_ours';
    const failed = await ask(page, '/api/series?from=1&to=2&points=1');
    expect(failed).toMatchObject({ status: 500, body: '{"error":"internal error; the log says more"}' });
    expect(log.errors).toHaveLength(1);
    await store.close();
    const path = '/api/series?from=1&to=2&points=1';
    expect(await ask(page, path)).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect(await ask(page, '/api/status')).toMatchObject({ status: 200 });
  });
});

describe('the event stream', () => {
  const CHANGE: AlertChange = {
    alert: 'load-high',
    labels: {},
    from: 'normal',
    to: 'pending',
    at: 1,
    value: 8,
  };

  it('tells the status at once, and again when it has changed', async () => {
    let counters = COUNTERS;
    const page = await start({ recording: () => ({ since: 0, state: 'recording', counters }) });
    const listener = listen(page);
    await until('it is told three times', () => listener.text.split('event: still').length > 3);
    expect(listener.events('status')).toHaveLength(1);
    expect(listener.events('status')[0]).toMatchObject({ about: { sensor: 's1' }, newest: null });
    page.add(batch([reading(END, [1, 2n, 3n])]));
    await until('the reading is told', () => listener.events('status').at(-1)?.newest === END);
    counters = { ...COUNTERS, errors: 4 };
    await until('the error is told', () => listener.events('status').length === 3);
    expect(listener.events('status').at(-1)?.recording?.counters.errors).toBe(4);
  });

  it('tells new readings at once, but not each batch of many', async () => {
    const page = await start({ tickMs: 60_000 });
    const listener = listen(page);
    await until('it is told the status', () => listener.events('status').length === 1);
    for (const line of [1, 2, 3]) page.add(batch([reading(END + line, [8, 1n, BigInt(line)])]));
    await until('it is told the first line', () => listener.events('status').length > 1, 5_000);
    page.alert([CHANGE]);
    await until('it is told what comes later', () => listener.events('alert').length === 1);
    expect(listener.events('status').map(({ newest }) => newest)).toEqual([null, END + 1]);
  });

  it('tells changes of alerts at once', async () => {
    const page = await start({ tickMs: 60_000 });
    const listeners = [listen(page), listen(page)];
    await until('both listen', () => listeners.every((each) => each.events('status').length === 1));
    page.alert([CHANGE, { ...CHANGE, from: 'pending', to: 'firing' }]);
    await until('both are told', () => listeners.every((each) => each.events('alert').length === 2));
    expect(listeners[1]?.events('alert')[0]).toEqual(CHANGE);
  });

  it('asks for nothing while nobody listens', async () => {
    let asked = 0;
    const [begun, ended] = [vi.spyOn(globalThis, 'setInterval'), vi.spyOn(globalThis, 'clearInterval')];
    closing.push(() => vi.restoreAllMocks());
    const page = await start({
      tickMs: 51,
      recording: () => {
        asked += 1;
        return { since: 0, state: 'recording', counters: COUNTERS };
      },
    });
    const listener = listen(page);
    await until('it is told', () => asked > 2);
    listener.destroy();
    await until('the asking ends', async () => {
      const before = asked;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return asked === before;
    });
    const timer = begun.mock.results[begun.mock.calls.findIndex(([, ms]) => ms === 51)]?.value;
    expect(ended).toHaveBeenCalledWith(timer);
  });

  it('drops a client that does not read, and goes on telling the others', async () => {
    const metrics = Array.from({ length: 2_000 }, (_, index) => ({
      ...DEFINITION.metrics[0],
      name: `m${index}`,
    }));
    const log = new TestLog();
    const page = await start({
      definition: { ...DEFINITION, metrics } as typeof DEFINITION,
      patienceMs: 500,
      log,
    });
    const { host } = new URL(page.url);
    const sleeper = new Wire(page);
    closing.push(() => sleeper.destroy());
    sleeper.socket.pause();
    sleeper.socket.write(`GET /events HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    const reader = listen(page);
    await until('the reader is told', () => reader.text.includes('event: status'));
    let now = END;
    const feeding = setInterval(() => {
      now += 1_000;
      page.add(
        batch([
          reading(
            now,
            metrics.map((_, index) => Math.sqrt(index + now)),
          ),
        ]),
      );
    }, 50);
    await until('the sleeper is dropped', () => log.warnings.length === 1).finally(() =>
      clearInterval(feeding),
    );
    expect(log.warnings[0]).toContain('does not read');
    sleeper.socket.resume();
    await until('the sleeper sees the end', () => sleeper.ended);
    const told = reader.text.length;
    await until('the reader is still told', () => reader.text.length > told);
    expect(reader.ended).toBe(false);
  });

  it('drops a client for which too many changes of alerts wait, however patient it is', async () => {
    const log = new TestLog();
    const page = await start({ tickMs: 60_000, patienceMs: 3_600_000, log });
    const { host } = new URL(page.url);
    const sleeper = new Wire(page, `GET /events HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    closing.push(() => sleeper.destroy());
    await until('the sleeper is told', () => sleeper.text.includes('event: status'));
    sleeper.socket.pause();
    const labels = { text: 'x'.repeat(20_000) };
    const change = { alert: 'load-high', labels, from: 'normal', to: 'firing', at: 1, value: 8 } as const;
    const feeding = setInterval(() => page.alert(new Array(20).fill(change)), 1);
    await until('the sleeper is dropped', () => log.warnings.length === 1).finally(() =>
      clearInterval(feeding),
    );
    expect(log.warnings[0]).toContain('does not read');
  });

  it('ends at once when the page is closed', async () => {
    const page = await openPage(scene.folder);
    const listener = listen(page);
    await until('it listens', () => listener.events('status').length === 1);
    const began = performance.now();
    await page.close();
    expect(performance.now() - began).toBeLessThan(2_000);
    await until('the end is seen', () => listener.ended);
    await expect(ask(page, '/')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('where readings go to a database that is not ours', () => {
  it('knows the last ten minutes, and null for what it cannot know', async () => {
    const store = await TestStore.open(scene.folder);
    closing.push(() => store.close());
    const all = history(END, 900, 3);
    const page = await start();
    page.add(all);
    await store.writer.write(all);
    const reference = await start({ rows: store.rows });
    const [from, to] = [END - 540_000, END - 30_000];
    const [found, stored] = [await series(page, from, to, 60), await series(reference, from, to, 60)];
    expect(found.times).toEqual(stored.times);
    expect(found.defects).toEqual(stored.defects);
    expect(found.errors).toEqual(stored.errors);
    expect(found.runner).toEqual(stored.runner);
    for (const [metric, measures] of Object.entries(MEASURES)) {
      for (const measure of Object.keys(measures) as SeriesMeasure[]) {
        const column = found.metrics[metric]?.[measure] as (number | null)[];
        const expected = stored.metrics[metric]?.[measure] as (number | null)[];
        for (const [index, value] of expected.entries()) {
          const label = `${metric} ${measure} ${index}`;
          if (measure === 'repeats' || value === null) expect(column[index], label).toBeNull();
          else expect(column[index], label).toBeCloseTo(value, 6);
        }
      }
    }
    const path = `/api/histogram?metric=dice&from=${from}&to=${to - 1}`;
    expect(await askJson(page, path)).toEqual(await askJson(reference, path));
    const older = await series(page, END - 900_000, END - 660_000, 60);
    expect(older.metrics.load?.count?.every((count) => count === 0)).toBe(true);
    const status = await askJson<Status>(page, '/api/status');
    expect(status.oldest).toBe((status.newest as number) - 600_000);
  });
});
