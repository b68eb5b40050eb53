import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions, Page as Tab } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { About, AlertAbout, AlertState, Alerts, MetricAbout, Series } from '../../src/local/api.js';
import { hasChromium, openBrowser } from '../servers/chromium.js';
import { until } from '../until.js';
import { ABOUT, ALERTS, ASSETS, assetsOf, ScriptedRun } from './page-fixture.js';
import { everyOf, seriesOf } from './page-series.js';

/** Reads copies of the canvases, as reading them would make the browser draw them another way. */
const COUNT_PIXELS = readFileSync(new URL('./count-pixels.js', import.meta.url), 'utf8');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** What has moved by more than a trifle without having been asked to, and how much. */
const SHIFTS = `new Promise((resolve) => {
  const tell = (entries) => resolve(entries.filter(({ value }) => value > 0.005).map(({ value, sources }) =>
    value.toFixed(4) + ' ' + sources.map(({ node }) => node?.id || node?.className || node?.nodeName).join()));
  new PerformanceObserver((list) => tell(list.getEntries())).observe({ type: 'layout-shift', buffered: true });
  setTimeout(() => tell([]), 500);
})`;
const DESK = { viewport: { width: 1280, height: 860 } };
const PHONE = { viewport: { width: 360, height: 740 } };
const MINUTE = 60_000;

