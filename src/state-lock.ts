/**
 * The lock of a state directory: a file that names its holder. It comes into being whole, by a hard link, so that
 * nobody ever reads half of it; one whose holder is no more is moved out of the way. A file that is no lock any more
 * is kept, and written over by the next one: so a runner can start on a full disk, to deliver what waits there.
 */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { systemCodeOf, VisualizerError } from './errors.js';

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

/**
 * Takes the lock, and returns what gives it back.
 * @throws VisualizerError ALREADY_RUNNING naming the holder
 */
export function lock(file: string): () => void {
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

/** Who holds this lock now, if anybody does. */
export function holderOfLock(file: string): Holder | undefined {
  const holder = readHolder(file);
  return holder !== undefined && isAlive(holder) ? holder : undefined;
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
