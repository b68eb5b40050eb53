/**
 * The event stream: who listens, and what each of them is told.
 *
 * A client first gets everything (`snapshot`), then once a tick what changed since what it got last (`change`), or
 * a comment when nothing did. At most one event is on its way to a client: one that has not taken it by the next
 * tick is told nothing, and later everything since at once; after `patienceMs` it is dropped. So a client costs the
 * run one event of memory, however slow it is, and with no client there is no timer and no work.
 */
import type { ServerResponse } from 'node:http';
import { messageOf } from '../errors.js';
import type { Recent } from './recent.js';
import type { About, Change, Counters, Snapshot } from './wire.js';

export interface EventLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface EventStreamOptions {
  readonly about: About;
  readonly recent: Recent;
  readonly counters: () => Counters;
  readonly now: () => number;
  readonly tickMs: number;
  readonly patienceMs: number;
  readonly log: EventLog;
}

interface Client {
  readonly response: ServerResponse;
  /** What it was told last. */
  revision: number;
  counters: string;
  /** Since when an event waits for it to read. */
  stalledSince: number | undefined;
}

const KEEP_ALIVE = ': keep-alive\n\n';
const RECONNECT = 'retry: 1000\n\n';

export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #clients = new Set<Client>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  snapshot(): Snapshot {
    const { about, recent, counters, now } = this.#options;
    const time = now();
    return { about, now: time, counters: counters(), recent: recent.snapshot(time) };
  }

  /** Takes over a response whose headers are set but not sent. */
  join(response: ServerResponse): void {
    const snapshot = this.snapshot();
    const client: Client = {
      response,
      revision: snapshot.recent.revision,
      counters: JSON.stringify(snapshot.counters),
      stalledSince: undefined,
    };
    response.on('close', () => this.#leave(client));
    response.write(RECONNECT + event('snapshot', snapshot));
    this.#clients.add(client);
    this.#timer ??= setInterval(() => this.#tick(), this.#options.tickMs);
  }

  close(): void {
    for (const client of this.#clients) client.response.end();
  }

  #leave(client: Client): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    try {
      this.#tellAll();
    } catch (thrown) {
      this.#options.log.error({ error: messageOf(thrown) }, 'live page: an update could not be made');
    }
  }

  #tellAll(): void {
    const ready = [...this.#clients].filter((client) => this.#hasRead(client));
    if (ready.length === 0) return;
    const { recent, now } = this.#options;
    const counters = this.#options.counters();
    const countersText = JSON.stringify(counters);
    const events = new Map<number, string>();
    for (const client of ready) {
      if (client.revision === recent.revision && client.counters === countersText) {
        client.response.write(KEEP_ALIVE);
        continue;
      }
      let change = events.get(client.revision);
      if (change === undefined) {
        const time = now();
        change = event('change', { now: time, counters, recent: recent.since(client.revision, time) });
        events.set(client.revision, change);
      }
      client.revision = recent.revision;
      client.counters = countersText;
      client.response.write(change);
    }
  }

  #hasRead(client: Client): boolean {
    if (client.response.writableLength === 0) {
      client.stalledSince = undefined;
      return true;
    }
    const { patienceMs, log } = this.#options;
    client.stalledSince ??= performance.now();
    if (performance.now() - client.stalledSince >= patienceMs) {
      log.warn({ patienceMs }, 'live page: dropped a browser that does not read what it is sent');
      client.response.destroy();
    }
    return false;
  }
}

function event(name: 'snapshot' | 'change', data: Snapshot | Change): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
