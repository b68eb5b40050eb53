/**
 * The files of the page, all read once when the server starts: a request looks its path up in this map and never
 * reaches the file system, so there is nothing to traverse.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { VisualizerError } from '../errors.js';

export interface Asset {
  readonly type: string;
  readonly body: Buffer;
}

const TYPES = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.svg', 'image/svg+xml'],
]);

/** `folder` holds the built page, flat; uPlot comes from our own dependencies. Keys are request paths. */
export function loadAssets(folder: string): Map<string, Asset> {
  const assets = new Map<string, Asset>();
  const names = existsSync(folder) ? readdirSync(folder) : [];
  for (const name of names) {
    const type = TYPES.get(extname(name));
    if (type !== undefined) assets.set(`/${name}`, { type, body: readFileSync(join(folder, name)) });
  }
  const index = assets.get('/index.html');
  if (index === undefined || !assets.has('/page.js')) {
    throw new VisualizerError('INTERNAL', `the live page is not built in ${folder}: run "npm run build"`);
  }
  assets.set('/', index);
  assets.set('/uplot.js', dependency('uplot/dist/uPlot.iife.min.js'));
  assets.set('/uplot.css', dependency('uplot/dist/uPlot.min.css'));
  return assets;
}

function dependency(specifier: string): Asset {
  const path = createRequire(import.meta.url).resolve(specifier);
  return { type: TYPES.get(extname(specifier)) as string, body: readFileSync(path) };
}
