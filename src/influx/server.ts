import { type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { request as requestTls } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { HttpError, InfluxDB, type SendOptions } from '@influxdata/influxdb-client';
import { HiddenTexts } from '../hidden-texts.js';
import { authorityOf } from './authority.js';
import type { Answer } from './verdict.js';

/** Who to talk to, and as whom. */
export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  /** Plain HTTP where it is left out. */
  readonly tls?: Tls | undefined;
  /** For 2.x and 3.x. */
  readonly token?: string | undefined;
  /** For 1.x. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

export interface Tls {
  /** Who may vouch for the server, as PEM, and nobody else; those that Node.js knows where it is left out. */
  readonly authorities?: string | undefined;
}

export interface ServerRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: Uint8Array | string;
  /** The body is gzip. */
  readonly compressed?: boolean;
  /** Plain text unless given. */
  readonly contentType?: string;
  /** A request that takes longer has failed, in ms. */
  readonly timeoutMs: number;
}

type Headers = Record<string, string | string[] | undefined>;

/** An answer may complain about every line of a request, in its header too (1.x). */
const COMPLAINT_BYTES = 16 * 1024 * 1024;
/** One that does not complain has nothing to say. */
const ANSWER_BYTES = 1024 * 1024;

/**
 * An InfluxDB to send requests to, carried by the official client's transport: one attempt each, with a time limit.
 * Its write API, with the retry buffer that gives up after seconds, is not in the way.
 */
export class InfluxServer {
  /** For people: `InfluxDB at host:port`. */
  readonly name: string;
  readonly #transport: InfluxDB['transport'];
  /** What is to be sent, by the signal of its request: the client would make two copies of it. */
  readonly #bodies = new WeakMap<AbortSignal, Uint8Array>();
  readonly #requestBounded = (options: RequestOptions, onResponse: (answer: IncomingMessage) => void) =>
    requestBounded(options, onResponse, this.#bodies.get(options.signal as AbortSignal));
  /** What of an answer is told to nobody. */
  readonly #secrets = new HiddenTexts();

  constructor({ host, port, tls, username, password, token }: ServerOptions) {
    const authority = authorityOf(host, port);
    this.name = `InfluxDB at ${authority}`;
    const basic = Buffer.from(`${username}:${password ?? ''}`).toString('base64');
    for (const secret of [token, password, username && `${username}:${password ?? ''}`]) {
      this.#secrets.remember(secret ?? '');
    }
    this.#transport = new InfluxDB({
      url: `${tls === undefined ? 'http' : 'https'}://${authority}`,
      // A user and password win over a token: 1.x knows nothing else.
      ...(token !== undefined && username === undefined && { token }),
      ...(username !== undefined && { headers: { authorization: `Basic ${basic}` } }),
      // The client's own is about silence, and leaves the request running: ours bounds it, and ends it.
      timeout: 0,
      writeOptions: { maxRetries: 0 },
      // The one way to give the client a request function.
      transportOptions: {
        maxHeaderSize: COMPLAINT_BYTES,
        'follow-redirects': {
          http: { request: this.#requestBounded },
          https: { request: this.#requestBounded },
        },
        // Said, and not left to the default: that one can be switched off by NODE_TLS_REJECT_UNAUTHORIZED.
        ...(tls !== undefined && { ca: tls.authorities, rejectUnauthorized: true }),
      },
    }).transport;
  }

  /** Asks who is there; `version` is empty where it is not told. */
  async ping(timeoutMs: number, stop: AbortSignal): Promise<{ answer: Answer; version: string }> {
    let version = '';
    const answer = await this.request({ method: 'GET', path: '/ping', timeoutMs }, stop, (headers) => {
      version = this.#secrets.hide(String(headers['x-influxdb-version'] ?? ''));
    });
    return { answer, version };
  }

  /** Never rejects: a request that `stop` or the time limit ended has failed like any other. */
  async request(
    {
      method,
      path,
      body = '',
      compressed = false,
      contentType = 'text/plain; charset=utf-8',
      timeoutMs,
    }: ServerRequest,
    stop: AbortSignal,
    onHeaders: (headers: Headers) => void = () => {},
  ): Promise<Answer> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(new TimeoutError()), timeoutMs);
    const onStop = () => abort.abort(stop.reason);
    stop.addEventListener('abort', onStop, { once: true });
    const { signal } = abort;
    const headers = {
      'content-type': contentType,
      accept: 'text/plain',
      ...(compressed && { 'content-encoding': 'gzip' }),
    };
    const options = { method, headers, signal };
    try {
      stop.throwIfAborted();
      this.#bodies.set(signal, typeof body === 'string' ? Buffer.from(body) : body);
      return await this.#send(path, options, onHeaders);
    } catch (error) {
      if (error instanceof HttpError) {
        const retryAfter = error.headers?.['retry-after'];
        const body = this.#secrets.hide(error.body ?? '');
        return { status: error.statusCode, body, retryAfter: retryAfter?.toString() };
      }
      return { failure: signal.reason ?? error };
    } finally {
      clearTimeout(timer);
      stop.removeEventListener('abort', onStop);
      // Nothing of a request outlives it: neither a body half sent nor an answer half read.
      abort.abort(OVER);
    }
  }

  #send(path: string, options: SendOptions, onHeaders: (headers: Headers) => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      let status = 0;
      const chunks: Uint8Array[] = [];
      this.#transport.send(path, '', options, {
        responseStarted(headers, code) {
          status = code ?? 0;
          onHeaders(headers);
        },
        next: (chunk) => void chunks.push(chunk),
        error: reject,
        complete: () => {
          const body = this.#secrets.hide(Buffer.concat(chunks).toString('utf8'));
          resolve({ status, body });
        },
      });
    });
  }
}

