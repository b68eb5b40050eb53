import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';

/**
 * An InfluxDB that answers as a test has lined it up, on a free loopback port: `script` for the next writes, then
 * `otherwise` for all others. It speaks the dialect of its `version`, and keeps what it stored as InfluxDB does:
 * a point of the same series and time overwrites.
 */
export interface ScriptedInflux {
  readonly port: number;
  /** What `GET /ping` tells; 1.x takes writes on `/write` to databases that exist, later ones on `/api/v2/write`. */
  version: string;
  readonly databases: Set<string>;
  /** Replaces the answer to `GET /ping`. */
  ping: Act | undefined;
  /** Replaces the answer to `POST /query`. */
  query: Act | undefined;
  /** The answers to the next writes, in order ... */
  readonly script: Act[];
  /** ... and to those after them. */
  otherwise: Act;
  /** By series and time. */
  readonly stored: Map<string, StoredPoint>;
  readonly requests: Received[];
  /** Those that carried lines to an endpoint for writes. */
  readonly writes: Received[];
  /** The largest number of requests that were answered at the same time. */
  readonly mostAtOnce: number;
  /** How many connections were ever made to it. */
  readonly connections: number;
  /** Refuses connections from now on, and ends those that are open. */
  refuse(): Promise<void>;
  /** Listens again, on the same port. */
  listen(): Promise<void>;
  /** Ends it and all its connections. */
  close(): Promise<void>;
}

export interface StoredPoint {
  readonly fields: Readonly<Record<string, number | bigint>>;
  /** How often it was written. */
  readonly writes: number;
}

export interface Received {
  /** When its body was complete, in ms, as of `performance.now()`. */
  readonly at: number;
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly lines: readonly string[];
}

/** A way to answer. */
export type Act = (exchange: Exchange) => void;

interface Exchange {
  readonly lines: readonly string[];
  readonly response: ServerResponse;
  readonly socket: Socket;
  store(lines: readonly string[]): void;
}

/** Stores all, or says which lines it cannot parse, like 1.x. */
export const accept: Act = (exchange) => {
  const sound = exchange.lines.filter((line) => parseLine(line) !== undefined);
  exchange.store(sound);
  if (sound.length === exchange.lines.length) return void exchange.response.writeHead(204).end();
  const broken = exchange.lines.filter((line) => !sound.includes(line));
  const reasons = broken.map((line) => `unable to parse '${line}': bad`).join('\n');
  answer(400, { error: sound.length > 0 ? `partial write: ${reasons} dropped=0` : reasons })(exchange);
};

