// Joins what was compiled into build/, and the small libraries that it uses, into few files in dist/: at its start Node
// would otherwise open some four hundred, which takes longer than all else that it does before the first reading.
// What is large, or of a platform, stays outside, and is loaded where it is used. src/launcher/ loads these files.
// Beside it lie the licences of those libraries, the types of what other programs may import, and `commit`, which
// `--version` tells: only where this is a git checkout of its own.
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { licensesOf } from './licenses.mjs';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const modules = (...names) => {
  const ids = new Set(names.map((name) => path(`build/${name}.js`)));
  return (id) => ids.has(id);
};

rmSync(path('dist'), { recursive: true, force: true });
const sources = [
  // What starts the rest, and what other programs import.
  ...(await join(
    { cli: path('build/launcher/launch.js'), index: path('build/index.js') },
    { format: 'esm', chunkFileNames: '[name].js' },
  )),
  // CommonJS, since V8 takes what it has compiled before for nothing else.
  ...(await join(
    { cli: path('build/cli.js') },
    {
      format: 'cjs',
      // As it is in the ES modules that it is made of.
      strict: true,
      // V8 forgets of code that it takes who had to be asked for an import().
      dynamicImportInCjs: false,
      entryFileNames: '[name].cjs',
      chunkFileNames: '[name].cjs',
      // What a run loads in any case is together, with all that it needs; else it would be two score of files.
      codeSplitting: {
        groups: [
          { name: 'definition', test: modules('definition-file'), priority: 4 },
          { name: 'start', test: modules('command-line', 'resolve-settings', 'log', 'signals'), priority: 3 },
          { name: 'run', test: modules('runner', 'source/supervisor'), priority: 2 },
          { name: 'influx', test: modules('influx/destination', 'influx/http'), priority: 1 },
          { name: 'page', test: modules('local/live-page'), priority: 1 },
        ],
      },
    },
  )),
];
writeFileSync(path('dist/THIRD_PARTY_LICENSES'), licensesOf(sources));

for (const name of ['index', 'definition', 'definition-file', 'errors', 'local/api']) {
  cpSync(path(`build/${name}.d.ts`), path(`dist/${name}.d.ts`));
}

const { stdout } = spawnSync('git', ['rev-parse', '--show-prefix', '--short', 'HEAD'], {
  cwd: path(''),
  encoding: 'utf8',
});
const [prefix, commit] = stdout?.split('\n') ?? [];
if (prefix === '' && commit) writeFileSync(path('dist/commit'), commit);

/** Returns the files that were joined. */
async function join(input, output) {
  const bundle = await rolldown({
    input,
    platform: 'node',
    external: [/^@duckdb\//, /^@grafana\//, 'nodemailer', 'pino-pretty'],
    // As ES modules, which begin faster than what Node is given by default, each of whose files is a function.
    resolve: {
      alias: { yaml: fileURLToPath(new URL('browser/index.js', import.meta.resolve('yaml/package.json'))) },
    },
  });
  const written = await bundle.write({ dir: path('dist'), ...output });
  return written.output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
}