describe.skipIf(!hasChromium)('the page', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
  });

  const runs: ScriptedRun[] = [];
  const tabs: Tab[] = [];
  afterEach(async () => {
    for (const tab of tabs.splice(0)) await tab.context().close();
    for (const run of runs.splice(0)) await run.stop();
  });

  async function serve(run: ScriptedRun, port = 0): Promise<string> {
    runs.push(run);
    return run.start(port);
  }

  /** A tab on the page, with everything it complains of and asks for. */
  async function visit(url: string, options: BrowserContextOptions = DESK) {
    const context = await browser.newContext(options);
    const tab = await context.newPage();
    tabs.push(tab);
    const complaints: string[] = [];
    const requests: string[] = [];
    tab.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    tab.on('pageerror', (error) => complaints.push(error.message));
    context.on('request', (request) => requests.push(request.url()));
    await tab.goto(url);
    return { tab, complaints, requests };
  }

  it('draws the charts of each kind with the numbers that are served', async () => {
    const run = new ScriptedRun();
    const to = Math.floor(Date.now() / MINUTE) * MINUTE - MINUTE;
    const from = to - 30 * MINUTE;
    const { tab, complaints, requests } = await visit(`${await serve(run)}?from=${from}&to=${to}`);
    await drawn(tab);
    const [fine, coarse] = seriesAsked(run);
    expect(questions(run)[0]).toMatchObject({ from, to });

    for (const { chart, series, columns } of [
      { chart: 'cpu_load.mean', series: fine, columns: ['mean', 'min', 'max'] },
      { chart: 'random_value.values', series: fine, columns: ['mean', 'min', 'max'] },
      { chart: 'counter.value', series: fine, columns: ['last'] },
      { chart: 'cpu_load.spread', series: coarse, columns: ['spread'] },
      { chart: 'random_value.stddev', series: coarse, columns: ['stddev'] },
      { chart: 'random_value.repeats', series: coarse, columns: ['repeats'] },
      { chart: 'counter.increase', series: coarse, columns: ['increase', 'min_difference'] },
    ] as const) {
      const answer = series as Series;
      const metric = chart.split('.')[0] as string;
      const measures = columns.map((measure) => answer.metrics[metric]?.[measure] ?? []);
      const rows = answer.times.flatMap((_, row) => {
        const values = measures.map((column) => column[row] ?? null);
        return values.every((value) => value === null) ? [] : [values.map(String)];
      });
      expect(rows.length, chart).toBeGreaterThan(20);
      expect(await numbersOf(tab, chart), chart).toEqual(rows);
    }
    expect(complaints).toEqual([]);
    const { origin } = new URL(tab.url());
    expect(requests.filter((url) => !url.startsWith(origin))).toEqual([]);
  });

  it('draws lines, bands, marks and bars, each in its colour', async () => {
    const { tab } = await visit(`${await serve(new ScriptedRun())}?range=1h`);
    await drawn(tab);
    const inked = await pixels(tab);
    for (const chart of ['cpu_load.mean', 'random_value.values', 'counter.value', 'random_value.stddev']) {
      expect(inked[chart]?.line, chart).toBeGreaterThan(150);
    }
    expect(inked['cpu_load.mean']?.defect).toBeGreaterThan(50);
    expect(inked['cpu_load.mean']?.error).toBeGreaterThan(50);
    expect(inked['cpu_load.mean']?.warning, 'the limit').toBeGreaterThan(50);
    expect(inked.errors?.error).toBeGreaterThan(50);
  });

  it('counts errors by kind, and random values by tenths of their range', async () => {
    const run = new ScriptedRun();
    const { tab } = await visit(`${await serve(run)}?range=1h`);
    await drawn(tab);
    await tab.locator('#live').click();
    await until('it stays at its time', async () => new URL(tab.url()).searchParams.has('from'));
    await until('it has asked anew', () =>
      run.asked.some((url) => url.includes(new URL(tab.url()).search.slice(1))),
    );
    await drawn(tab);
    const [, coarse] = seriesAsked(run);
    for (const kind of ['error.cpu_load', 'error.line', 'error.counter', 'connectivity_error']) {
      const total = (coarse?.errors[kind] ?? []).reduce((sum, count) => sum + count, 0);
      expect(await tab.locator(`[data-kind="${kind}"] dd`).textContent(), kind).toBe(String(total));
    }
    const bars = await tab.locator('[data-chart="random_value.histogram"] li').allTextContents();
    expect(bars).toHaveLength(10);
    expect(bars[0]).toMatch(/^4 M to 4\.4 M: \d{3}$/);
  });

  it('asks for as many points as there are pixels, and follows the present', async () => {
    const run = new ScriptedRun();
    const { tab, complaints } = await visit(await serve(run));
    await drawn(tab);
    const width = (await tab.locator('[data-chart="cpu_load.mean"] .u-over').boundingBox())?.width ?? 0;
    await until('it asks by its width', () =>
      questions(run).some(({ points }) => Math.abs(points - width) <= 1),
    );
    const [first] = questions(run);
    expect((first?.to ?? 0) - (first?.from ?? 0)).toBe(5 * MINUTE);
    const before = questions(run).length;
    const newest = (await numbersOf(tab, 'counter.value')).at(-1);
    await until('it has asked again', () => questions(run).length >= before + 4);
    await until(
      'new values are there',
      async () => (await numbersOf(tab, 'counter.value')).at(-1)?.[0] !== newest?.[0],
    );
    expect(complaints).toEqual([]);
  });

  it('shows newest values to their last digit, and rising counters', async () => {
    const run = new ScriptedRun();
    run.latest = ['9.25', '9007199254740993', '1234567'];
    const { tab } = await visit(await serve(run));
    const values = tab.locator('.value');
    await until('they are there', async () => (await values.count()) === 3);
    expect(await values.allTextContents()).toEqual(['9.250', '9,007,199,254,740,993', '1,234,567']);
    expect(await tab.locator('.latest').first().textContent()).toContain('of 8 cores');
    if (run.recording) {
      run.recording = {
        ...run.recording,
        counters: { ...run.recording.counters, read: 20_000, restarts: 2 },
      };
    }
    await until('restarts are told', async () =>
      /Restarts2$/i.test((await tab.locator('#counters').textContent()) ?? ''),
    );
    expect(await tab.locator('#counters').textContent()).toMatch(/^read20,000/);
  });

  it('keeps the time in the URL, and goes back and forward', async () => {
    const run = new ScriptedRun({}, 48);
    const { tab } = await visit(await serve(run));
    await drawn(tab);
    const search = () => new URL(tab.url()).search;
    await tab.getByRole('button', { name: '24 h' }).click();
    expect(search()).toBe('?range=24h');
    await until('a day is asked for', () => spans(run).includes(24 * 60 * MINUTE));
    await tab.getByRole('button', { name: 'Zoom in' }).click();
    expect(search()).toBe('?range=12h');
    await tab.getByRole('button', { name: 'Earlier' }).click();
    expect(search()).toMatch(/^\?from=\d+&to=\d+$/);
    const shared = tab.url();
    expect(await tab.locator('#live').getAttribute('aria-pressed')).toBe('false');
    await tab.goBack();
    expect(search()).toBe('?range=12h');
    await tab.goBack();
    await tab.goBack();
    expect(search()).toBe('');
    await until('five minutes are pressed', () => isPressed(tab, '5m'));
    await tab.goForward();
    await until('a day is pressed', () => isPressed(tab, '24h'));
    await tab.getByRole('button', { name: 'Reset' }).click();
    expect(search()).toBe('');

    await tab.close();
    const other = await visit(shared);
    await drawn(other.tab);
    const shown = `?from=${questions(run).at(-1)?.from}`;
    expect(shown).toBe(new URL(shared).search.split('&')[0]);
  });

  it('asks for what can be asked for, whatever the URL says and however long the store keeps', async () => {
    const run = new ScriptedRun({ reachMs: 36_500 * 24 * 60 * MINUTE });
    const url = await serve(run);
    const { tab, complaints } = await visit(`${url}?range=999999999d`);
    await drawn(tab);
    expect(Math.max(...spans(run))).toBeGreaterThan(Date.now() - MINUTE);
    await tab.getByRole('button', { name: 'Earlier' }).click();
    for (const search of ['from=0&to=999999999999999', 'from=9&to=1', 'from=-1&to=1e9', 'range=%FF', '%']) {
      await tab.goto(`${url}?${search}`);
      await drawn(tab);
      expect(await isPressed(tab, '5m'), search).toBe(true);
    }
    for (const { from, to } of questions(run)) {
      expect(from).toBeGreaterThanOrEqual(0);
      expect(from).toBeLessThan(to);
      expect(to).toBeLessThanOrEqual(4_102_444_800_000);
    }
    expect(complaints).toEqual([]);
  });

  it('zooms all charts to what is dragged across one, and out by a double click', async () => {
    const run = new ScriptedRun();
    const { tab, complaints } = await visit(`${await serve(run)}?range=1h`);
    await drawn(tab);
    const box = await tab.locator('[data-chart="cpu_load.mean"] .u-over').boundingBox();
    if (!box) throw new Error('the first chart has no box');
    const before = questions(run).at(-1) as Question;
    await tab.mouse.move(box.x + box.width * 0.25, box.y + 40);
    await tab.mouse.down();
    await tab.mouse.move(box.x + box.width * 0.5, box.y + 50, { steps: 5 });
    await tab.mouse.up();
    await until('a fixed time is in the URL', () => new URL(tab.url()).searchParams.has('from'));
    const from = Number(new URL(tab.url()).searchParams.get('from'));
    const to = Number(new URL(tab.url()).searchParams.get('to'));
    expect(to - from).toBeGreaterThan(14 * MINUTE);
    expect(to - from).toBeLessThan(16 * MINUTE);
    expect(Math.abs(from - (before.from + 15 * MINUTE))).toBeLessThan(MINUTE);
    await until('it is asked for', () =>
      questions(run).some((asked) => asked.from === from && asked.to === to),
    );
    for (const chart of ['cpu_load.mean', 'counter.value', 'random_value.stddev']) {
      await until(`${chart} is zoomed`, async () => {
        const times = await timesOf(tab, chart);
        return times.length > 3 && times.every((time) => time >= from - MINUTE && time <= to + MINUTE);
      });
    }
    await tab.mouse.dblclick(box.x + box.width * 0.5, box.y + 40);
    await until('twice the time is shown', () => {
      const { searchParams } = new URL(tab.url());
      return (
        Math.abs(Number(searchParams.get('to')) - Number(searchParams.get('from')) - 2 * (to - from)) < 2_000
      );
    });
    expect(complaints).toEqual([]);
  });

  it('points at one moment in all charts, by mouse and by keyboard', async () => {
    const run = new ScriptedRun();
    const to = Math.floor(Date.now() / MINUTE) * MINUTE;
    const { tab } = await visit(`${await serve(run)}?from=${to - 10 * MINUTE}&to=${to}`);
    await drawn(tab);
    const at = tab.locator('figure:has(.uplot) .at');
    const box = await tab.locator('.u-over').first().boundingBox();
    if (!box) throw new Error('the first chart has no box');
    await tab.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await until('each chart tells its time', async () =>
      (await at.allTextContents()).every((text) => text !== ''),
    );
    await tab.mouse.move(5, 5);
    await until('none tells a time', async () => (await at.allTextContents()).every((text) => text === ''));

    const slider = tab.getByRole('slider', { name: 'cpu_load: mean' });
    await slider.focus();
    await tab.keyboard.press('Home');
    await tab.keyboard.press('ArrowRight');
    const value = Number((await numbersOf(tab, 'cpu_load.mean'))[1]?.[0]);
    await slider.focus();
    await tab.keyboard.press('Home');
    await tab.keyboard.press('ArrowRight');
    expect(await slider.getAttribute('aria-valuetext')).toContain(`mean ${value.toFixed(3)}`);
    await until('the others point too', async () => (await at.nth(2).textContent()) !== '');
    await tab.keyboard.press('+');
    const { searchParams } = new URL(tab.url());
    expect(Number(searchParams.get('to')) - Number(searchParams.get('from'))).toBe(5 * MINUTE);
  });

  it('shows an alert as it becomes pending, fires and is resolved', async () => {
    const run = new ScriptedRun();
    const { tab, complaints } = await visit(await serve(run));
    await drawn(tab);
    const row = tab.locator('tr[data-alert="cpu-load-high"]');
    const strip = tab.locator('#alert-strip');
    expect(await row.textContent()).toContain('above 7 cores');
    const narrow = tab.locator('tr[data-alert="random-value-narrow"]');
    expect(await narrow.textContent()).toContain('below 1,000,000');
    await until('all is well', async () => (await strip.textContent())?.includes('normal'));
    run.change('cpu-load-high', 'pending', 7.25);
    await until('it is pending', async () => /pending/.test((await row.textContent()) ?? ''));
    expect(await row.textContent()).toContain('7.250 cores');
    run.change('cpu-load-high', 'firing', 7.5);
    await until('it fires', async () => /firing/.test((await row.textContent()) ?? ''));
    expect(await tab.locator('#alerts tbody tr').first().getAttribute('data-alert')).toBe('cpu-load-high');
    expect(await strip.textContent()).toContain('cpu-load-high');
    const chart = tab.locator('[data-chart="cpu_load.mean"] .alert-at');
    await until('its chart says so', async () =>
      (await chart.textContent())?.includes('cpu-load-high firing'),
    );
    run.change('cpu-load-high', 'normal', 6.5);
    await until('it is resolved', async () => /normal/.test((await row.textContent()) ?? ''));
    await until('the top says so', async () => (await strip.textContent())?.includes('all alerts'));
    expect(complaints).toEqual([]);
  });

  it('has limit and state of an alert about errors or defects in their lanes, and says which is in no chart', async () => {
    const run = new ScriptedRun();
    const { tab } = await visit(`${await serve(run)}?range=5m`);
    await drawn(tab);
    const row = tab.locator('#alerts tbody tr').first();
    const width = tab.locator('[data-chart="errors"] .every');
    const lined = async (alert: string, range: string, every: string) => {
      run.about = { ...run.about, alerts: ALERTS.filter(({ id }) => id === alert) };
      run.run = `${alert} ${range}`;
      await tab.locator(`[data-range="${range}"]`).click();
      await until(`${alert} is drawn over ${range}`, async () => {
        const shown = [await row.getAttribute('data-alert'), await width.textContent()];
        return shown.join() === `${alert},${every}`;
      });
      return ((await pixels(tab)).errors?.warning ?? 0) > 500;
    };
    expect(await lined('errors', '5m', 'each 10 s')).toBe(true);
    expect(await lined('errors', '24h', 'each 15 min')).toBe(true);
    expect(await lined('defects', '5m', 'each 10 s')).toBe(true);
    expect(await lined('defects', '24h', 'each 15 min'), 'a minute’s limit in longer buckets').toBe(false);
    expect(await lined('no-data', '5m', 'each 10 s')).toBe(false);
    expect(await row.textContent()).toContain('in no chart');

    run.about = ABOUT;
    run.run = 'all';
    run.change('defects', 'firing', 11);
    await until('it fires', async () => (await row.textContent())?.includes('firing'));
    expect(await row.textContent()).not.toContain('in no chart');
    const stateIn = (chart: string) => tab.locator(`[data-chart="${chart}"] .alert-at`).textContent();
    await until('its chart says so', async () => (await stateIn('errors'))?.includes('defects firing'));
    expect(await stateIn('cpu_load.mean')).toBe('');
  });

  it('says that alerts are evaluated in Grafana where they are, and which ranges are out of reach', async () => {
    const run = new ScriptedRun({ destination: 'InfluxDB at localhost:8086', reachMs: 10 * MINUTE });
    run.alerts = { evaluated: 'elsewhere', instances: [], changes: [] };
    const { tab } = await visit(`${await serve(run)}?range=7d`);
    await drawn(tab);
    expect(await tab.locator('#alerts').textContent()).toContain('Evaluated by Grafana');
    expect(await tab.locator('#origin').textContent()).toContain('this page keeps 10 min');
    expect(await tab.getByRole('button', { name: '1 h' }).isDisabled()).toBe(true);
    expect(Math.max(...spans(run))).toBe(10 * MINUTE);
  });

  it('shows how alerts stood until the last reading where nothing is recorded, and calls none normal', async () => {
    const run = new ScriptedRun();
    run.until = Date.now() - MINUTE;
    run.recording = undefined;
    const labels = { env: 'lab', sensor: 'demo' };
    const at = run.until - MINUTE;
    const change = { alert: 'cpu-load-high', labels, from: 'normal', to: 'firing', at, value: 7.3 } as const;
    run.alerts = { evaluated: 'nowhere', instances: [], changes: [change] };
    const { tab } = await visit(await serve(run));
    await drawn(tab);
    const told = () => tab.locator('[data-chart="cpu_load.mean"] .alert-at').textContent();
    await until('no alert stands now', async () => (await told()) === '');
    expect(await tab.locator('#alert-strip').textContent()).toBe('alerts: not evaluated');
    expect(await tab.locator('#alerts .note').textContent()).toContain('Not evaluated');
    expect(await tab.locator('#alerts .alert-state').count()).toBe(0);
    await tab.locator('[data-chart="cpu_load.mean"] .plot').focus();
    await tab.keyboard.press('End');
    await tab.keyboard.press('Shift+ArrowLeft');
    await until('the state before the last reading is told', async () =>
      /cpu-load-high firing/.test((await told()) ?? ''),
    );
  });

  it('says that the run is gone, and finds the next one on the same port', async () => {
    const run = new ScriptedRun();
    const url = await serve(run);
    const { tab } = await visit(url);
    await drawn(tab);
    await run.stop();
    const banner = tab.locator('#lost');
    await until('the banner is there', () => banner.isVisible());
    expect(await banner.textContent()).toMatch(/^Disconnected since .*reconnecting/);
    expect(await tab.locator('#state').textContent()).toBe('disconnected');
    expect(await tab.title()).toContain('Disconnected');

    const metrics: MetricAbout[] = [{ name: 'pressure', kind: 'gauge', type: 'float', unit: 'bar' }];
    const next = new ScriptedRun({ sensor: 'boiler', metrics, alerts: [] });
    next.run = 'second';
    await serve(next, Number(new URL(url).port));
    await until('it is live again', async () => (await tab.locator('#state').textContent()) === 'live');
    expect(await banner.isVisible()).toBe(false);
    expect(await tab.locator('h1').textContent()).toBe('boiler');
    expect(await tab.locator('.value').count()).toBe(1);
    await drawn(tab, 'pressure.mean');
    expect(await tab.locator('#alerts').isVisible()).toBe(false);
  });

  it('says that the run is gone where it falls silent, and asks it again and again', async () => {
    const run = new ScriptedRun();
    const { tab } = await visit(await serve(run));
    await drawn(tab);
    await until('it has listened for a while', async () => {
      return (await tab.evaluate<number>('performance.now()')) > 4_000;
    });
    const heard = () => run.asked.filter((path) => path === '/events').length;
    expect(heard(), 'while it is told nothing new').toBe(1);
    run.fallSilent();
    await until('the banner is there', () => tab.locator('#lost').isVisible(), 20_000);
    await until('it asks again', () => heard() === 2);
    await until('it is live again', async () => (await tab.locator('#state').textContent()) === 'live');
    expect(await tab.locator('#lost').isVisible()).toBe(false);
  }, 40_000);

  it('listens only while it can be seen, so that many tabs leave each other room', async () => {
    const run = new ScriptedRun();
    const { tab } = await visit(await serve(run));
    await drawn(tab);
    const turn = (hidden: boolean) =>
      tab.evaluate(`Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'))`);
    await turn(true);
    await until('nobody listens', () => run.listeners === 0);
    run.about = { ...run.about, sensor: 'boiler' };
    run.run = 'second';
    await turn(false);
    await until('it shows what is new', async () => (await tab.locator('h1').textContent()) === 'boiler');
    expect(run.listeners).toBe(1);
    expect(await tab.locator('#lost').isVisible()).toBe(false);
  });

  it('draws a new definition at a fixed time as well', async () => {
    const run = new ScriptedRun();
    const to = Date.now();
    const { tab } = await visit(`${await serve(run)}?from=${to - 10 * MINUTE}&to=${to}`);
    await drawn(tab);
    run.about = {
      ...ABOUT,
      metrics: ABOUT.metrics.map((metric) => ({ ...metric, name: `${metric.name}_2` })),
    };
    run.run = 'redefined';
    await until('its chart is there', () => tab.locator('[data-chart="cpu_load_2.mean"]').isVisible());
    await drawn(tab, 'cpu_load_2.mean');
  });

  it('says what it waits for before the first reading, and then draws it', async () => {
    const run = new ScriptedRun();
    run.since = Date.now() + 3_600_000;
    const { tab, complaints } = await visit(await serve(run));
    await until(
      'it waits',
      async () => (await tab.locator('#state').textContent()) === 'waiting for the first reading',
    );
    expect(await tab.locator('#waiting').textContent()).toContain(
      'cpu_load (float), random_value (integer), counter (integer)',
    );
    expect(await tab.locator('#board').isVisible()).toBe(false);
    run.since = Date.now() - 2_000;
    await until('the charts appear', () => tab.locator('#board').isVisible());
    await until('it is live', async () => (await tab.locator('#state').textContent()) === 'live');
    expect(complaints).toEqual([]);
  });

  it('says where readings are when there are none in sight, and shows them', async () => {
    const run = new ScriptedRun();
    run.until = Date.now() - 60 * MINUTE;
    run.recording = undefined;
    const { tab } = await visit(await serve(run));
    const show = tab.getByRole('button', { name: 'Show it' });
    await until('it offers the newest', () => show.isVisible());
    expect(await tab.locator('#state').textContent()).toBe('no run: what is stored');
    expect(await tab.locator('#counters').isVisible()).toBe(false);
    const before = questions(run).length;
    await until(
      'some seconds have gone',
      async () => (await tab.evaluate<number>('performance.now()')) > 4_000,
    );
    expect(questions(run).length - before, 'nothing newer is to be asked for').toBeLessThanOrEqual(2);
    await show.click();
    await drawn(tab);
    expect((await numbersOf(tab, 'counter.value')).length).toBeGreaterThan(50);
  });

  it('says what the server refuses and what to do, and goes on when it is mended', async () => {
    const run = new ScriptedRun();
    const { tab } = await visit(await serve(run));
    await drawn(tab);
    run.refusal = { status: 500, error: 'the store is closed' };
    const banner = tab.locator('#trouble');
    await until('it tells', () => banner.isVisible());
    expect(await banner.textContent()).toContain('the store is closed (HTTP 500)');
    run.refusal = undefined;
    await until('it goes on', async () => !(await banner.isVisible()));
    if (run.recording) run.recording = { ...run.recording, state: 'held' };
    await until('it tells of the database', async () =>
      /token, bucket/.test((await banner.textContent()) ?? ''),
    );
    expect(await tab.locator('#state').textContent()).toBe('refused by the database');
  });

  it('draws the extremes of 64 bits without an error, and names as text', async () => {
    const names = ['<img src=x onerror=alert(1)>', 'a"b', 'tiny'];
    const metrics = names.map((name): MetricAbout => ({ name, kind: 'gauge', type: 'float', unit: '<b>' }));
    const about: Partial<About> = { sensor: '<script>alert(1)</script>', metrics, alerts: [] };
    const run = new ScriptedRun(about);
    run.latest = ['1.7976931348623157e308', '-9223372036854775808', '5e-324'];
    const { tab, complaints } = await visit(await serve(run));
    await until('the charts are drawn', async () => (await tab.locator('canvas').count()) >= 6);
    expect(await tab.locator('.board h2').allTextContents()).toEqual([
      ...names,
      'Alerts',
      'Errors',
      'Runner',
    ]);
    expect(await tab.locator('img, main b:not(.legend b)').count()).toBe(0);
    expect(await tab.locator('h1').textContent()).toBe('<script>alert(1)</script>');
    expect(complaints).toEqual([]);
  });

  it.each(['light', 'dark'] as const)(
    'has no fault that axe knows of, in %s and on a phone',
    async (colorScheme) => {
      const run = new ScriptedRun();
      const url = await serve(run);
      for (const size of [DESK, PHONE]) {
        const { tab } = await visit(url, { ...size, colorScheme });
        await drawn(tab);
        run.change('cpu-load-high', 'pending', 7.25);
        run.change('errors', 'firing', 3);
        await until('an alert fires', () => tab.locator('tr[data-state="firing"]').first().isVisible());
        expect(await faults(tab)).toEqual([]);
        await tab.getByRole('button', { name: 'Numbers of cpu_load: spread' }).click();
        expect(await faults(tab)).toEqual([]);
        expect(await fullWidth(tab)).toBe(size.viewport.width);
      }
    },
  );

  it('draws the lines first, and deviations and counts when they have been found', async () => {
    const run = new ScriptedRun();
    let found = () => {};
    run.slow = new Promise((resolve) => {
      found = resolve;
    });
    const { tab } = await visit(await serve(run));
    const shown = (chart: string) => tab.locator(`[data-chart="${chart}"] .legend b`).first().textContent();
    await until('the mean is drawn', async () => (await shown('cpu_load.mean')) !== '–');
    expect(await tab.locator('[data-loading]').count()).toBe(1);
    expect([await shown('random_value.stddev'), await tab.locator('[data-empty]').count()]).toEqual(['–', 0]);
    found();
    await until('the deviation is drawn', async () => (await shown('random_value.stddev')) !== '–');
    expect(await tab.locator('[data-loading]').count()).toBe(0);
  });

  it('fits a phone with the longest names, words and numbers', async () => {
    const long = 'x'.repeat(64);
    const alert = {
      ...(ABOUT.alerts[0] as AlertAbout),
      id: long,
      summary: 'y'.repeat(300),
      limit: `above 7 ${long}`,
    };
    const metrics: MetricAbout[] = [
      { name: long, kind: 'gauge', type: 'float', unit: long, capacity: 1e308 },
    ];
    const run = new ScriptedRun({ sensor: long, env: long, destination: long, metrics, alerts: [alert] });
    run.latest = ['-1.7976931348623157e308'];
    const { tab } = await visit(await serve(run), PHONE);
    await drawn(tab, `${long}.mean`);
    run.change(long, 'firing', 1.7e308);
    await until('the alert fires', () => tab.locator('tr[data-state="firing"]').isVisible());
    expect(await tab.locator('td[data-head="Value"]').textContent()).toContain('1.7E308');
    expect(await fullWidth(tab)).toBe(PHONE.viewport.width);
  });

  it('moves nothing about when the data come', async () => {
    const { tab } = await visit(await serve(new ScriptedRun()));
    await drawn(tab);
    await until(
      'it has drawn a while',
      async () => (await tab.evaluate<number>('performance.now()')) > 4_000,
    );
    const shifts = await tab.evaluate<string[]>(SHIFTS);
    expect(shifts).toEqual([]);
  });

  it('offers to log out where one has logged in', async () => {
    const run = new ScriptedRun({ login: true });
    const { tab } = await visit(await serve(run));
    await until('the button is there', () => tab.getByRole('button', { name: 'Log out' }).isVisible());
  });

  it('is dark or light as the reader wishes, and follows when that changes', async () => {
    const { tab, complaints } = await visit(await serve(new ScriptedRun()), {
      ...DESK,
      colorScheme: 'light',
    });
    await drawn(tab);
    const before = await ground(tab);
    await tab.emulateMedia({ colorScheme: 'dark' });
    expect(await ground(tab)).not.toBe(before);
    await until('dark lines are drawn', async () => ((await pixels(tab))['counter.value']?.line ?? 0) > 100);
    expect(complaints).toEqual([]);
  });

  it.runIf(process.env.UPDATE_PICTURE)('is drawn for the documentation', async () => {
    const run = new ScriptedRun();
    run.alerts = alertsOfAnHour(run);
    const { tab } = await visit(`${await serve(run)}?range=1h`, { viewport: { width: 1280, height: 1420 } });
    await drawn(tab);
    const box = await tab.locator('.u-over').first().boundingBox();
    await tab.mouse.move((box?.x ?? 0) + 0.62 * (box?.width ?? 0), (box?.y ?? 0) + 50);
    await until(
      'the crosshair is there',
      async () => (await tab.locator('.at').first().textContent()) !== '',
    );
    await tab.screenshot({ path: fileURLToPath(new URL('../../docs/live-page.png', import.meta.url)) });
  });

  it('weighs less than 150 KB in all, and uPlot keeps its licence', async () => {
    const assets = await assetsOf(ASSETS);
    const bodies = [...new Set(assets.values())].map(({ body }) => body);
    expect(bodies.reduce((sum, body) => sum + body.length, 0)).toBeLessThan(150_000);
    expect(assets.get('/uplot.js')?.body.toString()).toMatch(/^\/\*! https:\/\/github\.com\/leeoniya\/uPlot/);
  });
});

