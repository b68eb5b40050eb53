import { once } from 'node:events';
import { createServer } from 'node:http';
import { systemCodeOf, VisualizerError } from '../errors.js';
import { refuseOpenDoor } from '../local/live-page.js';
import { pageAddressOf } from '../local/page-address.js';
import { listen, whyNotListening } from '../local/server.js';
import { holderOf } from '../state-directory.js';
import { type Finding, fail, ok } from './finding.js';

export interface PageCheckOptions {
  readonly host: string;
  readonly port: number;
  readonly pageToken: string | undefined;
  /** Where a run that serves the page already would have left its address. */
  readonly stateDir: string | undefined;
}

/** Whether the page could be served where it is to be. */
export async function checkPage(options: PageCheckOptions): Promise<Finding> {
  const { host, port } = options;
  const refuse = (reason: string, remedy: string) => fail('page', 'BAD_SETTING', reason, remedy);
  const served = servedByRun(options);
  if (served !== undefined) return ok('page', served);
  try {
    refuseOpenDoor(options);
  } catch (error) {
    if (!(error instanceof VisualizerError)) throw error;
    return refuse(error.message, 'export PAGE_TOKEN="$(openssl rand -hex 16)", or leave --page-host out');
  }
  const probe = createServer();
  try {
    await listen(probe, host, port);
  } catch (error) {
    const { cause } = error as VisualizerError;
    const remedy = REMEDIES[systemCodeOf(cause) ?? ''] ?? 'name another address with --page-host';
    const reason = `${host}, port ${port}: ${whyNotListening(host, cause)}`;
    return refuse(reason, remedy.replace('PORT', String(port)));
  }
  probe.close();
  await once(probe, 'close');
  return ok('page', port === 0 ? `any free port at ${host} will do` : `port ${port} at ${host} is free`);
}

const REMEDIES: Readonly<Record<string, string>> = {
  EADDRINUSE:
    "see which one it is: ss -ltnp 'sport = :PORT'; or give another port with --page-port, or --no-page",
  EACCES: 'give a port from 1024 on with --page-port, or --no-page',
};

function servedByRun({ stateDir }: PageCheckOptions): string | undefined {
  const pid = stateDir === undefined ? undefined : holderOf(stateDir)?.pid;
  if (pid === undefined || stateDir === undefined) return undefined;
  const url = pageAddressOf(pid, stateDir);
  return url === undefined ? undefined : `the run, process ${pid}, serves it: ${url}`;
}
