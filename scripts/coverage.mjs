// Which lines of src/ the tests run, room by room: those that run in the test's own process, and those that run in the
// command lines which the tests start. Files given are the only tests to be run: npm run coverage -- test/influx
// The page (src/local/page) is left out: a browser runs it, and its tests look at it there.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const FOLDER = path('coverage');

rmSync(FOLDER, { recursive: true, force: true });
const tests = run(
  'vitest',
  ['run', ...process.argv.slice(2)],
  ['--coverage.enabled', '--coverage.include=src/**/*.ts', '--coverage.exclude=src/local/page/**'],
  [
    '--coverage.reporter=lcovonly',
    '--coverage.reportOnFailure',
    `--coverage.reportsDirectory=${FOLDER}/tests`,
  ],
);
run('c8', [
  'report',
  `--temp-directory=${FOLDER}/raw`,
  `--reports-dir=${FOLDER}/children`,
  '--reporter=lcovonly',
]);

const own = linesIn(`${FOLDER}/tests/lcov.info`);
const children = linesIn(`${FOLDER}/children/lcov.info`);
const files = [...own].map(([file, lines]) => {
  const missed = [...lines].filter(([line, times]) => times === 0 && !(children.get(file)?.get(line) > 0));
  return { file, lines: lines.size, missed: missed.map(([line]) => line) };
});

const roomOf = ({ file }) => file.match(/^src\/([^/]+)\//)?.[1] ?? 'src';
for (const room of [...new Set(files.map(roomOf))].sort()) {
  print(
    room,
    files.filter((file) => roomOf(file) === room),
  );
}
print('all', files);
for (const { file, missed } of files.filter(({ missed }) => missed.length > 0)) {
  process.stdout.write(`${file}: ${ranges(missed)}\n`);
}
process.exit(tests.status ?? 1);

function run(command, ...args) {
  const env = { ...process.env, COVERAGE_OF_CHILDREN: `${FOLDER}/raw` };
  return spawnSync('npx', [command, ...args.flat()], { cwd: path(''), env, stdio: 'inherit' });
}

/** Of each file how often each line was run, by lcov's `SF:` and `DA:`. */
function linesIn(lcov) {
  const files = new Map();
  let lines = new Map();
  for (const entry of readFileSync(lcov, 'utf8').split('\n')) {
    if (entry.startsWith('SF:')) {
      lines = new Map();
      files.set(relative(path(''), entry.slice(3)), lines);
    } else if (entry.startsWith('DA:')) {
      const [line, times] = entry.slice(3).split(',').map(Number);
      lines.set(line, times);
    }
  }
  return files;
}

function print(name, files) {
  const lines = files.reduce((sum, file) => sum + file.lines, 0);
  const missed = files.reduce((sum, file) => sum + file.missed.length, 0);
  const share = ((100 * (lines - missed)) / lines).toFixed(1);
  process.stdout.write(`${name.padEnd(12)} ${share.padStart(5)} % of ${lines} lines\n`);
}

/** `3-5, 9` */
function ranges(lines) {
  const groups = [];
  for (const line of lines.sort((one, other) => one - other)) {
    const last = groups.at(-1);
    if (last !== undefined && line === last.end + 1) last.end = line;
    else groups.push({ start: line, end: line });
  }
  return groups.map(({ start, end }) => (start === end ? start : `${start}-${end}`)).join(', ');
}
