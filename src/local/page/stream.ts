/** The connection to the run: EventSource reconnects by itself, except where it gave up for good. */
import type { Change, Snapshot } from '../wire.js';

export interface Listener {
  /** Everything anew: at the start and after each reconnection, then perhaps from another run. */
  snapshot(snapshot: Snapshot): void;
  change(change: Change): void;
  lost(): void;
}

const REOPEN_MS = 2_000;

export function follow(listener: Listener): void {
  const source = new EventSource('/events');
  source.addEventListener('snapshot', (event) => listener.snapshot(JSON.parse(event.data)));
  source.addEventListener('change', (event) => listener.change(JSON.parse(event.data)));
  source.addEventListener('error', () => {
    listener.lost();
    if (source.readyState === EventSource.CLOSED) setTimeout(() => follow(listener), REOPEN_MS);
  });
}
