import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Chunks } from '../../src/launcher/chunks.js';
import { CodeCache, cacheFolder } from '../../src/launcher/code-cache.js';
import { temporaryFolder } from '../visualizer.js';

const CODE_CACHE = fileURLToPath(new URL('../../build/launcher/code-cache.js', import.meta.url));
const isRoot = process.geteuid?.() === 0;

let folder: string;
let cache: string;
beforeEach(() => {
  folder = temporaryFolder();
  cache = join(folder, 'home/.cache/visualizer/12345678');
  mkdirSync(join(folder, 'home'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function write(name: string, source: string): void {
  writeFileSync(join(folder, name), source);
}

function load(name: string): unknown {
  return new Chunks(folder, new CodeCache(cache)).load(name);
}

function loadAndKeep(name: string): unknown {
  const chunks = new Chunks(folder, new CodeCache(cache));
  const exported = chunks.load(name);
  chunks.keep();
  return exported;
}

/** Loads a source as a new process would: this one knows by itself what it has made of a file of that path. */
function loadAnew(name: string, source: string): unknown {
  const moved = mkdtempSync(join(folder, 'moved-'));
  writeFileSync(join(moved, name), source);
  const chunks = new Chunks(moved, new CodeCache(cache));
  const exported = chunks.load(name);
  chunks.keep();
  return exported;
}

const inode = (name: string) => statSync(join(cache, name)).ino;

describe('a chunk', () => {
  it('is loaded once, whoever requires it, and may require those that require it', () => {
    write(
      'one.cjs',
      'globalThis.loaded = (globalThis.loaded ?? 0) + 1; exports.two = () => require("./two.cjs");',
    );
    write('two.cjs', 'const one = require("./one.cjs"); exports.one = one; exports.name = "two";');
    const chunks = new Chunks(folder, new CodeCache(cache));
    const one = chunks.load('one.cjs') as { two: () => { one: unknown; name: string } };
    expect(one.two()).toBe(chunks.load('two.cjs'));
    expect(one.two()).toEqual({ one, name: 'two' });
    expect(Reflect.get(globalThis, 'loaded')).toBe(1);
  });

  it('fails for all that require it, if it fails', () => {
    write('one.cjs', 'exports.half = true; throw new Error("out of order"); ');
    const chunks = new Chunks(folder, new CodeCache(cache));
    expect(() => chunks.load('one.cjs')).toThrow('out of order');
    expect(() => chunks.load('one.cjs')).toThrow('out of order');
    expect(() => chunks.load('nowhere.cjs')).toThrow('ENOENT');
    expect(() => chunks.load('nowhere.cjs')).toThrow('ENOENT');
  });

  it('knows where it lies, and requires what Node.js has, and what is installed', () => {
    mkdirSync(join(folder, 'node_modules/library'), { recursive: true });
    writeFileSync(join(folder, 'node_modules/library/index.js'), 'exports.answer = 42;');
    write(
      'all.cjs',
      `exports.file = __filename; exports.folder = __dirname;
       exports.fs = require('node:fs'); exports.library = require('library');`,
    );
    expect(load('all.cjs')).toEqual({
      file: join(folder, 'all.cjs'),
      folder,
      fs: expect.objectContaining({ readFileSync }),
      library: { answer: 42 },
    });
  });
});

describe('what was compiled', () => {
  it('is taken by the next process, and not made again', () => {
    write('one.cjs', 'module.exports = 1;');
    expect(loadAndKeep('one.cjs')).toBe(1);
    const kept = inode('one.cjs');
    // Code of another source of the same length, with sums that are right: V8 can tell only by running it.
    write('two.cjs', 'module.exports = 2;');
    expect(loadAndKeep('two.cjs')).toBe(2);
    const [one, two] = ['one.cjs', 'two.cjs'].map((name) => readFileSync(join(cache, name)));
    const sumOfSource = (one as Buffer).subarray(0, 4);
    writeFileSync(join(cache, 'one.cjs'), Buffer.concat([sumOfSource, (two as Buffer).subarray(4)]));
    expect(loadAnew('one.cjs', 'module.exports = 1;')).toBe(2);
    expect(inode('one.cjs')).toBe(kept);
  });

  it('is made anew for another source, of the same length too', () => {
    write('one.cjs', 'module.exports = 1;');
    loadAndKeep('one.cjs');
    const kept = inode('one.cjs');
    write('one.cjs', 'module.exports = 2;');
    expect(loadAndKeep('one.cjs')).toBe(2);
    expect(inode('one.cjs')).not.toBe(kept);
    expect(load('one.cjs')).toBe(2);
  });

  it.each([
    ['is empty', () => Buffer.alloc(0)],
    ['is cut off', (whole: Buffer) => whole.subarray(0, -100)],
    ['is zeros, as after a power loss', (whole: Buffer) => Buffer.alloc(whole.length)],
    ['has wrong bytes', (whole: Buffer) => Buffer.from(whole).fill(0x2a, whole.length >> 1)],
  ])('is made anew where the file %s', (_, spoilt) => {
    const source = `exports.sum = () => ${'1 + '.repeat(200)} 1;`;
    const sum = (loaded: unknown) => (loaded as { sum: () => number }).sum();
    expect(sum(loadAnew('one.cjs', source))).toBe(201);
    const kept = inode('one.cjs');
    writeFileSync(join(cache, 'one.cjs'), spoilt(readFileSync(join(cache, 'one.cjs'))));
    expect(sum(loadAnew('one.cjs', source))).toBe(201);
    expect(inode('one.cjs')).not.toBe(kept);
    expect(readdirSync(cache)).toEqual(['one.cjs']);
  });

  it('leaves no draft behind, be it where it cannot be written, or of a process that was killed', () => {
    write('one.cjs', 'module.exports = 1;');
    write('two.cjs', 'module.exports = 2;');
    mkdirSync(join(cache, 'one.cjs/in-the-way'), { recursive: true, mode: 0o700 });
    writeFileSync(join(cache, 'two.cjs.draft'), 'ha');
    expect(loadAndKeep('one.cjs')).toBe(1);
    expect(loadAndKeep('two.cjs')).toBe(2);
    expect(readdirSync(cache).sort()).toEqual(['one.cjs', 'two.cjs']);
  });

  it('is for nobody else to read or to write', () => {
    write('one.cjs', 'module.exports = 1;');
    loadAndKeep('one.cjs');
    expect(statSync(cache).mode & 0o777).toBe(0o700);
    expect(statSync(join(cache, 'one.cjs')).mode & 0o777).toBe(0o600);
  });

  it('is neither taken nor kept where others may write', () => {
    write('one.cjs', 'module.exports = 1;');
    loadAndKeep('one.cjs');
    chmodSync(cache, 0o770);
    const kept = inode('one.cjs');
    write('one.cjs', 'module.exports = 2;');
    expect(loadAndKeep('one.cjs')).toBe(2);
    expect(inode('one.cjs')).toBe(kept);
  });

  it.skipIf(!isRoot)('is neither taken nor kept in a folder of somebody else', () => {
    write('one.cjs', 'module.exports = 1;');
    loadAndKeep('one.cjs');
    write('two.cjs', 'module.exports = 2;');
    loadAndKeep('two.cjs');
    renameSync(join(cache, 'two.cjs'), join(cache, 'one.cjs'));
    chownSync(cache, 65_534, 65_534);
    const kept = inode('one.cjs');
    expect(loadAndKeep('one.cjs')).toBe(1);
    expect(inode('one.cjs')).toBe(kept);
  });

  it.skipIf(!isRoot)('leaves nothing in the home of somebody else', () => {
    chownSync(join(folder, 'home'), 65_534, 65_534);
    write('one.cjs', 'module.exports = 1;');
    expect(loadAndKeep('one.cjs')).toBe(1);
    expect(readdirSync(join(folder, 'home'))).toEqual([]);
  });

  it('makes no home where there is none', async () => {
    await rm(join(folder, 'home'), { recursive: true });
    write('one.cjs', 'module.exports = 1;');
    expect(loadAndKeep('one.cjs')).toBe(1);
    expect(existsSync(join(folder, 'home'))).toBe(false);
  });
});

describe('the folder', () => {
  it('is by the XDG base directory specification, and one for each installation', () => {
    const of = (installation: string, environment: NodeJS.ProcessEnv) =>
      cacheFolder(installation, environment)?.replace(/[0-9a-f]{8}$/, '<id>');
    expect(of('/opt/visualizer/', { HOME: '/home/ada' })).toBe('/home/ada/.cache/visualizer/<id>');
    expect(of('/opt/visualizer/', { HOME: '/home/ada', XDG_CACHE_HOME: '/var/cache' })).toBe(
      '/var/cache/visualizer/<id>',
    );
    expect(cacheFolder('/opt/one/', { HOME: '/' })).not.toBe(cacheFolder('/opt/two/', { HOME: '/' }));
  });

  it('is by the specification: not where the working directory happens to be', () => {
    const environment = { HOME: '/home/ada', XDG_CACHE_HOME: 'cache' };
    expect(cacheFolder('/opt/visualizer/', environment)).toMatch('/home/ada/.cache/visualizer/');
    expect(cacheFolder('/opt/visualizer/', { HOME: 'home' })).toBeUndefined();
  });

  it.skipIf(!isRoot)('is none for a user who has no home, as in a container', async () => {
    const script = `
      import { cacheFolder } from ${JSON.stringify(CODE_CACHE)};
      process.setuid(54321);
      console.log(cacheFolder('/opt/visualizer/', {}));
    `;
    const node = [process.execPath, ['--input-type=module', '--eval', script]] as const;
    expect(await execa(...node, { extendEnv: false, env: {} })).toMatchObject({ stdout: 'undefined' });
  });

  it.each(['NODE_DISABLE_COMPILE_CACHE', 'NODE_V8_COVERAGE'])('is none with %s', (name) => {
    expect(cacheFolder('/opt/visualizer/', { HOME: '/home/ada', [name]: '1' })).toBeUndefined();
  });
});
