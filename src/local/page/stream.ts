/**
 * The connection to the run. EventSource reconnects by itself, except where it gave up for good, and where it waits
 * for a server that hangs or is cut off without a word: the run says something every second, so silence is a loss.
 *
 * Who cannot be seen does not listen: browsers open six connections to a server at a time, for all of their tabs, and
 * with a stream in each of six no question would get through any more.
 */
import type { AlertChange, Status } from '../api.js';
import { ask, type Refusal } from './ask.js';

export interface Listener {
  /** At the start, when something changed, and after each reconnection, then perhaps of another run. */
  status(status: Status): void;
  alert(change: AlertChange): void;
  /** `refusal` is what the server said, where it is there but will not have us. */
  lost(refusal?: Refusal): void;
}

const REOPEN_MS = 2_000;
const WATCH_MS = 1_000;
const SILENCE_MS = 10_000;

export class Stream {
  readonly #listener: Listener;
  #source: EventSource | undefined;
  /** By performance.now. */
  #heardAt = 0;
  #reopening: ReturnType<typeof setTimeout> | undefined;

  constructor(listener: Listener) {
    this.#listener = listener;
    if (!document.hidden) this.#open();
    document.addEventListener('visibilitychange', () => (document.hidden ? this.#close() : this.#open()));
    setInterval(() => this.#watch(), WATCH_MS);
  }

  #open(): void {
    this.#close();
    this.#heardAt = performance.now();
    const source = new EventSource('/events');
    const listen = (name: string, take: (data: string) => void) =>
      source.addEventListener(name, ({ data }) => {
        this.#heardAt = performance.now();
        take(data);
      });
    listen('status', (data) => this.#listener.status(JSON.parse(data)));
    listen('alert', (data) => this.#listener.alert(JSON.parse(data)));
    listen('still', () => {});
    source.addEventListener('error', () => this.#fail(source));
    this.#source = source;
  }

  #close(): void {
    clearTimeout(this.#reopening);
    this.#source?.close();
    this.#source = undefined;
  }

  #fail(source: EventSource): void {
    if (source.readyState !== EventSource.CLOSED) {
      this.#listener.lost();
      return;
    }
    this.#reopen();
    // An event stream does not tell why it was refused; this does.
    ask<Status>('/api/status').catch((refusal: Refusal) => {
      if (refusal.status && this.#source?.readyState !== EventSource.OPEN) this.#listener.lost(refusal);
    });
  }

  #watch(): void {
    if (this.#source && performance.now() - this.#heardAt > SILENCE_MS) this.#reopen();
  }

  #reopen(): void {
    this.#close();
    this.#listener.lost();
    this.#reopening = setTimeout(() => this.#open(), REOPEN_MS);
  }
}
