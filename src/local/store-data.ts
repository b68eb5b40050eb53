import type { Definition, Metric } from '../definition.js';
import { messageOf } from '../errors.js';
import { askHistogram, askValue } from '../queries/answers.js';
import { ask, histogramEdges, values } from '../queries/query.js';
import type { Batch, Value } from '../reading.js';
import type { StoreRows } from '../store/reader.js';
import type { Histogram } from './api.js';
import { BucketMemory } from './bucket-memory.js';
import type { Data, RandomMetric, SeriesAnswer, SeriesQuestion } from './data.js';
import { Latest, LINES } from './latest.js';
import { storeSeries } from './store-series.js';

/** Retention deletes every few minutes. */
const OLDEST_STANDS_MS = 60_000;
const HOUR_MS = 3_600_000;

interface DataLog {
  warn(fields: object, message: string): void;
}

/** The embedded store, of one environment. */
export class StoreData implements Data {
  readonly #rows: StoreRows;
  readonly #definition: Definition;
  readonly #env: string;
  readonly #latest: Latest;
  readonly #memory: BucketMemory;
  /** What is held in memory while the disk takes nothing is not stored yet. */
  #storedUntil: number | null = null;
  #oldest: number | null = null;
  #oldestAskedAt = 0;

  private constructor(rows: StoreRows, definition: Definition, env: string) {
    this.#rows = rows;
    this.#definition = definition;
    this.#env = env;
    this.#latest = new Latest(definition.metrics.length);
    this.#memory = new BucketMemory(rows, env, () => this.#storedUntil);
  }

  /** Never fails: a store that cannot be read just now keeps no run from going on. */
  static async open(rows: StoreRows, definition: Definition, env: string, log: DataLog): Promise<StoreData> {
    const data = new StoreData(rows, definition, env);
    await data.#recall().catch((error: unknown) => {
      log.warn({ cause: messageOf(error) }, 'The page cannot tell yet what was stored before');
    });
    return data;
  }

  get newest(): number | null {
    return this.#latest.newest;
  }

  get oldest(): number | null {
    const age = performance.now() - this.#oldestAskedAt;
    if (age > OLDEST_STANDS_MS) void this.#askOldest().catch(() => {}); // The next time then.
    return this.#oldest;
  }

  get latest(): readonly (string | null)[] {
    return this.#latest.values;
  }

  get distanceMs(): number {
    return this.#latest.distanceMs;
  }

  add({ readings }: Pick<Batch, 'readings'>, isStored: boolean): void {
    this.#latest.add(readings);
    if (isStored) this.#storedUntil = this.newest;
    if (readings.length > 0) this.#oldest ??= this.newest;
  }

  series(question: SeriesQuestion, signal: AbortSignal): Promise<SeriesAnswer> {
    return storeSeries(this.#memory, this.#definition, question, signal);
  }

  async histogram(
    { name, type, range }: RandomMetric,
    from: number,
    to: number,
    signal: AbortSignal,
  ): Promise<Histogram> {
    const question = ask(values({ name, type }), []);
    const scope = { env: this.#env, time: { fromMs: from, toMs: to } };
    const [answer] = await askHistogram((sql) => this.#rows(sql, signal), question, range, scope);
    if (answer !== undefined) {
      const { edges, counts, below, above } = answer;
      return { metric: name, edges, counts, below, above };
    }
    const edges = histogramEdges({ range });
    return { metric: name, edges, counts: edges.slice(1).map(() => 0), below: 0, above: 0 };
  }

  async #recall(): Promise<void> {
    this.#oldestAskedAt = performance.now();
    const own = (await environments(this.#rows)).find(({ env }) => env === this.#env);
    if (own === undefined) return;
    this.#oldest = Number(own.oldest / 1_000_000n);
    const sql = `SELECT env, epoch_ns(time) AS ns FROM readings ORDER BY ns DESC LIMIT ${LINES}`;
    const newest = (await this.#rows(sql)).flatMap(([env, ns]) => (env === this.#env ? [ns as bigint] : []));
    const values = this.#definition.metrics.map((metric) => this.#lastValue(metric, own.newest));
    this.#latest.recall(newest.length > 0 ? newest.reverse() : [own.newest], await Promise.all(values));
    this.#storedUntil = this.newest;
  }

  /** Looks at the last hour first, since all of a long history takes its time. */
  async #lastValue(metric: Metric, newest: bigint): Promise<Value | null> {
    const toMs = Number(newest / 1_000_000n) + 1;
    for (const fromMs of [Math.max(0, toMs - HOUR_MS), 0]) {
      const scope = { env: this.#env, time: { fromMs, toMs } };
      const [answer] = await askValue(this.#rows, ask(values(metric), ['last']), scope);
      if (answer?.values.last !== undefined) return answer.values.last;
    }
    return null;
  }

  async #askOldest(): Promise<void> {
    this.#oldestAskedAt = performance.now();
    const oldest = (await environments(this.#rows)).find(({ env }) => env === this.#env)?.oldest;
    this.#oldest = oldest === undefined ? null : Number(oldest / 1_000_000n);
  }
}

export interface Environment {
  readonly env: string;
  /** Of its readings, in ns. */
  readonly oldest: bigint;
  readonly newest: bigint;
}

/** All that the store has readings of, the newest first. */
export async function environments(rows: StoreRows): Promise<Environment[]> {
  const found = await rows(
    'SELECT env, epoch_ns(min(time)), epoch_ns(max(time)) AS newest FROM readings GROUP BY env ORDER BY newest DESC',
  );
  return found.map(([env, oldest, newest]) => ({
    env: env as string,
    oldest: oldest as bigint,
    newest: newest as bigint,
  }));
}
