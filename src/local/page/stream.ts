/** The connection to the run: EventSource reconnects by itself, except where it gave up for good. */
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

export function follow(listener: Listener): void {
  const source = new EventSource('/events');
  source.addEventListener('status', (event) => listener.status(JSON.parse(event.data)));
  source.addEventListener('alert', (event) => listener.alert(JSON.parse(event.data)));
  source.addEventListener('error', () => {
    listener.lost();
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(() => follow(listener), REOPEN_MS);
    // An event stream does not tell why it was refused; this does.
    ask<Status>('/api/status').catch((refusal: Refusal) => refusal.status && listener.lost(refusal));
  });
}
