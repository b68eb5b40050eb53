import type { Writable } from 'node:stream';
import type { Definition } from './definition.js';
import type { Destination } from './destination.js';
import { VisualizerError } from './errors.js';
import { LineProtocol } from './influx/line-protocol.js';
import type { Link } from './influx/link.js';
import type { Tls } from './influx/server.js';
import type { Ledger } from './ledger.js';
import { isLoopback } from './local/host-names.js';
import type { Log } from './log.js';
import type { Settings } from './settings.js';
import type { StateDirectory } from './state-directory.js';

/** Which destination the settings ask for, and what it is made of. */
export interface Recording {
  readonly settings: Settings;
  readonly definition: Definition;
  readonly ledger: Ledger;
  readonly log: Log;
  /** Absent for `--dry-run`, which leaves no trace but what it prints to `output`. */
  readonly state: StateDirectory | undefined;
  readonly output: Writable;
  readonly stop: AbortSignal;
}

/** @throws VisualizerError BAD_SETTING where each setting is right, but not with the others */
export function refuseContradictions({ host, useUdp, clearData, tls, ca }: Settings): void {
  if (tls && (host === undefined || useUdp)) {
    const text = '--tls is about HTTP to an InfluxDB: it needs --host, and goes without --use-udp.';
    throw new VisualizerError('BAD_SETTING', text);
  }
  if (ca !== undefined && !tls) {
    throw new VisualizerError('BAD_SETTING', '--ca says nothing without --tls: add it, or leave both out.');
  }
  if (useUdp && host === undefined) {
    throw new VisualizerError('BAD_SETTING', '--use-udp needs to know where to: add --host.');
  }
  if (useUdp && clearData) {
    const text = 'UDP has no way to delete: use --clear-data without --use-udp, with the port for HTTP.';
    throw new VisualizerError('BAD_SETTING', text);
  }
}

/** Deletes what the sensor has written so far: `--clear-data`. False where that is not wanted after all. */
export async function clearDestination({
  settings,
  definition,
  state,
  log,
  stop,
}: Recording): Promise<boolean> {
  if (state === undefined) return true;
  const { clearData } = await import('./clear-data.js');
  const { host, yes } = settings;
  const influx = host === undefined ? undefined : await serverOf(settings, host);
  return clearData({ definition, state, influx, yes, log, stop });
}

/** Each destination is loaded only where it is used: DuckDB alone weighs more than all the rest. */
export async function chooseDestination(run: Recording): Promise<Destination> {
  const { settings, definition, ledger, log, output, state } = run;
  const { env, host } = settings;
  if (state === undefined) {
    const { dryRun } = await import('./dry-run.js');
    return dryRun(output, new LineProtocol(definition, env), ledger);
  }
  if (host === undefined) {
    if (settings.port !== undefined)
      log.warn('A port without --host says nothing: the embedded store is used');
    const { EmbeddedDestination } = await import('./store/embedded.js');
    return EmbeddedDestination.open({
      file: state.store,
      definition,
      env,
      retentionMs: settings.retention,
      ledger,
      log,
    });
  }
  const { InfluxDestination } = await import('./influx/destination.js');
  return InfluxDestination.open({
    link: await openLink(settings, host),
    state,
    lineProtocol: new LineProtocol(definition, env),
    ledger,
    log,
    bufferMaxBytes: settings.bufferMax,
    bufferMaxAgeMs: settings.bufferMaxAge,
    drainTimeoutMs: settings.drainTimeout,
  });
}

async function openLink(settings: Settings, host: string): Promise<Link> {
  if (settings.useUdp) {
    const { UdpLink } = await import('./influx/udp.js');
    return new UdpLink({ host, port: portOf(settings), payloadBytes: settings.udpPayload });
  }
  const { HttpLink } = await import('./influx/http.js');
  return new HttpLink({
    ...(await serverOf(settings, host)),
    timeoutMs: settings.writeTimeout,
    gzip: settings.gzip && !isLoopback(host),
  });
}

/** @throws VisualizerError BAD_SETTING where the file of `--ca` is of no use */
export async function serverOf(settings: Settings, host: string) {
  return { ...settings, host, port: portOf(settings), tls: await tlsOf(settings) };
}

async function tlsOf({ tls, ca }: Settings): Promise<Tls | undefined> {
  if (!tls) return undefined;
  const { readAuthorities } = await import('./influx/authorities.js');
  return { authorities: ca === undefined ? undefined : readAuthorities(ca) };
}

/** Where the server is looked for. */
export function portOf({ port, useUdp }: Pick<Settings, 'port' | 'useUdp'>): number {
  return port ?? (useUdp ? 8089 : 8086);
}
