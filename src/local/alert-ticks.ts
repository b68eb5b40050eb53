import { setTimeout as delay } from 'node:timers/promises';

/**
 * Each multiple of `everyMs` once `now` has come to it, until the signal is aborted. One that comes while nobody
 * asks is left out, of those that come while the machine sleeps all but the newest. The clock may be set at any moment,
 * and may go slower than the timers, which may be early; a small step back is waited for, from a larger one it goes
 * on from there.
 */
export async function* multiples(
  everyMs: number,
  now: () => number,
  signal: AbortSignal,
): AsyncGenerator<number> {
  let current = Math.floor(now() / everyMs);
  while (!signal.aborted) {
    const rest = everyMs - (now() % everyMs);
    await delay(rest, undefined, { signal }).catch(() => {}); // It rejects only when it is aborted.
    const reached = Math.floor(now() / everyMs);
    if (signal.aborted || reached === current || reached === current - 1) continue;
    current = reached;
    yield current * everyMs;
    current = Math.max(current, Math.floor(now() / everyMs));
  }
}
