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
}

export interface Progress {
  /** No more lines come; what waits is being delivered. */
  stopping(): void;
  close(): Promise<void>;
}

/** Tells who looks at the terminal, and systemd where it has asked, how a run goes. */
export async function showProgress(options: ProgressOptions): Promise<Progress> {
  const { ledger, state, terminal, environment, log } = options;
  const [rate, started] = [new Rate(), performance.now()];
  const status = (colour: boolean) => {
    const { counters } = ledger;
    const elapsedMs = performance.now() - started;
    return statusLine({ counters, state: state(), elapsedMs, rate: rate.observe(counters.read) }, colour);
  };
  const hide = terminal.show(() => status(terminal.colour));
  if (!environment.NOTIFY_SOCKET) return { stopping() {}, close: async () => hide() };

  const { Systemd } = await import('./systemd.js');
  const systemd = new Systemd({ environment, log });
  systemd.ready();
  systemd.show(() => status(false));
  return {
    stopping: () => systemd.stopping(),
    async close() {
      hide();
      await systemd.close();
    },
  };
}
