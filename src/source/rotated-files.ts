import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCodeOf } from '../errors.js';
import type { Identity } from './follow-file.js';
import { type Age, ageOf, isCompressed, isNumbered, olderFirst } from './rotated-names.js';

/** A file as it was met in its directory. */
export interface Met extends Identity {
  readonly path: string;
  readonly mtimeNs: bigint;
  /** The same for all files, or that of their last change, on file systems that do not know it. */
  readonly birthtimeNs: bigint;
  readonly size: bigint;
}

export interface Rotated extends Met {
  readonly age: Age;
}

/** A followed file and those that it was rotated to, as they stood at one moment. */
export interface Family {
  /** What bears the followed name. */
  readonly current: Met | undefined;
  /** Its predecessors as far as their names tell, the oldest first. */
  readonly rotated: readonly Rotated[];
}

/** How often a directory may change while it is listed. */
export const ATTEMPTS = 20;

/**
 * Names may move while they are listed one by one; two lists in a row that are the same show how things stood between
 * the two.
 * @throws Error where they never are
 */
export async function familyOf(file: string): Promise<Family> {
  let last = await list(file);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const next = await list(file);
    if (fingerprint(next) === fingerprint(last)) return next;
    last = next;
  }
  throw restless(file);
}

/** Whether the family is the same as at that moment. */
export async function isStill(file: string, family: Family): Promise<boolean> {
  return fingerprint(await list(file)) === fingerprint(family);
}

export function restless(file: string): Error {
  return new Error(`the files around ${file} are rotated faster than they can be listed`);
}

/** All that lies in its directory. */
export async function neighboursOf(file: string): Promise<Met[]> {
  const directory = dirname(file);
  const met: (Met | undefined)[] = [];
  for (const name of await namesIn(directory)) {
    met.push(await meet(join(directory, name)).catch(() => undefined));
  }
  return met.filter((each) => each !== undefined);
}

async function list(file: string): Promise<Family> {
  const rotated: Rotated[] = [];
  for (const home of await homesOf(file)) {
    for (const name of await namesIn(dirname(home))) {
      const age = ageOf(name, basename(home));
      const met = age && (await meet(join(dirname(home), name)));
      if (met) rotated.push({ ...met, age });
    }
  }
  return { current: await meet(file), rotated: oldestFirst(rotated) };
}

/** Where it is rotated: a symbolic link is not, but what it points to. */
async function homesOf(file: string): Promise<Set<string>> {
  return new Set([file, await realpath(file).catch(() => file)]);
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

function fingerprint({ current, rotated }: Family): string {
  return [current, ...rotated].map((file) => `${file?.path}:${file?.dev}:${file?.ino}`).join('\n');
}

/** Undefined where there is nothing. */
export async function meet(path: string): Promise<Met | undefined> {
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
