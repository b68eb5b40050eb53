import { once } from 'node:events';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import type { Definition } from '../definition.js';
import { readDefinition } from '../definition-file.js';
import { VisualizerError } from '../errors.js';
import { LivePage } from '../local/live-page.js';
import { pageAddressOf } from '../local/page-address.js';
import { environments } from '../local/store-data.js';
import type { Log } from '../log.js';
import { defaultStateDir, definitionFileOf } from '../resolve-settings.js';
import { BUNDLED, type Settings } from '../settings.js';
import { holderOf, stateDirectory } from '../state-directory.js';
import { readAlertChanges } from '../store/alert-changes.js';
import { Store } from '../store/duckdb.js';
import type { StoreRows } from '../store/reader.js';
import { storedMetrics } from './stored-metrics.js';

export interface ViewContext {
  readonly settings: Pick<Settings, 'sensor' | 'stateDir' | 'pagePort'> & ViewSettings;
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly output: Writable;
  /** Ends the view. */
  readonly stop: AbortSignal;
}

interface ViewSettings {
  /** Whose readings are shown; those of the newest where it is not given. */
  readonly env?: string | undefined;
  readonly pageHost?: string | undefined;
  readonly pageNames?: readonly string[] | undefined;
  readonly pageToken?: string | undefined;
}

/**
 * Serves the page over what is stored, until it is stopped; nothing is changed. The page's address goes to stdout.
 * @throws VisualizerError STATE_UNUSABLE where there is no store, ALREADY_RUNNING while a run holds it,
 *   BAD_DEFINITION where the store has nothing of the definition, BAD_SETTING where the page cannot be served
 */
export async function viewStore(context: ViewContext): Promise<void> {
  const { settings, environment, log, output, stop } = context;
  const definition = readDefinition(definitionFileOf(settings));
  const { store: file } = stateDirectory(settings.stateDir ?? defaultStateDir(definition.name, environment));
  const store = await openStore(file);
  const reader = await store.reader();
  const rows: StoreRows = (sql, signal) => reader.query(sql, signal);
  try {
    const stored = await storedPart(definition, store, log);
    const env = await chooseEnv(rows, settings.env, log);
    const page = await LivePage.open({
      host: settings.pageHost ?? '127.0.0.1',
      port: settings.pagePort,
      names: settings.pageNames,
      pageToken: settings.pageToken,
      definition: stored,
      env,
      destination: `embedded store ${file}`,
      rows,
      retentionMs: 0,
      alerts: { states: () => [], changes: (from, to) => readAlertChanges(rows, env, from, to) },
      log,
      assets: BUNDLED.page,
    });
    try {
      output.write(`${page.url}\n`);
      log.info('The page shows what is stored; nothing is being recorded. Stop with Ctrl-C');
      if (!stop.aborted) await once(stop, 'abort');
    } finally {
      await page.close();
    }
  } finally {
    await reader.close();
    store.close();
  }
}

/** A run that holds the store has a page of its own. */
async function openStore(file: string): Promise<Store> {
  try {
    return await Store.openReadOnly(file);
  } catch (error) {
    if (!(error instanceof VisualizerError) || error.code !== 'ALREADY_RUNNING') throw error;
    const directory = dirname(file);
    const pid = holderOf(directory)?.pid;
    const url = pid === undefined ? undefined : pageAddressOf(pid, directory);
    const where = url === undefined ? '' : ` Or look at the page of that run: ${url}`;
    throw new VisualizerError('ALREADY_RUNNING', `${error.message}${where}`, { cause: error });
  }
}

/** What of a definition the store can answer. */
async function storedPart(definition: Definition, store: Store, log: Log): Promise<Definition> {
  const metrics = storedMetrics(definition, await store.metricColumns());
  const missing = definition.metrics.filter((metric) => !metrics.includes(metric)).map(({ name }) => name);
  if (missing.length > 0) log.warn({ missing }, 'The store does not hold all metrics of the definition');
  const alerts = definition.alerts.filter(({ query }) => !missing.includes(query.of));
  return { ...definition, metrics, alerts };
}

async function chooseEnv(rows: StoreRows, wanted: string | undefined, log: Log): Promise<string> {
  const all = (await environments(rows)).map(({ env }) => env);
  const env = wanted !== undefined && all.includes(wanted) ? wanted : (all[0] ?? wanted ?? 'dev');
  const others = all.filter((each) => each !== env);
  if (others.length > 0)
    log.info({ others }, `Readings of the environment ${env} are shown; there are others`);
  return env;
}
