import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type ClientRequest, get, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { type Definition, errorKinds } from '../../src/definition.js';
import type { AlertChange, Status } from '../../src/local/api.js';
import { LivePage, type LivePageOptions } from '../../src/local/live-page.js';
import { openLog } from '../../src/log.js';
import type { Batch, Point, Reading } from '../../src/reading.js';
import { packReadings } from '../../src/readings-builder.js';
import { Store } from '../../src/store/duckdb.js';
import type { StoreReader } from '../../src/store/reader.js';
import type { StoreWriter } from '../../src/store/writer.js';
import { seeded } from '../seeded.js';
import { temporaryFolder } from '../visualizer.js';

export const ALERT = {
  forMs: 0,
  keepFiringMs: 0,
  cooldownMs: 300_000,
  severity: 'warning',
  summary: 'Too much',
  condition: { above: 7 },
  query: { aggregate: 'mean', of: 'load', overMs: 60_000, defects: 'excluded' },
} as const;

export const DEFINITION: Definition = {
  name: 's1',
  measurement: 'sensor',
  separator: 'whitespace',
  metrics: [
    { name: 'load', type: 'float', kind: 'gauge', unit: 'cores', capacity: 8 },
    { name: 'dice', type: 'integer', kind: 'random', range: [0, 100] },
    { name: 'counter', type: 'integer', kind: 'counter', rate: 1 },
  ],
  defect: 'all-zero',
  alerts: [
    { ...ALERT, id: 'load-high', action: 'restart-sensor' },
    { ...ALERT, id: 'load-told', query: { ...ALERT.query, aggregate: 'errors', of: 'any' } },
  ],
  notify: [],
};

/** A page's files, as far as the server cares. */
function assetsIn(folder: string): string {
  const assets = join(folder, 'assets');
  mkdirSync(assets, { recursive: true });
  writeFileSync(join(assets, 'index.html'), '<!doctype html><title>page</title>');
  writeFileSync(join(assets, 'page.js'), 'export {};');
  writeFileSync(join(assets, 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  return assets;
}

const LOG = await openLog('silent');

/** A real store, written and read as a run does. */
export class TestStore {
  readonly store: Store;
  readonly writer: StoreWriter;
  readonly reader: StoreReader;

  private constructor(store: Store, writer: StoreWriter, reader: StoreReader) {
    this.store = store;
    this.writer = writer;
    this.reader = reader;
  }

  static async open(folder: string, definition = DEFINITION, env = 'lab'): Promise<TestStore> {
    const store = await Store.open(join(folder, 'store.duckdb'), LOG);
    await store.prepare(definition);
    return new TestStore(store, await store.writer(definition, env), await store.reader());
  }

  readonly rows = (sql: string, signal?: AbortSignal) => this.reader.query(sql, signal);

  /** The one number that a query of a test's own answers. */
  async number(sql: string): Promise<number | null> {
    const [[value] = []] = await this.store.query(sql);
    return value === null || value === undefined ? null : Number(value);
  }

  async close(): Promise<void> {
    await this.reader.close();
    this.writer.close();
    this.store.close();
  }
}

export class TestLog {
  readonly warnings: string[] = [];
  readonly errors: string[] = [];
  warn(_: object, message: string): void {
    this.warnings.push(message);
  }
  error(_: object, message: string): void {
    this.errors.push(message);
  }
}

export const COUNTERS = {
  read: 7,
  stored: 5,
  queued: 2,
  rejected: 0,
  dropped: 0,
  errors: 0,
  defects: 1,
  restarts: 0,
};

export function openPage(folder: string, options: Partial<LivePageOptions> = {}): Promise<LivePage> {
  return LivePage.open({
    host: '127.0.0.1',
    port: 0,
    definition: DEFINITION,
    env: 'lab',
    destination: 'embedded store',
    retentionMs: 86_400_000,
    recording: () => ({ since: 1_000, state: 'recording', counters: COUNTERS }),
    log: new TestLog(),
    assets: assetsIn(folder),
    tickMs: 50,
    ...options,
  });
}

/** A folder for each test of a file; what was opened in it is closed behind the test, the newest first. */
export function useScene() {
  const closing: (() => unknown)[] = [];
  const scene = {
    folder: '',
    closing,
    async start(options: Partial<LivePageOptions> = {}): Promise<LivePage> {
      const page = await openPage(scene.folder, options);
      closing.push(() => page.close());
      return page;
    },
  };
  beforeEach(() => {
    scene.folder = temporaryFolder();
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await rm(scene.folder, { recursive: true, force: true });
  });
  return scene;
}

export function reading(ms: number, values: Reading['values'], lateNs = 0n): Reading {
  const defect = values.every((value) => value === 0 || value === 0n);
  return { timestamp: BigInt(ms) * 1_000_000n + lateNs, values, defect };
}

/** A column holds integers where a value of it is one. */
export function batch(readings: readonly Reading[], points: readonly Point[] = []): Batch {
  const columns = readings[0]?.values.map((_, column) => {
    const isInteger = readings.some(({ values }) => typeof values[column] === 'bigint');
    return { type: isInteger ? 'integer' : 'float' } as const;
  });
  return { readings: packReadings(columns ?? DEFINITION.metrics, readings), points, refused: 0, lost: 0 };
}

/** A line a second before `end`, with defects, gaps, values that could not be cast, falls of the counter, errors. */
export function history(end: number, seconds: number, seed = 1): Batch {
  const random = seeded(seed);
  const readings: Reading[] = [];
  const points: Point[] = [];
  let counter = 0n;
  for (let second = seconds; second > 0; second -= 1) {
    const ms = end - second * 1_000;
    counter = random() < 0.01 ? 0n : counter + BigInt(Math.floor(random() * 3));
    if (second % 10 === 0) points.push(...pointsAt(ms, seconds - second, random));
    if (random() < 0.05) continue;
    const late = BigInt(Math.floor(random() * 999_999_999));
    const values =
      random() < 0.03 ? [0, 0n, 0n] : [random() * 12, BigInt(Math.floor(random() * 120) - 10), counter];
    readings.push(reading(ms, random() < 0.02 ? [null, values[1] as bigint, counter] : values, late));
  }
  return batch(readings, points);
}

function pointsAt(ms: number, read: number, random: () => number): Point[] {
  const timestamp = BigInt(ms) * 1_000_000n;
  const errors = errorKinds(DEFINITION).map((kind) => ({
    measurement: kind,
    kind,
    fields: { value: kind !== 'error.line' && random() < 0.2 ? Math.floor(random() * 4) : 0 },
    timestamp,
  }));
  const fields = { read, delivered: read, queued: Math.floor(random() * 9), blocked_ms: read * 2 };
  return [...errors, { measurement: 'runner', fields, timestamp }];
}

export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** As node:http sends it: the path is not tidied up as `fetch` would. */
export function ask(
  page: { url: string },
  path: string,
  { method = 'GET', headers, body }: Ask = {},
): Promise<Answer> {
  const { hostname, port, host } = new URL(page.url);
  return new Promise((resolve, reject) => {
    const options = {
      hostname: bare(hostname),
      port,
      path,
      method,
      headers: { host, ...headers },
      agent: false,
    };
    const sent = httpRequest(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: text }),
      );
      response.on('error', reject);
    });
    sent.on('error', reject).end(body);
  });
}

