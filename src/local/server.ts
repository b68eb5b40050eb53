/**
 * The live page's server: loopback only, read only.
 *
 *     /              the page; its script, style and icon beside it
 *     /api/recent    the last ten minutes, the counters and what they are about (Snapshot in wire.ts)
 *     /events        the same as server-sent events: `snapshot` first, then `change` once a second
 *     /healthz       {"status":"ok"}
 *
 * Everything else is a JSON error. The Host header has to be ours, or a foreign page could read this one through a
 * name that it lets resolve to 127.0.0.1 (DNS rebinding).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf, systemCodeOf, VisualizerError } from '../errors.js';
import { type Asset, loadAssets } from './assets.js';
import { type EventLog, EventStream } from './events.js';
import { BUCKET_MS, type Recent, WINDOW_MS } from './recent.js';
import type { Counters, Metric } from './wire.js';

export interface PageOptions {
  /** 0 takes any free port. */
  readonly port: number;
  readonly definition: { readonly name: string; readonly metrics: readonly Metric[] };
  readonly env: string;
  /** Where the run writes, in words: `embedded store` or `InfluxDB at host:port`. */
  readonly destination: string;
  readonly recent: Recent;
  readonly counters: () => Counters;
  readonly log: EventLog;
  /** Folder of the built page; beside this file unless given. */
  readonly assets?: URL;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** How often a listener is told what changed. */
  readonly tickMs?: number;
  /** How long a listener may leave an event unread before it is dropped. */
  readonly patienceMs?: number;
}

export interface Page {
  readonly url: string;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
/** How long a response that is under way may take to end once the page is closed. */
const CLOSE_GRACE_MS = 250;
/** A connection on which nothing moves for this long is cut. The event stream moves every second. */
const IDLE_MS = 30_000;

const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

export async function startPage(options: PageOptions): Promise<Page> {
  const { definition, env, destination, recent, counters, log } = options;
  const assets = await loadAssets(options.assets ?? new URL('./page/', import.meta.url));
  const stream = new EventStream({
    about: {
      sensor: definition.name,
      env,
      destination,
      metrics: definition.metrics.map(({ name, kind, type, unit }) => ({ name, kind, type, unit })),
      windowMs: WINDOW_MS,
      bucketMs: BUCKET_MS,
    },
    recent,
    counters,
    now: options.now ?? Date.now,
    tickMs: options.tickMs ?? 1_000,
    patienceMs: options.patienceMs ?? 10_000,
    log,
  });

  const server = createServer((request, response) => {
    response.on('error', (error) => log.warn({ error: error.message }, 'live page: a response was cut off'));
    try {
      answer(request, response, assets, stream);
    } catch (thrown) {
      log.error({ error: messageOf(thrown), path: request.url }, 'live page: a request failed');
      if (response.headersSent) response.destroy();
      else send(request, response, error(500, 'internal error; the log says more'));
    }
  });
  server.timeout = IDLE_MS;
  await listen(server, options.port);
  server.on('error', (error) => log.error({ error: error.message }, 'live page: the server failed'));

  return {
    url: `http://${HOST}:${portOf(server)}/`,
    close: () => close(server, stream),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error) => reject(cannotListen(port, error));
    server.once('error', refuse);
    server.listen(port, HOST, () => {
      server.off('error', refuse);
      resolve();
    });
  });
}

function cannotListen(port: number, cause: Error): VisualizerError {
  const reasons: Record<string, string> = {
    EADDRINUSE: 'another program uses this port',
    EACCES: 'this user may not open this port',
  };
  const reason = reasons[systemCodeOf(cause) ?? ''] ?? cause.message;
  const message =
    `--page-port ${port}: the live page cannot be served, ${reason}; ` +
    'give another port with --page-port (0 takes any free one), or run without the page by --no-page';
  return new VisualizerError('BAD_SETTING', message, { cause });
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function close(server: Server, stream: EventStream): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  stream.close();
  const deadline = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await closed;
  clearTimeout(deadline);
}

/** What is said at once. The event stream is the one answer that goes on. */
interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  assets: ReadonlyMap<string, Asset>,
  stream: EventStream,
): void {
  const reply = refusal(request) ?? replyTo(pathOf(request), assets, stream);
  if (reply === 'events') sendEvents(request, response, stream);
  else send(request, response, reply);
}

function refusal(request: IncomingMessage): Reply | undefined {
  const port = request.socket.localPort;
  if (!isOwnHost(request.headers.host, port)) {
    return error(421, `this page is served as http://${HOST}:${port}/ only`);
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    const headers = { Allow: 'GET, HEAD', Connection: 'close' };
    return { ...error(405, `${request.method} is not supported, use GET or HEAD`), headers };
  }
  return undefined;
}

function isOwnHost(host: string | undefined, port: number | undefined): boolean {
  const names = ['127.0.0.1', 'localhost', '[::1]'];
  return names.some((name) => host === `${name}:${port}` || (port === 80 && host === name));
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? '';
}

function replyTo(path: string, assets: ReadonlyMap<string, Asset>, stream: EventStream): Reply | 'events' {
  if (path === '/events') return 'events';
  if (path === '/api/recent') return json(200, stream.snapshot());
  if (path === '/healthz') return json(200, { status: 'ok' });
  const asset = assets.get(path);
  return asset ? { status: 200, ...asset } : error(404, 'there is nothing here; the page is at /');
}

function error(status: number, message: string): Reply {
  return json(status, { error: message });
}

function json(status: number, value: unknown): Reply {
  return { status, type: 'application/json; charset=utf-8', body: Buffer.from(JSON.stringify(value)) };
}

function send(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  const content = { 'Content-Type': reply.type, 'Content-Length': reply.body.length };
  response.writeHead(reply.status, { ...HEADERS, ...content, ...reply.headers });
  response.end(request.method === 'HEAD' ? undefined : reply.body);
}

function sendEvents(request: IncomingMessage, response: ServerResponse, stream: EventStream): void {
  const content = { 'Content-Type': 'text/event-stream; charset=utf-8', Connection: 'close' };
  for (const [name, value] of Object.entries({ ...HEADERS, ...content })) response.setHeader(name, value);
  if (request.method === 'HEAD') response.end();
  else stream.join(response);
}
