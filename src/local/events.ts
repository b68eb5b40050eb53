/**
 * The event stream: who listens, and what each of them is told.
 *
 * A client first gets the status, then once a tick the status where it has changed, or that nothing has; new readings and
 * changes of alerts at once. One that has not taken what it was sent is told nothing more until it has; after
 * `patienceMs`, or when too many changes of alerts wait for it, it is dropped. So a client costs the run little memory
 * however slow it is, and with no client there is no timer and no work.
 */
import type { ServerResponse } from 'node:http';
import { messageOf } from '../errors.js';
import type { AlertChange, Status } from './api.js';

export interface EventLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface EventStreamOptions {
  readonly status: () => Status;
  readonly log: EventLog;
  readonly tickMs: number;
  readonly patienceMs: number;
  readonly mostClients: number;
}

interface Client {
  readonly response: ServerResponse;
  /** What it was told last. */
  told: string;
  alerts: readonly AlertChange[];
  /** Since when something waits for it to read. */
  stalledSince: number | undefined;
}

/** Not a comment, which no script of a browser would hear. */
const STILL = 'event: still\ndata: {}\n\n';
const RECONNECT = 'retry: 1000\n\n';
/** So many changes of alerts may wait for a client. */
const MOST_ALERTS = 1_000;

export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #clients = new Set<Client>();
  #timer: NodeJS.Timeout | undefined;
  #refreshedAt = Number.NEGATIVE_INFINITY;

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  get isFull(): boolean {
    return this.#clients.size >= this.#options.mostClients;
  }

  /** Takes over a response whose headers are set but not sent. */
  join(response: ServerResponse): void {
    const status = this.#options.status();
    const client: Client = { response, told: contentOf(status), alerts: [], stalledSince: undefined };
    response.on('close', () => this.#leave(client));
    response.write(RECONNECT + event('status', status));
    this.#clients.add(client);
    this.#timer ??= setInterval(() => this.#tick(), this.#options.tickMs);
  }

  tell(changes: readonly AlertChange[]): void {
    for (const client of this.#clients) {
      client.alerts = [...client.alerts, ...changes];
      if (client.alerts.length > MOST_ALERTS) this.#drop(client);
      else if (this.#hasRead(client)) this.#tellAlerts(client);
    }
  }

  /** Begins the next tick now, but not sooner than half a tick after it did so before. */
  refresh(): void {
    const now = performance.now();
    if (this.#timer === undefined || now - this.#refreshedAt < this.#options.tickMs / 2) return;
    this.#refreshedAt = now;
    this.#timer.refresh();
    this.#tick();
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
      const ready = [...this.#clients].filter((client) => this.#hasRead(client));
      if (ready.length > 0) this.#tellStatus(ready);
    } catch (thrown) {
      this.#options.log.error({ error: messageOf(thrown) }, 'live page: an update could not be made');
    }
  }

  #tellStatus(clients: readonly Client[]): void {
    const status = this.#options.status();
    const content = contentOf(status);
    const text = event('status', status);
    for (const client of clients) {
      this.#tellAlerts(client);
      client.response.write(client.told === content ? STILL : text);
      client.told = content;
    }
  }

  #tellAlerts(client: Client): void {
    for (const change of client.alerts) client.response.write(event('alert', change));
    client.alerts = [];
  }

  #hasRead(client: Client): boolean {
    if (client.response.writableLength === 0) {
      client.stalledSince = undefined;
      return true;
    }
    client.stalledSince ??= performance.now();
    if (performance.now() - client.stalledSince >= this.#options.patienceMs) this.#drop(client);
    return false;
  }

  #drop(client: Client): void {
    this.#options.log.warn({}, 'live page: dropped a browser that does not read what it is sent');
    this.#leave(client);
    client.response.destroy();
  }
}

/** Without the clock, which always changes. */
function contentOf(status: Status): string {
  return JSON.stringify({ ...status, now: 0 });
}

function event(name: 'status' | 'alert', data: Status | AlertChange): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
