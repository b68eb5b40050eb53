import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, systemCodeOf, VisualizerError } from './errors.js';

/** Room enough for any holder. */
const HOLDER_BYTES = 256;

/** Who holds a state directory. A process id alone may have been given to somebody else since. */
export interface Holder {
  readonly pid: number;
  /** Tells this process from any other that ever had its id. */
  readonly identity: string;
  /** When it started, for people. */
  readonly started: string;
}

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
    return lock(join(path, 'lock'));
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
  const holder = readHolder(join(path, 'lock'));
  return holder !== undefined && isAlive(holder) ? holder : undefined;
}

/**
 * The lock is a file that names its holder. It comes into being whole, by a hard link, so that nobody ever reads
 * half of it; one whose holder is no more is moved out of the way. A file that is no lock any more is kept, and
 * written over by the next one: so a runner can start on a full disk, to deliver what waits there.
 */
function lock(file: string): () => void {
  const started = new Date(Date.now() - process.uptime() * 1000).toISOString();
  const mine: Holder = { pid: process.pid, identity: identityOf(process.pid) ?? '', started };
  const spare = `${file}.spare`;
  const draft = `${file}.${process.pid}`;
  discardDead(file, spare);
  tryRename(spare, draft);
  try {
    writeHolder(draft, mine);
    while (!tryLink(draft, file)) discardDead(file, spare);
  } finally {
    rmSync(draft, { force: true });
  }
  return () => {
    if (readHolder(file)?.identity === mine.identity) tryRename(file, spare);
  };
}

/** Makes a spare of a dead holder's lock, unless another runner has replaced it in the meantime. */
function discardDead(file: string, spare: string): void {
  const holder = readHolder(file);
  if (holder !== undefined && isAlive(holder)) throw alreadyRunning(file, holder);
  const aside = `${file}.${process.pid}.dead`;
  if (!tryRename(file, aside)) return;
  if (readHolder(aside)?.identity === holder?.identity) {
    tryRename(aside, spare);
  } else {
    tryLink(aside, file);
    rmSync(aside);
  }
}

/** Always of the same length, so that one is written over another in place. */
function writeHolder(file: string, holder: Holder): void {
  const draft = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    writeSync(draft, JSON.stringify(holder).padEnd(HOLDER_BYTES), 0);
  } finally {
    closeSync(draft);
  }
}

function tryRename(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

function tryLink(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function alreadyRunning(file: string, { pid, started }: Holder): VisualizerError {
  return new VisualizerError(
    'ALREADY_RUNNING',
    `Process ${pid} (started ${started}) already runs on this state directory (${file}). ` +
      'Stop it first, or give this run a --state-dir or a sensor name of its own.',
  );
}

function readHolder(file: string): Holder | undefined {
  try {
    const { pid, identity, started } = JSON.parse(readFileSync(file, 'utf8'));
    return Number.isInteger(pid) ? { pid, identity: String(identity), started: String(started) } : undefined;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, identity }: Holder): boolean {
  return identityOf(pid) === identity;
}

/** The boot and the process's start in it on Linux, the start as `ps` tells it elsewhere; undefined for no process. */
function identityOf(pid: number): string | undefined {
  try {
    if (existsSync('/proc/self/stat')) {
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      // Field 22, counted behind the command's name, which may itself hold blanks and brackets.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return `${boot}:${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
    }
    const options = { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } } as const;
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], options).trim() || undefined;
  } catch {
    return undefined;
  }
}