export async function askJson<T>(page: { url: string }, path: string, options?: Ask): Promise<T> {
  const { status, body } = await ask(page, path, options);
  if (status !== 200) throw new Error(`${path}: ${status} ${body}`);
  return JSON.parse(body);
}

/** What an event stream has said so far. */
export class Listener {
  text = '';
  ended = false;
  status: number | undefined;
  readonly #request: ClientRequest;

  constructor(page: { url: string }, headers: Record<string, string> = {}) {
    this.#request = get(`${page.url}events`, { agent: false, headers }, (response) => {
      this.status = response.statusCode;
      response.setEncoding('utf8').on('data', (chunk) => {
        this.text += chunk;
      });
      response.on('error', () => {});
      response.on('close', () => {
        this.ended = true;
      });
    });
    this.#request.on('error', () => {
      this.ended = true;
    });
  }

  events(name: 'status'): Status[];
  events(name: 'alert'): AlertChange[];
  events(name: string): unknown[] {
    return [...this.text.matchAll(/event: (\w+)\ndata: (.*)\n\n/g)]
      .filter(([, event]) => event === name)
      .map(([, , data]) => JSON.parse(data as string));
  }

  destroy(): void {
    this.#request.destroy();
  }
}

/** A bare connection: what it was answered, and whether it was ended. */
export class Wire {
  text = '';
  readonly socket: Socket;

  constructor(page: { url: string }, sends = '') {
    const { hostname, port } = new URL(page.url);
    this.socket = connect(Number(port), bare(hostname));
    this.socket.on('error', () => {});
    this.socket.setEncoding('latin1').on('data', (chunk) => {
      this.text += chunk;
    });
    if (sends !== '') this.socket.write(sends, 'latin1');
  }

  get ended(): boolean {
    return this.socket.destroyed || this.socket.readableEnded;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}
