import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { crc32 } from 'node:zlib';

/** Of the source, and of the code. */
const SUMS_BYTES = 8;

/**
 * `$XDG_CACHE_HOME/visualizer/<installation>`, by the XDG base directory specification. Undefined where nothing is to
 * be kept: by the variable of Node.js's own cache, since coverage cannot count what was not compiled, or since the user
 * has no home.
 */
export function cacheFolder(installation: string, environment: NodeJS.ProcessEnv): string | undefined {
  const { NODE_DISABLE_COMPILE_CACHE, NODE_V8_COVERAGE, XDG_CACHE_HOME, HOME } = environment;
  if (NODE_DISABLE_COMPILE_CACHE || NODE_V8_COVERAGE) return undefined;
  const home = HOME || attempt(homedir) || '';
  // One that is relative is to be ignored.
  const base = [XDG_CACHE_HOME ?? '', join(home, '.cache')].find(isAbsolute);
  return base && join(base, 'visualizer', crc32(installation).toString(16).padStart(8, '0'));
}

/**
 * What V8 has compiled, a file for each source. The folder has to be this user's alone, since code is run from it;
 * whatever is wrong with it or in it costs the time that it would save, and nothing else.
 */
export class CodeCache {
  readonly #folder: string;
  #isUsable: boolean;

  constructor(folder: string) {
    this.#folder = folder;
    this.#isUsable = attempt(() => isSafe(folder)) === true;
  }

  /** Makes the folder where there is none. Returns whether anything can be kept there. */
  prepare(): boolean {
    attempt(() => makeOwn(this.#folder, 2));
    this.#isUsable = attempt(() => isSafe(this.#folder)) === true;
    return this.#isUsable;
  }

  /** Only what this Node.js has made of this very source: V8 compares no more than its length, and checks no code. */
  read(name: string, source: Buffer): Buffer | undefined {
    if (!this.#isUsable) return undefined;
    return attempt(() => {
      const kept = readFileSync(join(this.#folder, name));
      const code = kept.subarray(SUMS_BYTES);
      return kept.readUInt32LE(0) === sumOf(source) && kept.readUInt32LE(4) === crc32(code)
        ? code
        : undefined;
    });
  }

  /** To be called once it is prepared. */
  write(name: string, source: Buffer, code: Buffer): void {
    const sums = Buffer.alloc(SUMS_BYTES);
    sums.writeUInt32LE(sumOf(source), 0);
    sums.writeUInt32LE(crc32(code), 4);
    // Another process may be reading. Where one is writing the same, the sums tell; killed, it leaves a draft to this one.
    const draft = join(this.#folder, `${name}.draft`);
    const isWritten = attempt(() => {
      writeFileSync(draft, Buffer.concat([sums, code]), { mode: 0o600 });
      renameSync(draft, join(this.#folder, name));
      return true;
    });
    // Not on a disk that is full.
    if (!isWritten) attempt(() => rmSync(draft, { force: true }));
  }
}

function sumOf(source: Buffer): number {
  return crc32(source, crc32(`${process.version} ${process.arch}`));
}

/** Makes a folder, and as many of those that it lies in, each in one of this user's own: not in one of `sudo`'s. */
function makeOwn(folder: string, above: number): boolean {
  if (existsSync(folder)) return isOwn(folder);
  const parent = dirname(folder);
  if (!(above > 0 ? makeOwn(parent, above - 1) : isOwn(parent))) return false;
  mkdirSync(folder, { mode: 0o700 });
  return true;
}

function isOwn(folder: string): boolean {
  return statSync(folder).uid === process.geteuid?.();
}

/** Nobody else can have put anything there. */
function isSafe(folder: string): boolean {
  return isOwn(folder) && (statSync(folder).mode & 0o022) === 0;
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
