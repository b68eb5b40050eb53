// The page's files that need no compiling go beside those that do, and lose their indentation: a tenth of the page's
// weight. No file has text that goes over several lines.
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

const from = new URL('../src/local/page/', import.meta.url);
const to = new URL('../dist/local/page/', import.meta.url);
for (const [folder, names] of [
  [from, /\.(html|css|svg)$/],
  [to, /\.js$/],
]) {
  for (const name of readdirSync(folder).filter((name) => names.test(name))) {
    writeFileSync(new URL(name, to), readFileSync(new URL(name, folder), 'utf8').replace(/^ +/gm, ''));
  }
}
chmodSync(new URL('../dist/cli.js', import.meta.url), 0o755);
