import { basename } from 'node:path';
import { FollowedFile, type Identity } from './follow-file.js';
import type { Position } from './follow-position.js';
import {
  ATTEMPTS,
  type Family,
  familyOf,
  isStill,
  type Met,
  meet,
  neighboursOf,
  type Rotated,
  restless,
} from './rotated-files.js';
import { isCompressed, olderFirst } from './rotated-names.js';

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
    const { current, rotated } = await familyOf(this.#file);
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
      const family = await familyOf(this.#file);
      const file = await this.#findAmong(family, position);
      if (file !== undefined) return file;
      // It may have been given another name after it was listed and before it could be opened.
      if (await isStill(this.#file, family)) return undefined;
    }
    throw restless(this.#file);
  }

  /** The copy of a file that has been truncated since: made later than its last write, and the same up to there. */
  async findCopy(position: Position): Promise<FollowedFile | undefined> {
    const { rotated } = await familyOf(this.#file);
    const later = rotated.filter(({ ino, mtimeNs }) => ino !== position.ino && mtimeNs >= position.mtimeNs);
    return openFirst(later, position);
  }

  /** For people: what else there is that may hold lines. */
  async names(): Promise<string[]> {
    return (await familyOf(this.#file)).rotated.map(({ path }) => basename(path));
  }

  async #findAmong({ current, rotated }: Family, position: Position): Promise<FollowedFile | undefined> {
    const likely = [...(current === undefined ? [] : [current]), ...rotated];
    const isIt = ({ ino }: Met) => ino === position.ino;
    return (
      (await openFirst(likely.filter(isIt), position)) ??
      // Nothing but its bytes would tell a file of any other name from one that was given the inode later.
      (position.remembered.length === 0
        ? undefined
        : ((await openFirst((await neighboursOf(this.#file)).filter(isIt), position)) ??
          (await this.findCopy(position))))
    );
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
