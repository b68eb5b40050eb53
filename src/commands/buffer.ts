import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { readDefinition } from '../definition-file.js';
import { VisualizerError } from '../errors.js';
import { BufferScan, type Summary } from '../influx/buffer/scan.js';
import { DurableBuffer } from '../influx/buffer.js';
import { type RejectedSummary, readRejected } from '../influx/read-rejected.js';
import { formatBytes } from '../quantity.js';
import { defaultStateDir, definitionFileOf } from '../resolve-settings.js';
import type { Settings } from '../settings.js';
import { holderOf, lockStateDirectory, type StateDirectory, stateDirectory } from '../state-directory.js';
import type { Holder } from '../state-lock.js';

export interface BufferContext {
  readonly settings: Settings;
  readonly environment: NodeJS.ProcessEnv;
  readonly output: Writable;
}

/** Tells what waits for InfluxDB, what became of the rest, and what the server refused; works during a run. */
export async function inspect(context: BufferContext): Promise<void> {
  const { settings, output } = context;
  const state = stateOf(context);
  const report: Report = {
    state,
    holder: holderOf(state.path),
    summary: await (await BufferScan.open(state.buffer)).summary(),
    rejected: await readRejected(state.rejected),
  };
  output.write(settings.json ? `${asJson(report)}\n` : asText(report));
}

/**
 * Reads every record and checks it.
 * @throws VisualizerError BUFFER_DAMAGED naming each place where a record is rotten
 */
export async function verify(context: BufferContext): Promise<void> {
  const state = stateOf(context);
  const scan = await BufferScan.open(state.buffer);
  const { records, rotten, tailBytes } = await scan.summary();
  const damage = [
    ...(scan.cursorRotten ? ['cursor: one of its two slots, or both, cannot be read'] : []),
    ...rotten.map(
      ({ segment, offset, bytes }) => `${segment}: ${bytes} bytes at ${offset} hold no sound record`,
    ),
  ];
  if (context.settings.json) {
    context.output.write(
      `${JSON.stringify({ sound: damage.length === 0, records, tailBytes, damage }, null, 2)}\n`,
    );
  } else {
    const tail =
      tailBytes > 0 ? `; ${tailBytes} bytes at the end are unfinished, which is usual after a crash` : '';
    context.output.write(`${records} sound records${tail}\n`);
  }
  if (damage.length === 0) return;
  throw new VisualizerError(
    'BUFFER_DAMAGED',
    `The buffer in ${state.buffer} is damaged; a run skips and counts what cannot be read:\n  ${damage.join('\n  ')}`,
  );
}

/** Prints what is queued as line protocol, oldest first; works during a run. */
export async function exportQueued(context: BufferContext): Promise<void> {
  const scan = await BufferScan.open(stateOf(context).buffer);
  for await (const found of scan.records()) {
    if (found.kind !== 'record' || found.state !== 'queued') continue;
    if (!context.output.write(await found.payload())) await once(context.output, 'drain');
  }
}

/**
 * Drops what was queued before a moment.
 * @throws VisualizerError BAD_USAGE without --before, ALREADY_RUNNING while a run holds the buffer
 */
export async function drop(context: BufferContext): Promise<void> {
  const { before } = context.settings;
  if (before === undefined) {
    throw new VisualizerError(
      'BAD_USAGE',
      'buffer drop needs --before <when>: what was queued before then is dropped.',
    );
  }
  const state = stateOf(context);
  const unlock = lockStateDirectory(state.path);
  try {
    const buffer = await DurableBuffer.open(state.buffer, { maxBytes: Number.MAX_SAFE_INTEGER });
    const { lines, records } = await buffer.drop({ before });
    await buffer.close();
    context.output.write(`dropped ${lines} readings in ${records} records\n`);
  } finally {
    unlock();
  }
}

/** @throws VisualizerError STATE_UNUSABLE where there is no buffer */
function stateOf({ settings, environment }: BufferContext): StateDirectory {
  const path = settings.stateDir ?? defaultStateDir(sensorName(settings), environment);
  const state = stateDirectory(path);
  if (existsSync(state.buffer)) return state;
  throw new VisualizerError(
    'STATE_UNUSABLE',
    `There is no buffer in ${path}: only a run with --host makes one. Name another --state-dir or --sensor.`,
  );
}

function sensorName(settings: Settings): string {
  return readDefinition(definitionFileOf(settings)).name;
}

interface Report {
  readonly state: StateDirectory;
  readonly holder: Holder | undefined;
  readonly summary: Summary;
  readonly rejected: RejectedSummary;
}

function asText({ state, holder, summary, rejected }: Report): string {
  const { totals } = summary;
  const queued =
    summary.queuedRecords === 0
      ? 'nothing'
      : `${totals.queued} readings in ${summary.queuedRecords} records, from ${when(summary.oldestQueued)} to ${when(summary.newest)}`;
  const damage =
    summary.rotten.length === 0 ? 'none' : `${summary.rotten.length} places; see: visualizer buffer verify`;
  const rows = [
    ['buffer', state.buffer],
    ['held by', holder === undefined ? 'nobody' : `process ${holder.pid}, started ${holder.started}`],
    ['on disk', `${formatBytes(summary.bytes)}; segments: ${summary.segments}, records: ${summary.records}`],
    ['queued', queued],
    ['damage', damage],
    ['read', `${totals.read} lines in all`],
    ['  delivered', totals.delivered],
    ['  queued', totals.queued],
    ['  rejected', totals.rejected],
    ['  dropped', totals.dropped],
    ['set aside', rejected.lines === 0 ? 'nothing' : `${rejected.lines} lines in ${state.rejected}`],
    ...rejected.reasons.map(({ reason, lines, newest }) => ['', `${lines} lines, last ${newest}: ${reason}`]),
  ];
  return rows.map(([name, value]) => `${String(name).padEnd(12)}${value}\n`).join('');
}

function asJson({ state, holder, summary, rejected }: Report): string {
  const { oldestQueued, newest } = summary;
  const times = { oldestQueued: isoOf(oldestQueued), newest: isoOf(newest) };
  return JSON.stringify({ path: state.path, holder, ...summary, ...times, setAside: rejected }, null, 2);
}

function when(time: bigint | undefined): string {
  return isoOf(time) ?? 'an unknown time';
}

function isoOf(time: bigint | undefined): string | undefined {
  return time === undefined ? undefined : new Date(Number(time / 1_000_000n)).toISOString();
}