interface Question {
  readonly from: number;
  readonly to: number;
  readonly points: number;
}

/** What /api/series was asked, in order. */
function questions(run: ScriptedRun): Question[] {
  return run.asked
    .filter((url) => url.startsWith('/api/series'))
    .map(
      (url) => Object.fromEntries(new URL(url, 'http://page').searchParams) as Record<keyof Question, string>,
    )
    .map(({ from, to, points }) => ({ from: Number(from), to: Number(to), points: Number(points) }));
}

const spans = (run: ScriptedRun) => questions(run).map(({ from, to }) => to - from);

/** What was answered to the newest two questions: the finer one, and the coarser one. */
function seriesAsked(run: ScriptedRun): Series[] {
  const readings = {
    metrics: ABOUT.metrics,
    since: run.since,
    until: Math.floor(Date.now() / 1_000) * 1_000,
  };
  return questions(run)
    .slice(-2)
    .sort((one, other) => everyOf(one) - everyOf(other))
    .map((asked) => seriesOf(readings, asked));
}

/** Waits until a chart has values, and nothing is under way. */
async function drawn(tab: Tab, chart = 'cpu_load.mean'): Promise<void> {
  const figure = tab.locator(`[data-chart="${chart}"]`);
  await until(`${chart} is drawn`, async () => {
    const isReady =
      (await figure.locator('canvas').count()) === 1 && (await tab.locator('[data-loading]').count()) === 0;
    return isReady && !(await figure.locator('.legend').textContent())?.includes('mean –');
  });
}

