/**
 * A scripted server that speaks api.ts to the page, with data that follow from the time alone: the same moment has
 * the same value whenever it is asked for, and a test can compute what it must see.
 */
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import type {
  About,
  AlertAbout,
  AlertChange,
  AlertInstance,
  Alerts,
  Histogram,
  MetricAbout,
  Recording,
  Status,
} from '../../src/local/api.js';
import { HEADERS } from '../../src/local/replies.js';
import { histogramOf, seriesOf, valueAt } from './page-series.js';

/** The built page, as `npm run build` leaves it. */
export const ASSETS = new URL('../../dist/local/page/', import.meta.url);

const CPU = { metric: 'cpu_load', severity: 'warning', overMs: 60_000, forMs: 60_000 } as const;

export const ALERTS: readonly AlertAbout[] = [
  {
    ...CPU,
    id: 'cpu-load-high',
    summary: 'The average load of the last minute is above 7 of 8 cores',
    question: 'Mean of cpu_load over 1m',
    limit: 'above 7 cores',
    condition: { above: 7 },
    aggregate: 'mean',
  },
  {
    ...CPU,
    id: 'cpu-load-spread-wide',
    summary: "The load's highest and lowest value of the last minute lie too far apart",
    question: 'Spread of cpu_load over 1m',
    limit: 'above 4 cores',
    condition: { above: 4 },
    aggregate: 'spread',
    forMs: 0,
  },
  {
    id: 'random-value-narrow',
    severity: 'warning',
    summary: 'The random values of the last minute lie too close together',
    question: 'Standard deviation of random_value over 1m',
    limit: 'below 1000000',
    condition: { below: 1_000_000 },
    metric: 'random_value',
    aggregate: 'stddev',
    overMs: 60_000,
    forMs: 60_000,
  },
  {
    id: 'random-value-repeats',
    severity: 'warning',
    summary: 'The same random value more than twice in 30 s',
    question: 'Repeats of random_value over 30s',
    limit: 'above 1',
    condition: { above: 1 },
    metric: 'random_value',
    aggregate: 'repeats',
    overMs: 30_000,
    forMs: 0,
  },
  {
    id: 'counter-rate',
    severity: 'warning',
    summary: 'The counter rises by less than 1 or more than 3 a line',
    question: 'Mean increase a line of counter over 1m',
    limit: 'outside 1 to 3',
    condition: { outside: [1, 3] },
    metric: 'counter',
    aggregate: 'rate',
    overMs: 60_000,
    forMs: 30_000,
  },
  {
    id: 'errors',
    severity: 'warning',
    summary: 'Something went wrong within the last minute',
    question: 'Errors of any kind over 1m',
    limit: 'above 0',
    condition: { above: 0 },
    aggregate: 'errors',
    counts: 'any',
    overMs: 60_000,
    forMs: 0,
  },
  {
    ...CPU,
    id: 'defects',
    summary: 'Ten or more defect lines within a minute',
    question: 'Values of cpu_load in defect lines over 1m',
    limit: 'above 9',
    condition: { above: 9 },
    aggregate: 'count',
    counts: 'defects',
    forMs: 0,
  },
  {
    id: 'no-data',
    severity: 'critical',
    summary: 'No reading for a minute',
    question: 'Values of cpu_load, defect lines included, over 1m',
    limit: 'below 1',
    condition: { below: 1 },
    metric: 'cpu_load',
    aggregate: 'count',
    overMs: 60_000,
    forMs: 0,
  },
];

export const ABOUT: About = {
  sensor: 'demo',
  env: 'lab',
  destination: 'embedded store',
  reachMs: 30 * 86_400_000,
  metrics: [
    { name: 'cpu_load', kind: 'gauge', type: 'float', unit: 'cores', capacity: 8 },
    { name: 'random_value', kind: 'random', type: 'integer', range: [4_000_000, 8_000_000] },
    { name: 'counter', kind: 'counter', type: 'integer', rate: 1 },
  ],
  alerts: ALERTS,
  defects: true,
};

