import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCodeOf } from '../errors.js';
import { FollowedFile, type Identity } from './follow-file.js';
import type { Position } from './follow-position.js';
import { type Age, ageOf, isCompressed, isNumbered, olderFirst } from './rotated-names.js';

/** The file that was read last, as far as there was one, and when it was last written to. */
export interface Last extends Partial<Identity> {
  readonly mtimeNs: bigint;
}

/** The file that was begun after another one, and those between the two that cannot be read. */
export interface Successor {
  readonly path: string;
  readonly identity: Identity;
  /** It bears the followed name, and nothing has been written to it yet: the writer may still be in the old one. */
  readonly awaited: boolean;
  readonly compressed: readonly string[];
}

/** A file as it was met in its directory. */
interface Met extends Identity {
  readonly path: string;
  readonly mtimeNs: bigint;
  /** The same for all files, or that of their last change, on file systems that do not know it. */
  readonly birthtimeNs: bigint;
  readonly size: bigint;
}

interface Rotated extends Met {
  readonly age: Age;
}

interface Family {
  /** What bears the followed name. */
  readonly current: Met | undefined;
  /** Its predecessors as far as their names tell, the oldest first. */
  readonly rotated: readonly Rotated[];
}

/** How often a directory may change while it is listed. */
const ATTEMPTS = 20;

/**
 * What becomes of a file that is rotated: it is renamed, once or more often, and another one takes its name. In
 * which order files were written is told by their names, and where a file has no such name, or none at all any
 * more, by when they were last written to.
 */