/** Where line protocol is posted to: one path until 1.8, another from there on. */
export function writePathOf(
  version: readonly [number, number] | undefined,
  { org, bucket }: { readonly org: string; readonly bucket: string },
): string {
  const [major, minor] = version ?? [2, 0];
  const old = major === 1 && minor < 8;
  const query = old ? { db: bucket, precision: 'ns' } : { org, bucket, precision: 'ns' };
  return `${old ? '/write' : '/api/v2/write'}?${new URLSearchParams(query)}`;
}

/** The major and minor version of a server, as in `1.6.7~rc0` and `v2.7.1`; undefined where it does not tell. */
export function versionIn(text: string): readonly [number, number] | undefined {
  const match = /^v?(\d+)\.(\d+)/.exec(text);
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

/**
 * The client reads an answer to its end, into memory: one without an end is cut off, and has failed. The body is written
 * here, before the empty one that the client was given.
 */
function requestBounded(
  options: RequestOptions,
  onResponse: (answer: IncomingMessage) => void,
  body: Uint8Array | undefined,
): ClientRequest {
  const headers = { ...options.headers, 'content-length': body?.length ?? 0 };
  const send = options.protocol === 'https:' ? requestTls : request;
  const { signal } = options;
  // Asked for before Node.js does, which would only close the connection.
  signal?.addEventListener('abort', () => signal.reason instanceof TimeoutError && discard(sent.socket), {
    once: true,
  });
  const sent = send({ ...options, headers }, (answer) => {
    const limit = (answer.statusCode ?? 0) < 300 ? ANSWER_BYTES : COMPLAINT_BYTES;
    let bytes = 0;
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > limit) answer.destroy(new Error(`the answer is longer than ${limit} bytes`));
    });
    onResponse(answer);
  });
  if (body !== undefined && body.length > 0) sent.write(body);
  return sent;
}

/**
 * A connection that is closed still sends what lies ready in the system: over a slow line that would go before all that
 * is sent instead. Node.js cannot reset one that speaks TLS.
 */
function discard(socket: Socket | null): void {
  if (socket !== null && !(socket instanceof TLSSocket)) socket.resetAndDestroy();
}

/** Made once: an abort without a reason makes one, with its stack, at each request. */
const OVER = new Error('the request is over');

class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}
