import { HttpError, InfluxDB } from '@influxdata/influxdb-client';
import type { Link } from './delivery.js';
import { type Answer, type Verdict, verdictOf } from './verdict.js';

export interface HttpOptions {
  readonly host: string;
  readonly port: number;
  /** For 2.x and 3.x. */
  readonly org: string;
  /** The database on 1.x. */
  readonly bucket: string;
  readonly token?: string | undefined;
  /** For 1.x. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** A request that takes longer has failed, in ms. */
  readonly timeoutMs: number;
}

/**
 * Line protocol over HTTP, carried by the official client's transport: its write API, with the retry buffer
 * that gives up after seconds, is not in the way. Which path a server wants is asked with `GET /ping` before
 * the first write, and again after a failure or a 404, since the server may be another one by then.
 */
export class HttpLink implements Link {
  readonly name: string;
  readonly #options: HttpOptions;
  readonly #transport: InfluxDB['transport'];
  #writePath: string | undefined;

  constructor(options: HttpOptions) {
    const { host, port, username, password } = options;
    const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    this.name = `InfluxDB at ${authority}`;
    this.#options = options;
    // A user and password win over a token: 1.x knows nothing else.
    const token = username === undefined ? options.token : undefined;
    const basic = Buffer.from(`${username}:${password ?? ''}`).toString('base64');
    this.#transport = new InfluxDB({
      url: `http://${authority}`,
      ...(token !== undefined && { token }),
      ...(username !== undefined && { headers: { authorization: `Basic ${basic}` } }),
      timeout: options.timeoutMs,
      writeOptions: { maxRetries: 0 },
    }).transport;
  }

  async write(lines: string, signal: AbortSignal): Promise<Verdict> {
    if (this.#writePath === undefined) {
      const failed = await this.#discover(signal);
      if (failed !== undefined) return verdictOf(failed);
    }
    const answer = await this.#request('POST', this.#writePath as string, lines, signal);
    if ('failure' in answer || answer.status === 404) this.#writePath = undefined;
    return verdictOf(answer);
  }

  /** Asks who is there, and on 1.x makes sure of the database. Returns an answer only where that failed. */
  async #discover(signal: AbortSignal): Promise<Answer | undefined> {
    let version = '';
    const ping = await this.#request('GET', '/ping', '', signal, (headers) => {
      version = String(headers['x-influxdb-version'] ?? '');
    });
    // 2.x and 3.x may want a token for the ping; the write itself will tell.
    if ('failure' in ping || ping.status >= 500) return ping;

    const { org, bucket } = this.#options;
    const [major, minor] = /^v?(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? [2, 0];
    if (major === 1) {
      const create = `CREATE DATABASE "${bucket.replace(/["\\]/g, '\\$&')}"`;
      const made = await this.#request('POST', `/query?q=${encodeURIComponent(create)}`, '', signal);
      // 403: a user that may write need not be one that may create.
      if ('failure' in made || (made.status >= 400 && made.status !== 403)) return made;
    }
    const old = major === 1 && (minor ?? 0) < 8;
    const query = old ? { db: bucket, precision: 'ns' } : { org, bucket, precision: 'ns' };
    this.#writePath = `${old ? '/write' : '/api/v2/write'}?${new URLSearchParams(query)}`;
    return undefined;
  }

  async #request(
    method: string,
    path: string,
    body: string,
    stop: AbortSignal,
    onHeaders: (headers: Record<string, string | string[] | undefined>) => void = () => {},
  ): Promise<Answer> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(new TimeoutError()), this.#options.timeoutMs);
    const onStop = () => abort.abort(stop.reason);
    stop.addEventListener('abort', onStop, { once: true });
    const headers = { 'content-type': 'text/plain; charset=utf-8', accept: 'text/plain' };
    const { signal } = abort;
    try {
      stop.throwIfAborted();
      let status = 0;
      const text = await this.#transport.request(
        path,
        body,
        { method, headers, signal },
        (received, code) => {
          status = code ?? 0;
          onHeaders(received);
        },
      );
      return { status, body: String(text ?? '') };
    } catch (error) {
      if (error instanceof HttpError) {
        const retryAfter = error.headers?.['retry-after'];
        return { status: error.statusCode, body: error.body ?? '', retryAfter: retryAfter?.toString() };
      }
      return { failure: signal.reason ?? error };
    } finally {
      clearTimeout(timer);
      stop.removeEventListener('abort', onStop);
    }
  }
}

class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}
