import { setTimeout as delay } from 'node:timers/promises';
import { VisualizerError } from '../errors.js';
import { identifier, text } from '../queries/influxql-text.js';
import { InfluxServer, type ServerOptions, versionIn } from './server.js';
import { type Answer, type Verdict, verdictOf } from './verdict.js';

/** What is to be deleted: in these measurements the points with the tag `sensor` of this value, and no others. */
export interface Deletion {
  readonly measurements: readonly string[];
  readonly sensor: string;
}

export interface EraserOptions extends ServerOptions {
  /** For 2.x. */
  readonly org: string;
  /** The database on 1.x. */
  readonly bucket: string;
}

/** A server that is there answers a ping at once. */
const PING_TIMEOUT_MS = 1_000;
/** On a large database a deletion takes its time. */
const DELETE_TIMEOUT_MS = 60_000;

/** All times that 2.x can hold from the epoch on; a sensor's clock never shows less. */
const ALL_TIMES = { start: '1970-01-01T00:00:00Z', stop: '2262-04-11T23:47:16Z' };

/** How often a server that is not there is tried, and how long from one try to the next, in ms. */
export interface Patience {
  readonly tries: number;
  readonly intervalMs: number;
}

const PATIENCE: Patience = { tries: 20, intervalMs: 1_000 };

export interface EraseOptions {
  readonly stop: AbortSignal;
  readonly patience?: Patience | undefined;
  /** Called after a try that failed, unless it was the last one. */
  readonly onFailedTry: (reason: string, triesLeft: number) => void;
}

/** Deletes a sensor's points: with InfluxQL on 1.x, with the delete API on 2.x. Asking again does no harm. */
export class InfluxEraser {
  readonly name: string;
  readonly #options: EraserOptions;
  readonly #server: InfluxServer;
  /** Something was deleted, or may have been: an answer that did not come leaves that open. */
  #begun = false;

  constructor(options: EraserOptions) {
    this.#options = options;
    this.#server = new InfluxServer(options);
    this.name = this.#server.name;
  }

  /**
   * True once nothing of it is there any more, false where `stop` came first. What was never there (a measurement,
   * on 1.x the database) is no error. A server that is away or busy is tried again.
   * @throws VisualizerError SERVER_UNREACHABLE, SERVER_REFUSED, or DELETE_UNSUPPORTED for InfluxDB 3
   */
  async erase(deletion: Deletion, options: EraseOptions): Promise<boolean> {
    const { stop, patience: { tries, intervalMs } = PATIENCE, onFailedTry } = options;
    for (let left = tries - 1; !stop.aborted; left -= 1) {
      const next = performance.now() + intervalMs;
      const verdict = await this.#try(deletion, stop);
      if (verdict.kind === 'accepted') return true;
      if (stop.aborted) break;
      if (verdict.kind !== 'retry') throw this.#refused(verdict);
      if (left === 0) throw this.#unreachable(verdict.reason, tries);
      onFailedTry(verdict.reason, left);
      await delay(Math.max(0, next - performance.now()), undefined, { signal: stop }).catch(() => {});
    }
    return false;
  }

  async #try(deletion: Deletion, stop: AbortSignal): Promise<Verdict> {
    const { answer, version } = await this.#server.ping(PING_TIMEOUT_MS, stop);
    const verdict = verdictOf(answer);
    const locked = 'status' in answer && (answer.status === 401 || answer.status === 403);
    if ('failure' in answer || verdict.kind === 'retry' || locked) return verdict;
    const [major] = versionIn(version) ?? [2];
    if (major > 2) throw cannotDelete(this.name, version);
    return major === 1 ? this.#dropSeries(deletion, stop) : this.#deletePoints(deletion, stop);
  }

  /**
   * One statement for all measurements and retention policies.
   * Rules: https://docs.influxdata.com/influxdb/v1/query_language/manage-database/#drop-series-from-the-index-with-drop-series
   */
  async #dropSeries({ measurements, sensor }: Deletion, signal: AbortSignal): Promise<Verdict> {
    const from = measurements.map(identifier).join(', ');
    const q = `DROP SERIES FROM ${from} WHERE "sensor" = ${text(sensor)}`;
    const body = new URLSearchParams({ db: this.#options.bucket, q }).toString();
    const answer = await this.#delete('/query', 'application/x-www-form-urlencoded', body, signal);
    const failed = 'status' in answer && answer.status < 300 ? statementError(answer.body) : undefined;
    if (failed === undefined || failed.startsWith('database not found')) return verdictOf(answer);
    return { kind: 'refused', reason: failed };
  }

  /** A predicate knows no OR: a request for each measurement. */
  async #deletePoints({ measurements, sensor }: Deletion, signal: AbortSignal): Promise<Verdict> {
    const { org, bucket } = this.#options;
    const path = `/api/v2/delete?${new URLSearchParams({ org, bucket })}`;
    for (const measurement of measurements) {
      const predicate = `_measurement=${quoted(measurement)} AND sensor=${quoted(sensor)}`;
      const body = JSON.stringify({ ...ALL_TIMES, predicate });
      const verdict = verdictOf(await this.#delete(path, 'application/json', body, signal));
      if (verdict.kind !== 'accepted') return verdict;
    }
    return { kind: 'accepted' };
  }

  async #delete(path: string, contentType: string, body: string, signal: AbortSignal): Promise<Answer> {
    const request = { method: 'POST', path, contentType, body, timeoutMs: DELETE_TIMEOUT_MS } as const;
    const answer = await this.#server.request(request, signal);
    const refused = 'status' in answer && answer.status >= 400 && answer.status < 500;
    this.#begun ||= !refused;
    return answer;
  }

  #unreachable(reason: string, tries: number): VisualizerError {
    return new VisualizerError(
      'SERVER_UNREACHABLE',
      `${this.name} could not be asked to delete, in ${tries} tries: ${reason}. ${this.#extent} ` +
        'Start it, check --host and --port, or leave --clear-data out: without it, readings wait for the server.',
    );
  }

  #refused(verdict: Exclude<Verdict, { kind: 'accepted' | 'retry' }>): VisualizerError {
    const mend = verdict.kind === 'hold' ? ` To mend it: ${verdict.mend}.` : '';
    const message = `${this.name} refuses to delete: ${verdict.reason}.${mend} ${this.#extent}`;
    return new VisualizerError('SERVER_REFUSED', message);
  }

  get #extent(): string {
    return this.#begun
      ? 'Part of the data may be deleted there; nothing is here.'
      : 'Nothing was deleted, neither there nor here.';
  }
}

/** 1.x says 200 and names the error inside. */
function statementError(body: string): string | undefined {
  try {
    const { results } = JSON.parse(body) as { results: { error?: string }[] };
    return results.find(({ error }) => error !== undefined)?.error;
  } catch {
    return `an answer that no InfluxDB gives: ${body.slice(0, 200)}`;
  }
}

/** In a predicate of the delete API. */
function quoted(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}

function cannotDelete(name: string, version: string): VisualizerError {
  return new VisualizerError(
    'DELETE_UNSUPPORTED',
    `${name} is version ${version}, and InfluxDB 3 cannot delete points: --clear-data works with 1.x and 2.x. ` +
      'Nothing was deleted. Name a fresh database with --bucket, or leave --clear-data out.',
  );
}
