#!/usr/bin/env node
/**
 * Starts the command line. Half of what a start takes is V8 compiling the libraries in use; so what a run has compiled
 * is kept, and taken by all that start after it.
 */
import { fileURLToPath } from 'node:url';
import { Chunks } from './chunks.js';
import { CodeCache, cacheFolder } from './code-cache.js';

/** A run has begun by then. */
const KEEP_AFTER_MS = 5_000;

const folder = fileURLToPath(new URL('.', import.meta.url));
const kept = cacheFolder(folder, process.env);
const chunks = new Chunks(folder, kept === undefined ? undefined : new CodeCache(kept));
// Functions are compiled when they are first called: other commands call few of those that a run needs.
if (process.argv[2] === 'run') {
  setTimeout(() => chunks.keep(), KEEP_AFTER_MS).unref();
  process.once('exit', (code) => {
    if (code === 0) chunks.keep();
  });
}
chunks.load('cli.cjs');
