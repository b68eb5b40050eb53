import type { DestinationState } from './destination.js';
import type { Ledger } from './ledger.js';
import type { Log } from './log.js';
import { Rate, statusLine } from './status.js';
import type { Terminal } from './terminal.js';

export interface ProgressOptions {
  readonly ledger: Ledger;
  readonly state: () => DestinationState;
  readonly terminal: Terminal;
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly stop: AbortSignal;
}

/** Tells who looks at the terminal, and systemd where it has asked, how a run goes; until what it returns is called. */
export async function showProgress(options: ProgressOptions): Promise<() => Promise<void>> {
  const { ledger, state, terminal, environment, log, stop } = options;
  const [rate, started] = [new Rate(), performance.now()];
  const status = (colour: boolean) => {
    const { counters } = ledger;
    const elapsedMs = performance.now() - started;
    return statusLine({ counters, state: state(), elapsedMs, rate: rate.observe(counters.read) }, colour);
  };
  const hide = terminal.show(() => status(terminal.colour));
  if (!environment.NOTIFY_SOCKET) return async () => hide();

  const { Systemd } = await import('./systemd.js');
  const systemd = new Systemd({ environment, log });
  stop.addEventListener('abort', () => systemd.stopping());
  systemd.show(() => status(false));
  systemd.ready();
  return async () => {
    hide();
    await systemd.close();
  };
}
