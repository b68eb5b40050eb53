import type { DuckDBConnection } from '@duckdb/node-api';

/**
 * Asks the store; the answer is of no use to anybody once `signal` is aborted. A question without a signal is one of
 * the run's own, such as those of its alerts: it goes before those of people.
 */
export type StoreRows = (sql: string, signal?: AbortSignal) => Promise<unknown[][]>;

/** More at a time would only wait for each other: DuckDB has two threads. */
export const LANES = 2;
/** So many questions of people may wait; who asks more of them gets no answer. */
const MOST_WAITING = 500;

/** No answer now, but perhaps soon: too many questions wait, or the store is being opened anew. */
export class UnavailableError extends Error {}

/**
 * Asks the store while it is being written: on connections of its own, so that the writer never waits for an
 * answer. A question sees all that was committed when its turn came.
 */
export class StoreReader {
  readonly #connections: readonly DuckDBConnection[];
  readonly #idle: DuckDBConnection[];
  readonly #waitingFirst: Waiting[] = [];
  readonly #waiting: Waiting[] = [];
  readonly #running = new Set<Running>();
  #closed = false;

  constructor(connections: readonly DuckDBConnection[]) {
    this.#connections = connections;
    this.#idle = [...connections];
  }

  /** @throws UnavailableError; the signal's reason where it is aborted */
  async query(sql: string, signal?: AbortSignal): Promise<unknown[][]> {
    const connection = await this.#turn(signal);
    try {
      if (this.#closed) throw closed();
      signal?.throwIfAborted();
      return await this.#run(connection, sql, signal);
    } finally {
      this.#pass(connection);
    }
  }

  /** Ends every question; to be awaited before the store is closed. */
  async close(): Promise<void> {
    this.#closed = true;
    const waiting = [...this.#waitingFirst.splice(0), ...this.#waiting.splice(0)];
    for (const { refuse } of waiting) refuse(closed());
    for (const running of this.#running) interrupt(running);
    await Promise.allSettled([...this.#running].map(({ answer }) => answer));
    for (const connection of this.#connections) connection.closeSync();
  }

  async #run(connection: DuckDBConnection, sql: string, signal?: AbortSignal): Promise<unknown[][]> {
    const answer = connection.runAndReadAll(sql);
    const running = { connection, answer };
    this.#running.add(running);
    const end = () => interrupt(running);
    signal?.addEventListener('abort', end, { once: true });
    try {
      return (await answer).getRows();
    } catch (error) {
      signal?.throwIfAborted();
      throw this.#closed ? closed() : error;
    } finally {
      this.#running.delete(running);
      signal?.removeEventListener('abort', end);
    }
  }

  async #turn(signal: AbortSignal | undefined): Promise<DuckDBConnection> {
    signal?.throwIfAborted();
    if (this.#closed) throw closed();
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (signal === undefined) {
      return new Promise((take, refuse) => this.#waitingFirst.push({ take, refuse }));
    }
    if (this.#waiting.length >= MOST_WAITING) {
      throw new UnavailableError('too many questions wait for the store');
    }
    let leave = () => {};
    const turn = new Promise<DuckDBConnection>((take, refuse) => {
      const waiting = { take, refuse };
      leave = () => this.#leave(waiting, signal);
      this.#waiting.push(waiting);
    });
    signal.addEventListener('abort', leave, { once: true });
    return turn.finally(() => signal.removeEventListener('abort', leave));
  }

  #leave(waiting: Waiting, { reason }: AbortSignal): void {
    const place = this.#waiting.indexOf(waiting);
    if (place === -1) return;
    this.#waiting.splice(place, 1);
    waiting.refuse(reason);
  }

  #pass(connection: DuckDBConnection): void {
    const next = this.#waitingFirst.shift() ?? this.#waiting.shift();
    if (next === undefined) this.#idle.push(connection);
    else next.take(connection);
  }
}

interface Running {
  readonly connection: DuckDBConnection;
  readonly answer: Promise<unknown>;
}

const AGAIN_MS = 20;

/** Again and again until it has ended: DuckDB forgets an interrupt that comes before it has begun with the question. */
function interrupt({ connection, answer }: Running): void {
  connection.interrupt();
  const again = setInterval(() => connection.interrupt(), AGAIN_MS);
  const stop = () => clearInterval(again);
  answer.then(stop, stop);
}

interface Waiting {
  readonly take: (connection: DuckDBConnection) => void;
  readonly refuse: (reason: unknown) => void;
}

function closed(): Error {
  return new UnavailableError('the store is closed');
}
