/** How DuckDB is loaded, and a store's file opened with it: what can go wrong there, said as what to do. */
import { accessSync, constants } from 'node:fs';
import type { DuckDBInstance } from '@duckdb/node-api';
import { messageOf, systemCodeOf, VisualizerError } from '../errors.js';
import { DAMAGED_LOG } from './wal.js';
import type { DuckDB } from './writer.js';

/** @throws VisualizerError STATE_UNUSABLE where there is no file that may be read */
export function requireReadable(file: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (cause) {
    const reason = systemCodeOf(cause) ?? messageOf(cause);
    throw new VisualizerError(
      'STATE_UNUSABLE',
      `There is no store to read at ${file} (${reason}). Record one with: visualizer run, or name another --state-dir or --sensor. What a run with --host records is in its InfluxDB, and not here.`,
      { cause },
    );
  }
}

/** @throws VisualizerError STORE_UNAVAILABLE where it is not installed for this platform */
export async function loadDuckDB(): Promise<DuckDB> {
  try {
    return await import('@duckdb/node-api');
  } catch (cause) {
    throw new VisualizerError(
      'STORE_UNAVAILABLE',
      `The embedded store needs DuckDB, which is not installed for ${process.platform}-${process.arch}. ` +
        'Write to an InfluxDB instead, with --host <name>.',
      { cause },
    );
  }
}

/**
 * Small limits, since a Raspberry Pi has a gigabyte for everything; and nothing is ever downloaded.
 * @throws VisualizerError ALREADY_RUNNING while another process holds the file, STATE_UNUSABLE where it cannot be
 *   opened; DuckDB's own error where the log beside it cannot be replayed
 */
export async function createInstance(
  duckdb: DuckDB,
  file: string,
  options: Readonly<Record<string, string>> = {},
): Promise<DuckDBInstance> {
  try {
    return await duckdb.DuckDBInstance.create(file, {
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      checkpoint_threshold: '4MB',
      memory_limit: '512MB',
      threads: '2',
      ...options,
    });
  } catch (cause) {
    const message = messageOf(cause);
    const holder = /Conflicting lock is held in (.*?)(?:\(PID (\d+)\))/s.exec(message);
    if (holder) {
      const text = `The store ${file} is in use by process ${holder[2]} (${holder[1]?.trim()}). End that run first.`;
      throw new VisualizerError('ALREADY_RUNNING', text, { cause });
    }
    if (DAMAGED_LOG.test(message)) throw cause;
    throw new VisualizerError('STATE_UNUSABLE', `The store ${file} cannot be opened: ${message}`, { cause });
  }
}
