/** What the signals to this process ask for. */
import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';

export interface Signals {
  readonly stop: AbortSignal;
  readonly onReload: (listener: () => void) => void;
}

/** npm, timeout(1) and others pass on a signal that the terminal or they themselves have sent to the whole group. */
const SAME_SIGNAL_MS = 500;

/** For commands that end at once at any signal. */
export const DEAF: Signals = { stop: new AbortController().signal, onReload: () => {} };

/**
 * The first SIGINT or SIGTERM asks for an orderly end, the second one gets an end at once. SIGHUP asks for the
 * definition to be read again, unless it says that the terminal was closed.
 */
export function listenToSignals(endProcess: (exitCode: number) => void): Signals {
  const stop = new AbortController();
  // Not with nohup, which leaves neither of them on the terminal.
  const onTerminal = isatty(0) || isatty(2);
  /** Too early is not too late. */
  let asked = false;
  let reload = () => {
    asked = true;
  };
  let stoppedAt = Number.POSITIVE_INFINITY;
  const end = (number: number) => {
    if (performance.now() - stoppedAt > SAME_SIGNAL_MS) endProcess(128 + number);
    if (stop.signal.aborted) return;
    stoppedAt = performance.now();
    stop.abort();
  };
  process.on('SIGINT', () => end(2));
  process.on('SIGTERM', () => end(15));
  process.on('SIGHUP', () => (onTerminal && !hasTerminal() ? end(1) : reload()));
  return {
    stop: stop.signal,
    onReload: (listener) => {
      reload = listener;
      if (asked) listener();
    },
  };
}

/** A process whose terminal was closed has none any more (tty(4)). */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
