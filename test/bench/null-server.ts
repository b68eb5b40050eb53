import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from '../until.js';

const NEWLINE = 0x0a;
/** What a reading's line begins with: the bundled definition's measurement. */
const READING = Buffer.from('sensor,');

/** An InfluxDB that takes everything at once, keeps nothing, and counts the readings that came. */
export class NullServer {
  readings = 0;
  /** When the first and the latest body with readings was answered, on the clock of `performance`. */
  firstAt = Number.NaN;
  latestAt = Number.NaN;
  /** Called with every body, after it was answered. */
  onBody: (body: Buffer) => void = () => {};
  readonly #server = createServer((request, response) => {
    this.#take(request, response).catch(() => response.destroy());
  });

  /** On this port, or on any that is free. */
  static async open(port = 0): Promise<NullServer> {
    const server = new NullServer();
    server.#server.keepAliveTimeout = 0;
    server.#server.listen(port, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Waits until as many readings have come. */
  async arrival(readings: number, deadlineMs: number): Promise<void> {
    await until(`${readings} readings have come`, () => this.readings >= readings, deadlineMs);
  }

  async end(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    await once(request, 'end');
    response.writeHead(204, { 'x-influxdb-version': '1.8.10' }).end();
    const body = Buffer.concat(chunks);
    const readings = readingsIn(body);
    if (readings > 0) {
      this.latestAt = performance.now();
      if (this.readings === 0) this.firstAt = this.latestAt;
      this.readings += readings;
    }
    this.onBody(body);
  }
}

/** Lines that begin like a reading: those of errors and of the runner itself do not count. */
function readingsIn(body: Buffer): number {
  let readings = 0;
  for (let start = 0; start < body.length; ) {
    if (body[start] === READING[0] && body.compare(READING, 0, 7, start, start + 7) === 0) readings += 1;
    const end = body.indexOf(NEWLINE, start);
    start = end === -1 ? body.length : end + 1;
  }
  return readings;
}
