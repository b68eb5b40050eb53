// The page's files that need no compiling go beside those that do.
import { chmodSync, copyFileSync, readdirSync } from 'node:fs';

const from = new URL('../src/local/page/', import.meta.url);
const to = new URL('../dist/local/page/', import.meta.url);
for (const name of readdirSync(from).filter((name) => /\.(html|css|svg)$/.test(name))) {
  copyFileSync(new URL(name, from), new URL(name, to));
}
chmodSync(new URL('../dist/cli.js', import.meta.url), 0o755);
