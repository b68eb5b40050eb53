import { createHash } from 'node:crypto';
import { accessSync, chmodSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, systemCodeOf, VisualizerError } from './errors.js';
import { type Holder, holderOfLock, lock } from './state-lock.js';

/** The files of one sensor's state. */
export interface StateDirectory {
  readonly path: string;
  readonly clock: string;
  readonly store: string;
  readonly buffer: string;
  readonly rejected: string;
  /** Where the alerts stand. */
  readonly alerts: string;
  /** Who was told of them. */
  readonly notifications: string;
  /** How far an input file was read. */
  positionOf(input: string): string;
}

/** Where everything lies in a state directory. */
export function stateDirectory(path: string): StateDirectory {
  return {
    path,
    clock: join(path, 'clock'),
    store: join(path, 'store.duckdb'),
    buffer: join(path, 'buffer'),
    rejected: join(path, 'rejected'),
    alerts: join(path, 'alerts.json'),
    notifications: join(path, 'notifications.json'),
    positionOf: (input) => {
      const digest = createHash('sha256').update(input).digest('hex');
      return join(path, `position.${digest.slice(0, 16)}`);
    },
  };
}

/**
 * Creates the directory for its owner's eyes only, and takes the lock that keeps a second runner out. Returns
 * what gives the lock back.
 * @throws VisualizerError STATE_UNUSABLE, or ALREADY_RUNNING naming the holder
 */
export function lockStateDirectory(path: string): () => void {
  try {
    createDirectory(path);
    if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o700);
    accessSync(path, constants.W_OK);
    return lock(lockOf(path));
  } catch (cause) {
    if (cause instanceof VisualizerError) throw cause;
    throw new VisualizerError(
      'STATE_UNUSABLE',
      `The state directory ${path} cannot be used: ${messageOf(cause)}. Name another one with --state-dir.`,
      { cause },
    );
  }
}

/** Level by level: `recursive` never returns where a file system takes no directories (/proc). */
function createDirectory(path: string): void {
  if (existsSync(path)) return;
  if (dirname(path) !== path) createDirectory(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error;
  }
}

/** Who runs on this state directory now, if anybody does. */
export function holderOf(path: string): Holder | undefined {
  return holderOfLock(lockOf(path));
}

function lockOf(path: string): string {
  return join(path, 'lock');
}
