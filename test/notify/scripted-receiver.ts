import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: each receiver has a body of its own
  readonly body: any;
}

export type Act = (response: ServerResponse, received: Received) => void;

/** An HTTP server that keeps what it is sent, and answers as a test has lined it up: then with `otherwise`. */
export interface ScriptedReceiver {
  readonly url: string;
  readonly received: Received[];
  readonly script: Act[];
  otherwise: Act;
  /** Refuses connections from now on. */
  refuse(): Promise<void>;
  listen(): Promise<void>;
  close(): Promise<void>;
}

export function answer(status: number, body = '', headers: Record<string, string> = {}): Act {
  return (response) => response.writeHead(status, headers).end(body);
}

export const hangUp: Act = (response) => response.destroy();
export const neverAnswer: Act = () => {};

export async function startReceiver(): Promise<ScriptedReceiver> {
  const sockets = new Set<Socket>();
  const http = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const received = { path: request.url ?? '', headers: request.headers, body: text && JSON.parse(text) };
    server.received.push(received);
    (server.script.shift() ?? server.otherwise)(response, received);
  });
  http.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  let port = 0;
  const server: ScriptedReceiver = {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    received: [],
    script: [],
    otherwise: answer(200, 'ok'),
    async refuse() {
      const closed = once(http, 'close');
      http.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    async listen() {
      http.listen(port, '127.0.0.1');
      await once(http, 'listening');
      port = (http.address() as AddressInfo).port;
    },
    async close() {
      if (http.listening) await server.refuse();
    },
  };
  await server.listen();
  return server;
}