const LABELS = { env: 'lab', sensor: 'demo' };
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export class ScriptedRun {
  run = 'first';
  about: About;
  now: () => number = Date.now;
  /** Readings there are: from `since` to `until` (now, unless it is set), one a second. */
  since: number;
  until: number | undefined;
  recording: Recording | undefined;
  alerts: Alerts;
  /** The newest values, where they are not those that follow from the time. */
  latest: readonly string[] = [];
  /** What is answered to questions for data instead. */
  refusal: { readonly status: number; readonly error: string } | undefined;
  /** What has to come first before deviations, increases and counts are answered. */
  slow: Promise<void> | undefined;
  /** Path and query of each request, in order. */
  readonly asked: string[] = [];
  #server: Server | undefined;
  readonly #listeners = new Set<ServerResponse>();
  #timer: NodeJS.Timeout | undefined;

  constructor(about: Partial<About> = {}, hours = 3) {
    this.about = { ...ABOUT, ...about };
    this.since = Date.now() - hours * 3_600_000;
    this.alerts = { evaluated: 'here', instances: this.#normalInstances(), changes: [] };
    this.recording = {
      since: this.since,
      state: 'recording',
      counters: {
        read: 10_800,
        stored: 10_796,
        queued: 4,
        rejected: 0,
        dropped: 0,
        errors: 148,
        defects: 177,
        restarts: 0,
      },
    };
  }

  /** Its URL. */
  async start(port = 0): Promise<string> {
    const assets = await assetsOf(ASSETS);
    const server = createServer((request, response) => this.#answer(request, response, assets));
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    this.#server = server;
    this.#timer = setInterval(() => this.tell(), 1_000);
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Is there, but says nothing any more, like a machine whose cable was pulled. */
  fallSilent(): void {
    clearInterval(this.#timer);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#listeners.clear();
    this.#server?.closeAllConnections();
    await new Promise((resolve) => (this.#server ? this.#server.close(resolve) : resolve(undefined)));
    this.#server = undefined;
  }

  /** The event `status` to everyone who listens. */
  tell(): void {
    for (const listener of this.#listeners) send(listener, 'status', this.status());
  }

  /** An alert changes its state: so do its instance and the changes, and everyone is told. */
  change(alert: string, to: AlertChange['to'], value: number): void {
    const at = this.now();
    const before = this.alerts.instances.find((instance) => instance.alert === alert);
    const change = { alert, labels: LABELS, from: before?.state ?? 'normal', to, at, value };
    this.alerts = {
      ...this.alerts,
      instances: this.alerts.instances.map((instance) =>
        instance.alert === alert ? { ...instance, state: to, since: at, value } : instance,
      ),
      changes: [...this.alerts.changes, change],
    };
    for (const listener of this.#listeners) send(listener, 'alert', change);
  }

  status(): Status {
    const { run, about, recording } = this;
    const now = this.now();
    const newest = this.#newest();
    const isEmpty = newest < this.since;
    return {
      run,
      about,
      now,
      ...(recording ? { recording } : {}),
      newest: isEmpty ? null : newest,
      oldest: isEmpty ? null : this.since,
      latest: about.metrics.map((metric, index) =>
        isEmpty ? null : (this.latest[index] ?? latestText(metric, newest)),
      ),
    };
  }

  #newest(): number {
    return Math.floor((this.until ?? this.now()) / 1_000) * 1_000;
  }

  #normalInstances(): AlertInstance[] {
    return this.about.alerts.map(({ id }, index) => ({
      alert: id,
      labels: LABELS,
      state: 'normal',
      since: this.since,
      value: [5.064, 1.21, 1_150_000, 0, 1, 0, 1, 60][index] ?? null,
    }));
  }

  #answer(request: IncomingMessage, response: ServerResponse, assets: ReadonlyMap<string, Asset>): void {
    this.asked.push(request.url ?? '');
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://page');
    const number = (name: string) => Number(searchParams.get(name));
    const span = { from: number('from'), to: number('to') };
    const data = { metrics: this.about.metrics, since: this.since, until: this.#newest() };
    if (pathname === '/events') {
      response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/event-stream; charset=utf-8' });
      send(response, 'status', this.status());
      this.#listeners.add(response);
      response.on('close', () => this.#listeners.delete(response));
      return;
    }
    const asset = assets.get(pathname);
    if (asset) {
      response.writeHead(200, { ...HEADERS, 'Content-Type': asset.type });
      response.end(asset.body);
      return;
    }
    const { refusal } = this;
    if (refusal && pathname !== '/api/status') json(response, { error: refusal.error }, refusal.status);
    else if (pathname === '/api/status') json(response, this.status());
    else if (pathname === '/api/series') {
      const isSlow = this.slow !== undefined && searchParams.getAll('measure').includes('stddev');
      void Promise.resolve(isSlow ? this.slow : undefined).then(() =>
        json(response, seriesOf(data, { ...span, points: number('points') })),
      );
    } else if (pathname === '/api/alerts') json(response, this.alerts);
    else if (pathname === '/api/histogram') {
      json(response, histogramOf(data, searchParams.get('metric') ?? '', span) satisfies Histogram);
    } else json(response, { error: 'nothing here' }, 404);
  }
}

function latestText(metric: MetricAbout, ms: number): string {
  const value = valueAt(metric, ms);
  return metric.type === 'integer' ? String(value) : value.toFixed(6);
}

interface Asset {
  readonly type: string;
  readonly body: Buffer;
}

/** As the server has them: the built folder, and uPlot from its package. */
export async function assetsOf(folder: URL): Promise<ReadonlyMap<string, Asset>> {
  const resolve = createRequire(import.meta.url).resolve;
  const files = (await readdir(folder))
    .filter((name) => extname(name) in TYPES)
    .map((name) => [`/${name}`, new URL(name, folder)] as const);
  const assets = new Map<string, Asset>();
  for (const [path, file] of [
    ...files,
    ['/uplot.js', resolve('uplot/dist/uPlot.iife.min.js')] as const,
    ['/uplot.css', resolve('uplot/dist/uPlot.min.css')] as const,
  ]) {
    assets.set(path, { type: TYPES[extname(path)] as string, body: await readFile(file) });
  }
  return assets.set('/', assets.get('/index.html') as Asset);
}

function send(response: ServerResponse, event: string, data: unknown): void {
  response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { ...HEADERS, 'Content-Type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(value));
}
