import { existsSync, mkdtempSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors.js';
import { BufferScan } from '../influx/buffer/scan.js';
import { formatBytes } from '../quantity.js';
import { holderOf, type StateDirectory } from '../state-directory.js';
import { type Finding, fail, ok, warn } from './finding.js';

export interface DiskOptions {
  /** Absent without --host: then nothing is buffered. */
  readonly host: string | undefined;
  /** What the buffer may take. */
  readonly bufferMax: number;
}

/** Less than both is nearly full. */
const LITTLE_BYTES = 1024 ** 3;
const LITTLE_SHARE = 0.05;
/** A large backlog is not read to its end. */
const READ_MS = 3_000;

/** Whether a run could write to the state directory, which is neither made nor locked for that. */
export function checkStateDirectory({ path }: StateDirectory): Finding {
  try {
    const there = existingPart(path);
    if (!statSync(there).isDirectory()) throw new Error(`${there} is no directory`);
    const probe = mkdtempSync(join(there, '.visualizer-check-'));
    try {
      writeFileSync(join(probe, 'probe'), 'visualizer check\n');
    } finally {
      rmSync(probe, { recursive: true, force: true });
    }
  } catch (error) {
    return fail(
      'state',
      'STATE_UNUSABLE',
      `${path} cannot be written to: ${messageOf(error)}`,
      `let this user write there, or name another directory with --state-dir`,
    );
  }
  const holder = holderOf(path);
  if (holder !== undefined) return ok('state', `${path}, held by a run: process ${holder.pid}`);
  return ok('state', existsSync(path) ? `${path} can be written to` : `${path} can be made`);
}

/** Whether there is room for what is to come. */
export async function checkDisk({ path, buffer }: StateDirectory, options: DiskOptions): Promise<Finding> {
  const { bavail, blocks, bsize } = statfsSync(existingPart(path));
  const [free, size] = [bavail * bsize, blocks * bsize];
  const left = `${formatBytes(free)} of ${formatBytes(size)} free`;
  if (free < LITTLE_BYTES && free < size * LITTLE_SHARE) {
    const remedy = `make room, see what takes it with: du -xh ${existingPart(path)} | sort -h | tail; or name another disk with --state-dir`;
    return warn('disk', `nearly full: ${left} at ${path}`, remedy);
  }
  const used = existsSync(buffer) ? sizeOf(await BufferScan.open(buffer)) : 0;
  if (options.host === undefined || free + used >= options.bufferMax) return ok('disk', left);
  const most = formatBytes(options.bufferMax);
  return warn(
    'disk',
    `${left}, and during an outage the buffer may take ${most} (--buffer-max)`,
    `lower --buffer-max to what there is, such as ${Math.max(1, Math.floor((free + used) / 2 / 1024 ** 2))}MiB, or make room`,
  );
}

/** Whether readings of earlier runs still wait for an InfluxDB. */
export async function checkBacklog(
  { path, buffer }: StateDirectory,
  { host }: Pick<DiskOptions, 'host'>,
): Promise<Finding> {
  if (!existsSync(buffer)) return ok('backlog', 'nothing waits for an InfluxDB');
  const scan = await BufferScan.open(buffer);
  const bytes = formatBytes(sizeOf(scan));
  const summary = await Promise.race([scan.summary(), delay(READ_MS, undefined, { ref: false })]);
  if (summary?.queuedRecords === 0) return ok('backlog', 'nothing waits for an InfluxDB');
  const what =
    summary === undefined
      ? `up to ${bytes} wait for an InfluxDB`
      : `${summary.totals.queued} readings (${bytes} on disk) wait for an InfluxDB`;
  if (holderOf(path) !== undefined) {
    return warn(
      'backlog',
      `${what}; the run delivers them as it can`,
      'see how it goes: visualizer buffer inspect',
    );
  }
  const remedy =
    host === undefined
      ? 'start a run with --host to deliver them, or drop them: visualizer buffer drop --before 0'
      : 'they are delivered first by the next run; what they are: visualizer buffer inspect';
  return warn('backlog', what, remedy);
}

function sizeOf({ segments }: BufferScan): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The directory itself, or the one in which it would be made. */
function existingPart(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existingPart(dirname(path));
}
