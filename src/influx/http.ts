import { identifier } from '../queries/influxql-text.js';
import { pack } from './buffer/record.js';
import type { Link } from './link.js';
import { InfluxServer, type ServerOptions, versionIn, writePathOf } from './server.js';
import { type Answer, type Verdict, verdictOf, writeVerdictOf } from './verdict.js';

export interface HttpOptions extends ServerOptions {
  /** For 2.x and 3.x. */
  readonly org: string;
  /** The database on 1.x. */
  readonly bucket: string;
  /** A request that takes longer has failed, in ms. */
  readonly timeoutMs: number;
  /** Lines are compressed on their way, where that makes them fewer packets. */
  readonly gzip?: boolean;
}

/**
 * Line protocol over HTTP. Which path a server wants is asked with `GET /ping` before the first write, and again
 * after a failure or where something is to be mended, since the server may be another one by then.
 */
export class HttpLink implements Link {
  readonly name: string;
  readonly #options: HttpOptions;
  readonly #server: InfluxServer;
  #writePath: string | undefined;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#server = new InfluxServer(options);
    this.name = this.#server.name;
  }

  async write(lines: Buffer, signal: AbortSignal): Promise<Verdict> {
    const known = this.#writePath;
    const path = known ?? (await this.#discover(signal));
    if (typeof path !== 'string') return path;
    const answer = await this.#post(path, lines, signal);
    const verdict = writeVerdictOf(answer);
    this.#writePath = 'failure' in answer || verdict.kind === 'hold' ? undefined : path;
    // The database was dropped, or another kind of server is there: what to do about it can be found out now.
    const isLost = known !== undefined && 'status' in answer && answer.status === 404;
    return isLost ? this.write(lines, signal) : verdict;
  }

  get timeoutMs(): number {
    return this.#options.timeoutMs;
  }

  async #post(path: string, lines: Buffer, signal: AbortSignal): Promise<Answer> {
    const { timeoutMs, gzip } = this.#options;
    const { body, compressed } = gzip ? await pack(lines) : { body: lines, compressed: false };
    return this.#server.request({ method: 'POST', path, body, compressed, timeoutMs }, signal);
  }

  /**
   * Asks who is there, and on 1.x makes sure of the database. Returns the path to write to, or why this is not the time.
   * All other answers are no news about the lines: the write itself will tell.
   */
  async #discover(signal: AbortSignal): Promise<string | Verdict> {
    const { bucket, timeoutMs } = this.#options;
    const { answer, version } = await this.#server.ping(timeoutMs, signal);
    const verdict = verdictOf(answer);
    if ('failure' in answer || verdict.kind === 'retry') return aboutServer(verdict);

    const known = versionIn(version);
    if (known?.[0] === 1) {
      const create = `CREATE DATABASE ${identifier(bucket)}`;
      const path = `/query?q=${encodeURIComponent(create)}`;
      const made = verdictOf(await this.#server.request({ method: 'POST', path, timeoutMs }, signal));
      if (made.kind === 'retry') return aboutServer(made);
    }
    return writePathOf(known, this.#options);
  }
}

/** No line was under way that could have been too much. */
function aboutServer(verdict: Verdict): Verdict {
  return verdict.kind === 'retry' ? { ...verdict, cutOff: false } : verdict;
}