/** The cells of the table that a chart's button shows, without the times. */
async function numbersOf(tab: Tab, chart: string): Promise<string[][]> {
  return (await tableOf(tab, chart)).map((row) => row.slice(1));
}

async function timesOf(tab: Tab, chart: string): Promise<number[]> {
  return (await tableOf(tab, chart)).map(([time]) => Date.parse(time as string));
}

async function tableOf(tab: Tab, chart: string): Promise<string[][]> {
  await tab.locator(`[data-chart="${chart}"] .numbers`).click();
  const rows = await tab.evaluate<string[][]>(
    `[...document.querySelectorAll('#numbers tbody tr')].map((row) => [row.querySelector('time').dateTime,
      ...[...row.querySelectorAll('td')].map((cell) => cell.textContent)])`,
  );
  await tab.locator('#numbers button').click();
  return rows;
}

/** One alert has come and gone, another one fires. */
function alertsOfAnHour(run: ScriptedRun): Alerts {
  const labels = { env: 'lab', sensor: 'demo' };
  const at = (minutes: number) => Math.floor(Date.now() / 10_000) * 10_000 - minutes * MINUTE;
  const change = (alert: string, [from, to]: readonly [AlertState, AlertState], minutes: number) => ({
    alert,
    labels,
    from,
    to,
    at: at(minutes),
    value: 7.3,
  });
  const firing = { state: 'firing', since: at(1.5), value: 2 } as const;
  return {
    evaluated: 'here',
    changes: [
      change('cpu-load-high', ['normal', 'pending'], 37),
      change('cpu-load-high', ['pending', 'firing'], 33),
      change('cpu-load-high', ['firing', 'recovering'], 24),
      change('cpu-load-high', ['recovering', 'normal'], 21),
      change('random-value-repeats', ['normal', 'firing'], 1.5),
    ],
    instances: run.alerts.instances.map((instance) =>
      instance.alert === 'random-value-repeats' ? { ...instance, ...firing } : instance,
    ),
  };
}

type Pixels = Readonly<Record<'line' | 'defect' | 'error' | 'warning', number>>;

/** By chart, how many pixels have (nearly) a colour. */
function pixels(tab: Tab): Promise<Record<string, Pixels>> {
  return tab.evaluate(COUNT_PIXELS);
}

async function faults(tab: Tab): Promise<string[]> {
  await tab.evaluate(AXE);
  return tab.evaluate(
    `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => id + ': ' + html.slice(0, 200) + ' ' + failureSummary)))`,
  );
}

const isPressed = async (tab: Tab, range: string) =>
  (await tab.locator(`[data-range="${range}"]`).getAttribute('aria-pressed')) === 'true';
const ground = (tab: Tab): Promise<string> => tab.evaluate('getComputedStyle(document.body).backgroundColor');
const fullWidth = (tab: Tab): Promise<number> => tab.evaluate('document.documentElement.scrollWidth');