/** Answers without storing anything; an object is sent as JSON. */
export function answer(
  status: number,
  body: string | object = '',
  headers: Record<string, string> = {},
): Act {
  return ({ response }) => {
    const type = typeof body === 'string' ? 'text/plain' : 'application/json';
    response.writeHead(status, { 'content-type': type, ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

/** Asks for patience, until `afterMs` from then on: `Retry-After` as a date, in whole seconds. */
export function busyUntilDate(status: number, afterMs: number): Act {
  return (exchange) => {
    const date = new Date(Date.now() + afterMs).toUTCString();
    answer(status, '', { 'retry-after': date })(exchange);
  };
}

/** Stores everything, and then fails. */
export const storeAndFail: Act = (exchange) => {
  exchange.store(exchange.lines);
  answer(500, { error: 'timeout' })(exchange);
};

/** Takes the request and never answers. */
export const hang: Act = () => {};

/** Answers the header and a part of the body, and then nothing more. */
export const hangInBody: Act = ({ response }) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
  response.write('{"results":');
};

/** Stores everything, and cuts the connection in the middle of the answer. */
export const resetInBody: Act = ({ lines, response, socket, store }) => {
  store(lines);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
  response.write('{"results":', () => socket.resetAndDestroy());
};

/** Answers with a body that never ends. */
export function endless(status: number): Act {
  return ({ response }) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    const chunk = 'x'.repeat(1024 * 1024);
    const pour = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', pour);
    pour();
  };
}

/** Refuses a request that holds such a line, whole. */
export function refuseWith(
  poison: (line: string) => boolean,
  status = 400,
  body: object = { code: 'invalid', message: 'a line is bad' },
): Act {
  return (exchange) => (exchange.lines.some(poison) ? answer(status, body) : accept)(exchange);
}

/** Stores all but such lines, and says how many it left out: 400 as in 1.x, 422 as in 2.x. */
export function partialWrite(poison: (line: string) => boolean, reason: string, status = 400): Act {
  return (exchange) => {
    const dropped = exchange.lines.filter(poison).length;
    if (dropped === 0) return accept(exchange);
    exchange.store(exchange.lines.filter((line) => !poison(line)));
    const text = `partial write: ${reason} dropped=${dropped}`;
    answer(
      status,
      status === 400 ? { error: text } : { message: `failure writing points: ${text}` },
    )(exchange);
  };
}

/** Takes no more than so many bytes at once. */
export function atMost(bytes: number): Act {
  return (exchange) =>
    (exchange.lines.join('\n').length + 1 > bytes
      ? answer(413, '<html>413 Request Entity Too Large</html>')
      : accept)(exchange);
}

/** Cuts the connection of who sends more than so many bytes at once. */
export function cutOffAbove(bytes: number): Act {
  return (exchange) => {
    if (exchange.lines.join('\n').length + 1 > bytes) exchange.socket.resetAndDestroy();
    else accept(exchange);
  };
}

/** At the end of a line that takes so many bytes a second: who has hung up by then has sent nothing. */
export function slowly(bytesPerSecond: number): Act {
  return (exchange) => {
    const takesMs = (exchange.lines.join('\n').length / bytesPerSecond) * 1000;
    setTimeout(() => {
      if (!exchange.socket.destroyed) accept(exchange);
    }, takesMs);
  };
}

/** It speaks HTTPS where it is given a key. */
export async function startScriptedInflux(
  version = '2.7.1',
  tls?: { key: string; cert: string },
): Promise<ScriptedInflux> {
  const stored = new Map<string, StoredPoint>();
  const sockets = new Set<Socket>();
  let connections = 0;
  let atOnce = 0;
  let mostAtOnce = 0;

  const store = (lines: readonly string[]) => {
    for (const line of lines) {
      const { key, fields } = parseLine(line) ?? fail(line);
      stored.set(key, { fields, writes: (stored.get(key)?.writes ?? 0) + 1 });
    }
  };

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    response.on('close', () => {
      atOnce -= 1;
    });
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', headers, socket } = request;
    const body = Buffer.concat(chunks);
    const text = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    const lines = text.toString('utf8').split('\n').filter(Boolean);
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const received: Received = { at: performance.now(), method, url, headers, lines };
    server.requests.push(received);
    const act = route(received);
    response.setHeader('x-influxdb-version', server.version);
    act({ lines, response, socket, store });
  };
  const http = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  http.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });

  /** What a server of this version does with such a request. */
  function route(received: Received): Act {
    const { method, url, lines } = received;
    const old = server.version.startsWith('1.');
    if (url.pathname === '/ping') return server.ping ?? answer(204);
    if (url.pathname === '/query' && old) return server.query ?? createDatabase(url);
    if (method !== 'POST' || url.pathname !== (old ? '/write' : '/api/v2/write')) {
      return answer(404, '404 page not found');
    }
    const database = url.searchParams.get('db') ?? '';
    if (old && !server.databases.has(database)) {
      return answer(404, { error: `database not found: "${database}"` });
    }
    if (lines.length > 0) server.writes.push(received);
    return server.script.shift() ?? server.otherwise;
  }

  function createDatabase(url: URL): Act {
    const name = /^CREATE DATABASE "(.*)"$/.exec(url.searchParams.get('q') ?? '')?.[1];
    if (name === undefined) return answer(400, { error: 'error parsing query' });
    server.databases.add(name);
    return answer(200, { results: [{ statement_id: 0 }] });
  }

  const server = {
    port: 0,
    version,
    databases: new Set<string>(),
    ping: undefined,
    query: undefined,
    script: [] as Act[],
    otherwise: accept,
    stored,
    requests: [] as Received[],
    writes: [] as Received[],
    get mostAtOnce() {
      return mostAtOnce;
    },
    get connections() {
      return connections;
    },
    async refuse() {
      const closed = once(http, 'close');
      http.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    async listen() {
      http.listen(server.port, '127.0.0.1');
      await once(http, 'listening');
    },
    async close() {
      if (http.listening) await server.refuse();
    },
  } as ScriptedInflux & { port: number };

  await server.listen();
  server.port = (http.address() as AddressInfo).port;
  return server;
}

/** The series and time of a line, and its fields; undefined where it is no line protocol with numbers. */
export function parseLine(
  line: string,
): { key: string; fields: Record<string, number | bigint>; time: bigint } | undefined {
  const parts = line.split(/(?<!\\) /);
  const [series = '', written = '', time = ''] = parts;
  const pairs = written.split(/(?<!\\),/).map((pair) => pair.split(/(?<!\\)=/));
  const sound = pairs.every(([, value = '']) => /^-?\d+i$|^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(value));
  if (parts.length !== 3 || series === '' || !/^\d+$/.test(time) || !sound) return undefined;
  const fields = pairs.map(([name = '', value = '']) => [
    name,
    value.endsWith('i') ? BigInt(value.slice(0, -1)) : Number(value),
  ]);
  return { key: `${series} ${time}`, fields: Object.fromEntries(fields), time: BigInt(time) };
}

function fail(line: string): never {
  throw new Error(`the test lets the server store what is no line protocol: ${line}`);
}