export class Rotation {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** Whether anything bears the followed name. */
  async isMissing(): Promise<boolean> {
    return (await meet(this.#file)) === undefined;
  }

  /**
   * The file begun next after the one given, of which at least the time of its last write is known; undefined as
   * long as there is none. Once true, this stays true: rotation moves names, and never changes the order.
   */
  async after(last: Last): Promise<Successor | undefined> {
    const now = await meet(this.#file);
    if (now !== undefined && isSame(now, last)) return undefined;
    const { current, rotated } = await this.#family();
    if (current !== undefined && isSame(current, last)) return undefined;
    const newer = newerThan(last, rotated);
    const next = newer.find(({ path }) => !isCompressed(path)) ?? current;
    if (next === undefined) return undefined;
    const passed = next === current ? newer : newer.slice(0, newer.indexOf(next as Rotated));
    const { path, dev, ino, size } = next;
    const awaited = next === current && size === 0n;
    return { path, identity: { dev, ino }, awaited, compressed: passed.map((skipped) => skipped.path) };
  }

  /**
   * The file in which this position is, whatever its name is by now; else a copy of it.
   * @throws Error where the names never rest long enough to tell
   */
  async find(position: Position): Promise<FollowedFile | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const family = await this.#family();
      const file = await this.#findAmong(family, position);
      if (file !== undefined) return file;
      // It may have been given another name after it was listed and before it could be opened.
      if (fingerprint(await this.#list()) === fingerprint(family)) return undefined;
    }
    throw this.#restless();
  }

  /** The copy of a file that has been truncated since: made later than its last write, and the same up to there. */
  async findCopy(position: Position): Promise<FollowedFile | undefined> {
    const { rotated } = await this.#family();
    const later = rotated.filter(({ ino, mtimeNs }) => ino !== position.ino && mtimeNs >= position.mtimeNs);
    return openFirst(later, position);
  }

  /** For people: what else there is that may hold lines. */
  async names(): Promise<string[]> {
    return (await this.#family()).rotated.map(({ path }) => basename(path));
  }

  async #findAmong({ current, rotated }: Family, position: Position): Promise<FollowedFile | undefined> {
    const likely = [...(current === undefined ? [] : [current]), ...rotated];
    const isIt = ({ ino }: Met) => ino === position.ino;
    return (
      (await openFirst(likely.filter(isIt), position)) ??
      // Nothing but its bytes would tell a file of any other name from one that was given the inode later.
      (position.remembered.length === 0
        ? undefined
        : ((await openFirst((await this.#neighbours()).filter(isIt), position)) ??
          (await this.findCopy(position))))
    );
  }

  /**
   * The family at one moment. Names may move while they are listed one by one; two lists in a row that are the
   * same show how things stood between the two.
   */
  async #family(): Promise<Family> {
    let last = await this.#list();
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const list = await this.#list();
      if (fingerprint(list) === fingerprint(last)) return list;
      last = list;
    }
    throw this.#restless();
  }

  #restless(): Error {
    return new Error(`the files around ${this.#file} are rotated faster than they can be listed`);
  }

  async #list(): Promise<Family> {
    const rotated: Rotated[] = [];
    for (const home of await this.#homes()) {
      for (const name of await namesIn(dirname(home))) {
        const age = ageOf(name, basename(home));
        const met = age && (await meet(join(dirname(home), name)));
        if (met) rotated.push({ ...met, age });
      }
    }
    return { current: await meet(this.#file), rotated: oldestFirst(rotated) };
  }

  /** Where it is rotated: a symbolic link is not, but what it points to. */
  async #homes(): Promise<Set<string>> {
    return new Set([this.#file, await realpath(this.#file).catch(() => this.#file)]);
  }

  async #neighbours(): Promise<Met[]> {
    const directory = dirname(this.#file);
    const met: (Met | undefined)[] = [];
    for (const name of await namesIn(directory)) {
      met.push(await meet(join(directory, name)).catch(() => undefined));
    }
    return met.filter((file) => file !== undefined);
  }
}

/**
 * The files begun after the last one, the oldest first. Either by name or by time, never by both: where the two
 * contradict each other, one file would lead to another and back again.
 */
function newerThan(last: Last, rotated: readonly Rotated[]): Rotated[] {
  const known = rotated.find((file) => isSame(file, last));
  const newer = known
    ? rotated
        .slice(rotated.indexOf(known) + 1)
        .filter((file) => isOfSameScheme(file, known) && !isSameAge(file, known))
    : rotated.filter((file) => isLater(file, last)).sort((a, b) => Number(a.mtimeNs - b.mtimeNs));
  // A file is there twice while it is being compressed.
  return newer.filter(
    (file) => !isCompressed(file.path) || newer.every((other) => other === file || !isSameAge(file, other)),
  );
}

/**
 * By their names. Numbers rise with age where logrotate gives them, and fall where a program counts its files: the
 * times tell which it is.
 */
function oldestFirst(rotated: readonly Rotated[]): Rotated[] {
  const sorted = rotated.toSorted((a, b) => olderFirst(a.age, b.age));
  const numbered = sorted.filter(({ age }) => isNumbered(age));
  const plain = numbered.filter(({ path }) => !isCompressed(path));
  const steps = plain.slice(1).map((file, index) => compareAge(plain[index] as Rotated, file));
  if (steps.reduce((sum, step) => sum + step, 0) <= 0) return sorted;
  return [...sorted.filter(({ age }) => !isNumbered(age)), ...numbered.reverse()];
}

/** Below 0 where the first one is older: by when they were begun where the file system tells, else last written to. */
function compareAge(a: Met, b: Met): number {
  return Math.sign(Number(a.birthtimeNs - b.birthtimeNs)) || Math.sign(Number(a.mtimeNs - b.mtimeNs));
}

/** Where the time is the same: a compressed file is the last one itself, which has kept its time. */
function isLater({ path, mtimeNs }: Rotated, last: Last): boolean {
  return isCompressed(path) ? mtimeNs > last.mtimeNs : mtimeNs >= last.mtimeNs;
}

function isOfSameScheme(a: Rotated, b: Rotated): boolean {
  return a.age.scheme === b.age.scheme;
}

function isSameAge(a: Rotated, b: Rotated): boolean {
  return isOfSameScheme(a, b) && olderFirst(a.age, b.age) === 0;
}

function isSame(a: Identity, b: Partial<Identity>): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}

function fingerprint({ current, rotated }: Family): string {
  return [current, ...rotated].map((file) => `${file?.path}:${file?.dev}:${file?.ino}`).join('\n');
}

/** The first of these files that holds the bytes before this position. */
async function openFirst(files: readonly Met[], position: Position): Promise<FollowedFile | undefined> {
  for (const { path, dev, ino } of files) {
    if (isCompressed(path)) continue;
    const file = await FollowedFile.openIfThere(path).catch(() => undefined);
    if (file === undefined) continue;
    if (isSame(file, { dev, ino }) && (await file.holds(position).catch(() => false))) return file;
    await file.close();
  }
  return undefined;
}

/** Undefined where there is nothing. */
async function meet(path: string): Promise<Met | undefined> {
  try {
    const { dev, ino, mtimeNs, birthtimeNs, size } = await stat(path, { bigint: true });
    return { path, dev, ino, mtimeNs, birthtimeNs, size };
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    // A file may be followed in a directory that may not be listed.
    if (['ENOENT', 'EACCES', 'EPERM'].includes(systemCodeOf(error) ?? '')) return [];
    throw error;
  }
}
