import { readFileSync } from 'node:fs';
import type { Browser, BrowserContextOptions, Page as Tab } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Page, PageOptions } from '../../src/local/server.js';
import type { Metric } from '../../src/local/wire.js';
import { hasChromium, openBrowser } from '../servers/chromium.js';
import { until } from '../until.js';
import { ASSETS, FakeRun, history, reading } from './page-fixture.js';

/** Reads copies of the canvases, as reading them would make the browser draw them another way. */
const COUNT_PIXELS = readFileSync(new URL('./count-pixels.js', import.meta.url), 'utf8');
const DESK = { viewport: { width: 1280, height: 860 } };

describe.skipIf(!hasChromium)('the live page', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
  });

  const pages: Page[] = [];
  const tabs: Tab[] = [];
  afterEach(async () => {
    for (const tab of tabs.splice(0)) await tab.context().close();
    for (const page of pages.splice(0)) await page.close();
  });

  async function serve(run: FakeRun, options: Partial<PageOptions> = {}): Promise<Page> {
    const page = await run.start({ assets: ASSETS, tickMs: 100, ...options });
    pages.push(page);
    return page;
  }

  /** A tab on the page, with everything it complains of and asks for. */
  async function visit(page: Page, options: BrowserContextOptions = DESK) {
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
    await tab.goto(page.url);
    return { tab, complaints, requests };
  }

  const state = async (tab: Tab) => (await tab.locator('#state, #state-detail').allTextContents()).join('');
  const counter = async (tab: Tab, name: string) =>
    Number(
      await tab
        .locator('#counters > div', { hasText: new RegExp(`^${name}`, 'i') })
        .locator('dd')
        .textContent(),
    );

  it('draws a chart of every metric, without an error and without leaving the host', async () => {
    const run = new FakeRun();
    run.feed(history(590));
    const page = await serve(run);
    const { tab, complaints, requests } = await visit(page);
    await until(
      'three charts have lines',
      async () => (await linePixels(tab)).filter((count) => count > 300).length === 3,
    );
    expect((await pixels(tab, 'defect')).every((count) => count > 50)).toBe(true);

    expect(await tab.title()).toBe('demo · Visualizer');
    expect(await tab.locator('h1').textContent()).toBe('demo');
    expect(await tab.locator('#origin').textContent()).toBe('environment lab · embedded store · last 10 min');
    expect(await tab.locator('figure h2').allTextContents()).toEqual(['cpu_load', 'random_value', 'counter']);
    expect(await state(tab)).toBe('live');
    expect(await counter(tab, 'read')).toBe(590);
    expect(await counter(tab, 'defects')).toBe(9);
    expect(await tab.locator('#counters').textContent()).not.toContain('restarts');

    expect(complaints).toEqual([]);
    const { origin } = new URL(page.url);
    expect(requests.filter((url) => !url.startsWith(origin))).toEqual([]);
    expect(requests).toContain(`${origin}/uplot.js`);
  });

  it('leaves defect rows out of the lines', async () => {
    const run = new FakeRun();
    run.feed(history(200));
    const { tab } = await visit(await serve(run));
    const words = tab.getByRole('img').first();
    await until('the chart is described', async () => (await words.getAttribute('aria-label')) !== null);
    expect(await words.getAttribute('aria-label')).toBe(
      'cpu_load, last ten minutes: 5.641 to 10.000 cores; buckets with defect rows: 3',
    );
  });

  it('shows new points and rising counters as they come', async () => {
    const run = new FakeRun();
    run.feed(history(30));
    const { tab, complaints } = await visit(await serve(run));
    const latest = tab.locator('.value');
    await until('the values are there', async () => (await latest.allTextContents())[2] === '30');
    const before = await picture(tab);
    run.feed([reading(Date.now(), [9.25, 9_007_199_254_740_993n, 1_234_567n])]);
    run.counters = { ...run.counters, errors: 4, restarts: 2 };
    await until('the new values are there', async () => (await latest.allTextContents())[2] === '1,234,567');
    expect(await latest.allTextContents()).toEqual(['9.250', '9,007,199,254,740,993', '1,234,567']);
    expect(await counter(tab, 'read')).toBe(31);
    expect(await counter(tab, 'errors')).toBe(4);
    expect(await counter(tab, 'restarts')).toBe(2);
    await until('the lines have moved', async () => (await picture(tab)) !== before);
    expect(complaints).toEqual([]);
  });

  it('draws the band of lowest to highest where a bucket holds several values', async () => {
    const run = new FakeRun();
    run.feed(history(60));
    const { tab } = await visit(await serve(run));
    const band = tab.locator('#legend-band');
    await until('the charts are there', () => tab.locator('#legend').isVisible());
    expect(await band.isVisible()).toBe(false);
    const [before = 0] = await pixels(tab, 'drawn');
    const now = Date.now();
    run.feed(
      Array.from({ length: 200 }, (_, index) =>
        reading(now - index * 100, [5 + (index % 5), 5_000_000n, 60n]),
      ),
    );
    await until('the legend tells of the band', () => band.isVisible());
    await until('the band is shaded', async () => ((await pixels(tab, 'drawn'))[0] ?? 0) > before + 2_000);
  });

  it('points at one moment in all charts', async () => {
    const run = new FakeRun();
    run.feed(history(300));
    const { tab } = await visit(await serve(run));
    await until('the charts are drawn', async () => (await linePixels(tab)).every((count) => count > 100));
    const plot = await tab.locator('.u-over').first().boundingBox();
    if (!plot) throw new Error('the first chart has no box');
    await tab.mouse.move(plot.x + plot.width / 2, plot.y + plot.height / 2);
    const pointed = tab.locator('.pointed');
    await until('each chart tells its value', async () =>
      (await pointed.allTextContents()).every((text) => text !== ''),
    );
    const times = (await pointed.allTextContents()).map((text) => text.split(' ')[0]);
    expect(new Set(times).size).toBe(1);
  });

  it('is dark or light as the reader wishes, and follows when that changes', async () => {
    const run = new FakeRun();
    run.feed(history(300));
    const { tab, complaints } = await visit(await serve(run), { ...DESK, colorScheme: 'light' });
    await until('light lines are drawn', async () => (await linePixels(tab)).every((count) => count > 100));
    expect(await ground(tab)).toBe('rgb(244, 245, 247)');
    await tab.emulateMedia({ colorScheme: 'dark' });
    expect(await ground(tab)).toBe('rgb(14, 17, 21)');
    await until('dark lines are drawn', async () => (await linePixels(tab)).every((count) => count > 100));
    expect(complaints).toEqual([]);
  });

  it('fits a phone of 360 pixels and follows when its window grows', async () => {
    const run = new FakeRun();
    run.feed(history(590));
    const { tab } = await visit(await serve(run), { viewport: { width: 360, height: 740 } });
    await until('the charts are drawn', async () => (await linePixels(tab)).every((count) => count > 100));
    expect(await fullWidth(tab)).toBe(360);
    const width = async () => (await tab.locator('canvas').first().boundingBox())?.width ?? 0;
    expect(await width()).toBeLessThan(360);
    await tab.setViewportSize({ width: 1_280, height: 860 });
    await until('the canvas has grown', async () => (await width()) > 1_000);
    await tab.setViewportSize({ width: 360, height: 740 });
    await until('the canvas has shrunk', async () => (await width()) < 360);
    expect(await fullWidth(tab)).toBe(360);
  });

  it('says what it waits for before the first reading', async () => {
    const run = new FakeRun();
    const { tab, complaints } = await visit(await serve(run));
    await until('it waits', async () => (await state(tab)) === 'waiting for the first reading');
    expect(await tab.locator('#waiting').textContent()).toContain(
      'cpu_load (float), random_value (integer), counter (integer)',
    );
    expect(await tab.locator('#charts').isVisible()).toBe(false);
    run.feed(history(2));
    await until('the charts appear', () => tab.locator('#charts').isVisible());
    expect(await state(tab)).toBe('live');
    expect(complaints).toEqual([]);
  });

  it('says since when no data has come, by the clock of the server', async () => {
    const run = new FakeRun();
    const yesterday = Date.now() - 86_400_000;
    run.feed(history(60, yesterday - 12_000));
    const { tab } = await visit(await serve(run, { now: () => yesterday }));
    await until('it tells of the silence', async () => /^no new data for 1[2-9] s$/.test(await state(tab)));
    run.feed(history(1, yesterday));
    await until('it is live', async () => (await state(tab)) === 'live');
  });

  it('says that the run is gone, and finds the next one on the same port', async () => {
    const run = new FakeRun();
    run.feed(history(60));
    const page = await serve(run);
    const { tab } = await visit(page);
    await until('it is live', async () => (await state(tab)) === 'live');
    await page.close();
    const banner = tab.getByRole('alert');
    await until('the banner is there', () => banner.isVisible());
    expect(await banner.textContent()).toMatch(
      /^Disconnected since .*run has ended or cannot be reached; reconnecting/,
    );
    expect(await state(tab)).toBe('disconnected');
    expect(await tab.title()).toContain('Disconnected');

    const metrics: Metric[] = [{ name: 'pressure', kind: 'gauge', type: 'float', unit: 'bar' }];
    const next = new FakeRun({ name: 'boiler', metrics });
    next.feed([reading(Date.now(), [1.5])]);
    await serve(next, { port: Number(new URL(page.url).port) });
    await until('it is live again', async () => (await state(tab)) === 'live');
    expect(await banner.isVisible()).toBe(false);
    expect(await tab.locator('h1').textContent()).toBe('boiler');
    expect(await tab.locator('figure').count()).toBe(1);
    next.feed([reading(Date.now() + 1, [2.5])]);
    await until('new values come', async () => (await tab.locator('.value').textContent()) === '2.500');
  });

  it('draws the extremes of 64 bits without an error, and names as text', async () => {
    const names = ['<img src=x onerror=alert(1)>', 'tiny', 'huge', 'odd', 'flat', 'none', 'negative'];
    const metrics = names.map((name): Metric => ({ name, kind: 'gauge', type: 'float', unit: '<b>' }));
    const run = new FakeRun({ name: '<script>alert(1)</script>', metrics });
    const now = Date.now();
    const first = [
      Number.MAX_VALUE,
      5e-324,
      9_223_372_036_854_775_807n,
      9_007_199_254_740_992n,
      3,
      null,
      -1e-7,
    ];
    const second = [
      -Number.MAX_VALUE,
      0,
      -9_223_372_036_854_775_808n,
      9_007_199_254_740_994n,
      3,
      null,
      -2e-7,
    ];
    run.feed(
      Array.from({ length: 60 }, (_, index) => reading(now - index * 1_000, index % 2 ? first : second)),
    );
    const { tab, complaints } = await visit(await serve(run));
    await until(
      'the charts are drawn',
      async () => (await linePixels(tab)).filter((count) => count > 100).length === 6,
    );
    expect(await tab.locator('figure h2').allTextContents()).toEqual(names);
    expect(await tab.locator('img, b').count()).toBe(0);
    expect(await tab.locator('.value').nth(5).textContent()).toBe('–');
    expect(complaints).toEqual([]);
  });
});

interface Pixels {
  /** Of (nearly) the colour of the metric's line. */
  line: number;
  /** Of exactly the colour of defect marks. */
  defect: number;
  /** Of any colour. */
  drawn: number;
}

async function pixels(tab: Tab, kind: keyof Pixels): Promise<number[]> {
  const charts: Pixels[] = await tab.evaluate(COUNT_PIXELS);
  return charts.map((chart) => chart[kind]);
}

const linePixels = (tab: Tab) => pixels(tab, 'line');
const picture = (tab: Tab): Promise<string> =>
  tab.evaluate("[...document.querySelectorAll('canvas')].map((canvas) => canvas.toDataURL()).join()");
const ground = (tab: Tab): Promise<string> => tab.evaluate('getComputedStyle(document.body).backgroundColor');
const fullWidth = (tab: Tab): Promise<number> => tab.evaluate('document.documentElement.scrollWidth');
