/**
 * The HTTP server behind the page: finds the route, asks the gate, answers. Whatever a client does costs the run
 * little: connections, streams, headers, bodies and time are bounded, and what is not a route is never looked up
 * anywhere.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf, systemCodeOf, VisualizerError } from '../errors.js';
import { UnavailableError } from '../store/reader.js';
import { Refused } from './body.js';
import type { EventLog, EventStream } from './events.js';
import type { Gate } from './gate.js';
import { urlHost } from './host-names.js';
import { BadParameter } from './parameters.js';
import { failure, HEADERS, json, type Reply, send } from './replies.js';
import type { Route } from './routes.js';

export interface ServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly gate: Gate;
  readonly routes: readonly Route[];
  readonly stream: EventStream;
  readonly log: EventLog;
}

export interface PageServer {
  readonly url: string;
  close(): Promise<void>;
}

/** How long a response that is under way may take to end once the page is closed. */
const CLOSE_GRACE_MS = 250;
const MOST_CONNECTIONS = 200;
/** Requests of one connection that may wait for their answers; browsers send one at a time. */
const MOST_PIPELINED = 8;

const LIMITS = {
  maxHeaderSize: 16_384,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
};
/** A connection on which nothing moves for this long is cut. The event stream moves every second. */
const IDLE_MS = 30_000;

export async function startServer(options: ServerOptions): Promise<PageServer> {
  const { host, port, stream, log } = options;
  const server = createServer(LIMITS, (request, response) => {
    response.on('error', (error) => log.warn({ error: error.message }, 'live page: a response was cut off'));
    if (isFlooding(request, response)) request.socket.destroy();
    else void answer(request, response, options);
  });
  server.timeout = IDLE_MS;
  server.maxConnections = MOST_CONNECTIONS;
  await listen(server, host, port);
  server.on('error', (error) => log.error({ error: error.message }, 'live page: the server failed'));
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `http://${urlHost(host)}:${own}/`,
    close: () => close(server, stream),
  };
}

/** @throws VisualizerError BAD_SETTING, its cause what the system says */
export function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error) => reject(cannotListen(host, port, error));
    server.once('error', refuse);
    server.listen(port, host, () => {
      server.off('error', refuse);
      resolve();
    });
  });
}

/** Why an address cannot be listened on, for people. */
export function whyNotListening(host: string, cause: unknown): string {
  const reasons: Record<string, string> = {
    EADDRINUSE: 'another program uses this port',
    EACCES: 'this user may not open this port',
    EADDRNOTAVAIL: `${host} is no address of this machine (--page-host)`,
    ENOTFOUND: `no machine is called ${host} (--page-host)`,
  };
  return reasons[systemCodeOf(cause) ?? ''] ?? messageOf(cause);
}

function cannotListen(host: string, port: number, cause: Error): VisualizerError {
  const message =
    `--page-port ${port}: the live page cannot be served, ${whyNotListening(host, cause)}; ` +
    'give another port with --page-port (0 takes any free one), or run without the page by --no-page';
  return new VisualizerError('BAD_SETTING', message, { cause });
}

async function close(server: Server, stream: EventStream): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  stream.close();
  const deadline = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await closed;
  clearTimeout(deadline);
}

const waiting = new WeakMap<object, number>();

/** Whether a connection asks ever more and does not wait for the answers. */
function isFlooding({ socket }: IncomingMessage, response: ServerResponse): boolean {
  const count = (waiting.get(socket) ?? 0) + 1;
  waiting.set(socket, count);
  response.on('close', () => waiting.set(socket, (waiting.get(socket) ?? 1) - 1));
  return count > MOST_PIPELINED;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: ServerOptions,
): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  try {
    const reply = await replyTo(request, options, gone.signal);
    if (reply === 'stream') sendEvents(request, response, options.stream);
    else send(request, response, reply);
  } catch (thrown) {
    if (gone.signal.aborted) return;
    const reply = replyToFailure(thrown);
    if (reply.status === 500) {
      options.log.error({ error: messageOf(thrown), path: pathOf(request) }, 'live page: a request failed');
    }
    if (response.headersSent) response.destroy();
    else send(request, response, reply);
  }
}

async function replyTo(
  request: IncomingMessage,
  { gate, routes }: ServerOptions,
  gone: AbortSignal,
): Promise<Reply | 'stream'> {
  const path = pathOf(request);
  const here = routes.filter((route) => route.path === path);
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const route = here.find((each) => each.method === method);
  const refusal = gate.refusal(request, (route ?? here[0])?.access ?? 'page');
  if (refusal !== undefined) return refusal;
  if (route !== undefined) return route.answer(request, gone);
  if (here.length === 0) return failure(404, 'there is nothing here; the page is at /');
  const allowed = here.map((each) => (each.method === 'GET' ? 'GET, HEAD' : each.method)).join(', ');
  return failure(405, `use ${allowed}`, { Allow: allowed });
}

/** What is not meant for the client is in the log only. */
function replyToFailure(thrown: unknown): Reply {
  if (thrown instanceof Refused) return thrown.reply;
  if (thrown instanceof BadParameter) {
    return json(400, { error: thrown.message, parameter: thrown.parameter });
  }
  if (thrown instanceof UnavailableError) {
    return failure(503, 'the store cannot be read just now', { 'Retry-After': '1' });
  }
  return failure(500, 'internal error; the log says more');
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '';
}

function sendEvents(request: IncomingMessage, response: ServerResponse, stream: EventStream): void {
  if (stream.isFull) {
    send(request, response, failure(503, 'too many listen already', { 'Retry-After': '10' }));
    return;
  }
  const content = { 'Content-Type': 'text/event-stream; charset=utf-8', Connection: 'close' };
  for (const [name, value] of Object.entries({ ...HEADERS, ...content })) response.setHeader(name, value);
  if (request.method === 'HEAD') response.end();
  else stream.join(response);
}
