import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Script } from 'node:vm';
import type { CodeCache } from './code-cache.js';

type Wrapped = (
  exports: unknown,
  require: (specifier: string) => unknown,
  module: object,
  file: string,
  folder: string,
) => void;

/**
 * The CommonJS files of a folder, which require one another as `./<name>`; each is loaded once. They cannot `import()`:
 * V8 does not keep with their code whom it has to ask for that.
 */
export class Chunks {
  readonly #folder: string;
  readonly #cache: CodeCache | undefined;
  readonly #requireOther: NodeJS.Require;
  readonly #modules = new Map<string, { exports: unknown }>();
  #compiled: { readonly name: string; readonly source: Buffer; readonly script: Script }[] = [];

  constructor(folder: string, cache: CodeCache | undefined) {
    this.#folder = folder;
    this.#cache = cache;
    this.#requireOther = createRequire(join(folder, 'chunks'));
  }

  /** Returns what it exports. */
  load(name: string): unknown {
    const known = this.#modules.get(name);
    if (known !== undefined) return known.exports;
    const module = { exports: {} };
    this.#modules.set(name, module);
    try {
      this.#run(name, module);
    } catch (error) {
      // Whoever requires it again is to be told as well, and not given half of it.
      this.#modules.delete(name);
      throw error;
    }
    return module.exports;
  }

  /** Keeps what had to be compiled until now, functions and all, for the next start. */
  keep(): void {
    const compiled = this.#compiled;
    this.#compiled = [];
    if (compiled.length === 0 || !this.#cache?.prepare()) return;
    for (const { name, source, script } of compiled) {
      this.#cache.write(name, source, script.createCachedData());
    }
  }

  #run(name: string, module: { exports: unknown }): void {
    const require = (specifier: string) =>
      specifier.startsWith('./') ? this.load(specifier.slice(2)) : this.#requireOther(specifier);
    const run: Wrapped = this.#scriptOf(name).runInThisContext();
    run(module.exports, require, module, join(this.#folder, name), this.#folder);
  }

  #scriptOf(name: string): Script {
    const file = join(this.#folder, name);
    const source = readFileSync(file);
    const cachedData = this.#cache?.read(name, source);
    const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
      filename: file,
      cachedData,
    });
    if (cachedData === undefined || script.cachedDataRejected) this.#compiled.push({ name, source, script });
    return script;
  }
}
