import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { Definition, Metric } from '../definition.js';
import { readDefinition } from '../definition-file.js';
import { VisualizerError } from '../errors.js';
import { LineProtocol } from '../influx/line-protocol.js';
import type { Log } from '../log.js';
import type { Point, Reading } from '../reading.js';
import { packReadings } from '../readings-builder.js';
import { defaultStateDir, definitionFileOf } from '../resolve-settings.js';
import type { Settings } from '../settings.js';
import { stateDirectory } from '../state-directory.js';
import { Store } from '../store/duckdb.js';
import { type StoredReading, storedPoints, storedReadings, type TimeRange } from '../store/readings.js';
import { storedMetrics } from './stored-metrics.js';

export interface ExportContext {
  readonly settings: Settings;
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly output: Writable;
}

type Columns = readonly Pick<Metric, 'name' | 'type'>[];

/**
 * Prints what the embedded store holds.
 * @throws VisualizerError BAD_SETTING where no time is asked for, STATE_UNUSABLE where there is no store, ALREADY_RUNNING
 *   while a run holds it, BAD_DEFINITION where line protocol would name the sensor of another definition
 */
export async function exportStore({ settings, environment, log, output }: ExportContext): Promise<void> {
  refuseEmptyRange(settings);
  const definition = readDefinition(definitionFileOf(settings));
  const path = settings.stateDir ?? defaultStateDir(definition.name, environment);
  const store = await Store.openExisting(stateDirectory(path).store, log);
  try {
    const columns = await store.metricColumns();
    // Refused before anything is printed: the readings would be said to be another sensor's.
    if (settings.format === 'lp') storedMetrics(definition, columns);
    const texts =
      settings.format === 'csv'
        ? csv(store, columns, settings)
        : lineProtocol(store, columns, settings, definition);
    for await (const text of texts) {
      if (!output.write(text)) await once(output, 'drain');
    }
  } finally {
    store.close();
  }
}

function refuseEmptyRange({ from, to }: TimeRange): void {
  if (from === undefined || to === undefined || from < to) return;
  const text = '--from and --to: nothing lies between them, as --from is not before --to; swap them.';
  throw new VisualizerError('BAD_SETTING', text);
}

/** The readings, a header first. By RFC 4180, but for lines that end with LF as Unix tools expect. */
async function* csv(store: Store, columns: Columns, range: TimeRange): AsyncGenerator<string> {
  yield `${['time', 'env', 'defect', ...columns.map(({ name }) => name)].join(',')}\n`;
  for await (const readings of storedReadings(store, columns, range)) {
    yield readings.map((reading) => `${csvRow(reading)}\n`).join('');
  }
}

function csvRow({ timestamp, env, defect, values }: StoredReading): string {
  return [rfc3339(timestamp), csvText(env), defect, ...values.map((value) => value ?? '')].join(',');
}

function csvText(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** With all nine digits of the second. */
function rfc3339(timestamp: bigint): string {
  const seconds = new Date(Number(timestamp / 1_000_000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(timestamp % 1_000_000_000n).padStart(9, '0')}Z`;
}

/** The readings and the runner's points, ready to be written to an InfluxDB. */
async function* lineProtocol(
  store: Store,
  metrics: Columns,
  range: TimeRange,
  definition: Definition,
): AsyncGenerator<string> {
  const encoders = new Map<string, LineProtocol>();
  const encode = (env: string, readings: readonly Reading[], points: readonly Point[]): string => {
    const encoder = encoders.get(env) ?? new LineProtocol({ ...definition, metrics }, env);
    encoders.set(env, encoder);
    return encoder.encode({ readings: packReadings(metrics, readings), points }).toString('utf8');
  };
  for await (const block of storedReadings(store, metrics, range)) {
    for (const { env, rows } of byEnv(block)) yield encode(env, rows, []);
  }
  for await (const block of storedPoints(store, range)) {
    for (const { env, rows } of byEnv(block)) yield encode(env, [], rows);
  }
}

/** Stretches of the same environment: the order stays. */
function byEnv<T extends { readonly env: string }>(rows: readonly T[]): { env: string; rows: T[] }[] {
  const stretches: { env: string; rows: T[] }[] = [];
  for (const row of rows) {
    if (stretches.at(-1)?.env === row.env) stretches.at(-1)?.rows.push(row);
    else stretches.push({ env: row.env, rows: [row] });
  }
  return stretches;
}
