/** Imports flow one way: a stage knows what crosses stages and its own folder; who wires the stages knows them. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Import, sourceFiles } from './source-tree.js';

/** What crosses the stages. Every room may import it. */
const CROSSING = {
  errors: ['errors.ts'],
  definition: ['definition.ts'],
  reading: ['reading.ts', 'readings.ts'],
  log: ['log.ts'],
};

/** What knows no stage, and stands in a file of its own since several rooms need it. Every room may import it. */
const PLAIN = {
  ascii: ['ascii.ts'],
  quantity: ['quantity.ts'],
  ticks: ['ticks.ts'],
  'retry-after': ['retry-after.ts'],
  'fetch-answer': ['fetch-answer.ts'],
  'state-json': ['state-json.ts'],
  'hidden-texts': ['hidden-texts.ts'],
  'secret-file': ['secret-file.ts'],
  zod: ['zod.ts'],
};

/** All other rooms that are not folders. */
const GROUPS = {
  terminal: ['terminal.ts', 'terminal-line.ts', 'terminal-output.ts'],
  settings: ['settings.ts', 'setting-kinds.ts', 'resolve-settings.ts'],
  'definition-file': [
    'definition-file.ts',
    'definition-schema.ts',
    'definition-names.ts',
    'definition-issues.ts',
  ],
  'state-directory': ['state-directory.ts', 'state-lock.ts'],
  parse: ['parse.ts', 'scan.ts', 'readings-builder.ts'],
  ledger: ['ledger.ts'],
  destination: ['destination.ts'],
  intake: ['intake.ts', 'complaints.ts', 'feed.ts'],
  holding: ['holding.ts'],
  progress: ['progress.ts', 'status.ts', 'systemd.ts'],
  runner: [
    ...['runner.ts', 'sources.ts', 'destinations.ts', 'monitoring.ts'],
    ...['reloads.ts', 'clear-data.ts', 'dry-run.ts'],
  ],
  cli: ['cli.ts', 'command-line.ts', 'signals.ts'],
  index: ['index.ts'],
};

/** What a room imports beyond {@link CROSSING}, {@link PLAIN} and itself, and why. */
const BEYOND: Record<string, Record<string, readonly string[]>> = {
  // Stages
  intake: {
    'what comes in, and what a line becomes': ['source', 'parse'],
    'counts every line': ['ledger'],
  },
  alerting: { 'a rule is a question': ['queries'] },
  influx: {
    'is a destination': ['destination'],
    'says what became of each line': ['ledger'],
    'keeps its buffer there': ['state-directory'],
    'InfluxQL is written one way': ['queries'],
  },
  store: {
    'is a destination': ['destination'],
    'says what became of each line': ['ledger'],
    'SQL is written one way': ['queries'],
    'keeps how alerts changed': ['alerting'],
  },
  holding: { 'stands before a destination': ['destination'], 'counts what it drops': ['ledger'] },
  notify: { 'tells alerts as Grafana does: their texts, labels, timing and receivers': ['alerting'] },
  local: {
    'charts and alerts ask the store': ['queries', 'store'],
    'evaluates and shows alerts': ['alerting'],
  },
  'local/page': { 'the types of the JSON that it gets': ['local'] },
  grafana: { 'panels and rules share their queries': ['queries', 'alerting'] },
  progress: {
    'shows how it goes': ['ledger', 'destination'],
    'where it is shown': ['terminal'],
  },
  log: { 'gives way to the status line': ['terminal'] },

  // Who wires the stages
  runner: {
    'the way of the data': [
      'source',
      'intake',
      'parse',
      'holding',
      'ledger',
      'destination',
      'influx',
      'store',
    ],
    'what watches it': ['alerting', 'local', 'notify', 'progress', 'terminal'],
    'what it is told': ['settings', 'definition-file', 'state-directory'],
  },
  check: {
    'tries each with the code of the run': [
      'source',
      'parse',
      'influx',
      'local',
      'notify',
      'definition-file',
    ],
    'the name of the data source': ['grafana'],
    'the directory is one of what it checks': ['state-directory'],
  },
  commands: {
    'what they are about': ['check', 'grafana', 'influx', 'local', 'notify', 'store'],
    'export packs readings, to write them as lines': ['parse'],
    'check asks which source and destination a run would choose': ['runner'],
    'what they are told': ['settings', 'definition-file', 'state-directory'],
    'whether there are colours': ['terminal'],
  },
  cli: { 'chooses the command': ['commands', 'runner'], 'what it gives to it': ['settings', 'terminal'] },
  index: { 'what other programs may use': ['definition-file', 'local'] },
};

/** Where it is not an argument. */
const READS_THE_ENVIRONMENT = {
  'cli.ts': 'hands it to the command',
  'launcher/launch.ts': 'finds by it where compiled code is kept',
  'state-lock.ts': 'hands it on to `ps`, with another language',
};

const FILES = sourceFiles();
const NAMED = Object.entries({ ...CROSSING, ...PLAIN, ...GROUPS });

/** A folder is a room, but for a folder of a folder, which belongs to it; and the page, which another program runs. */
function roomOf(path: string): string {
  if (path.startsWith('local/page/')) return 'local/page';
  const [folder, file] = path.split('/');
  if (file !== undefined) return folder as string;
  return NAMED.find(([, files]) => files.includes(path))?.[0] ?? `no room for ${path}`;
}

const isOurs = ({ of }: Import) => of.endsWith('.ts');

/** Who imports whom, each file under the name that it is given. */
function graph(name: (path: string) => string, wanted: (each: Import) => boolean): Map<string, Set<string>> {
  const edges = new Map<string, Set<string>>();
  for (const { path, imports } of FILES) {
    const from = name(path);
    const to = imports.filter((each) => isOurs(each) && wanted(each)).map(({ of }) => name(of));
    edges.set(from, new Set([...(edges.get(from) ?? []), ...to.filter((each) => each !== from)]));
  }
  return edges;
}

/** A way that leads back to where it began, for everything from which there is one. */
function cycles(edges: Map<string, Set<string>>): string[] {
  const wayBack = (start: string) => {
    const ways = [[start]];
    const seen = new Set<string>();
    for (const way of ways) {
      for (const next of edges.get(way.at(-1) as string) ?? []) {
        if (next === start) return [...way, start].join(' -> ');
        if (!seen.has(next)) ways.push([...way, next]);
        seen.add(next);
      }
    }
    return undefined;
  };
  return [...edges.keys()].flatMap((start) => wayBack(start) ?? []);
}

describe('imports', () => {
  it('of what is loaded never lead back to the file', () => {
    expect(cycles(graph(String, ({ typeOnly }) => !typeOnly))).toEqual([]);
  });

  it('never lead back to the room, types included', () => {
    expect(cycles(graph(roomOf, () => true))).toEqual([]);
  });

  it('go only to what crosses stages, to the own room, and where the table says why', () => {
    const found = [...graph(roomOf, () => true)].flatMap(([from, to]) =>
      [...to].map((each) => `${from} -> ${each}`),
    );
    const everybodys = (edge: string) =>
      Object.keys({ ...CROSSING, ...PLAIN }).includes(edge.split(' -> ')[1] ?? '');
    const allowed = Object.entries(BEYOND).flatMap(([from, reasons]) =>
      Object.values(reasons).flatMap((to) => to.map((each) => `${from} -> ${each}`)),
    );
    expect(found.filter((edge) => !everybodys(edge)).toSorted()).toEqual(allowed.toSorted());
  });

  it('have a room for every file, and a file for every name in the table', () => {
    const loose = FILES.map(({ path }) => path).filter((path) => !path.includes('/'));
    expect(NAMED.flatMap(([, files]) => files).toSorted()).toEqual(loose);
  });

  it('of the page are of the page itself; from the server it has only the types of what is said', () => {
    const outside = FILES.filter(({ path }) => roomOf(path) === 'local/page')
      .flatMap(({ imports }) => imports)
      .filter((each) => !(isOurs(each) && roomOf(each.of) === 'local/page'));
    expect(outside.filter(({ typeOnly }) => !typeOnly)).toEqual([]);
    expect([...new Set(outside.map(({ of }) => of))].toSorted()).toEqual(['local/api.ts', 'uplot']);
    expect(FILES.find(({ path }) => path === 'local/api.ts')?.imports).toEqual([]);
  });
});

describe('the process', () => {
  const taking = (pattern: RegExp) =>
    FILES.filter(({ takenFromProcess }) => takenFromProcess.some((name) => pattern.test(name))).map(
      ({ path }) => path,
    );

  it('is asked for its environment only where that is not an argument', () => {
    expect(taking(/^env$/)).toEqual(Object.keys(READS_THE_ENVIRONMENT));
  });

  it('is ended by the command line alone', () => {
    expect(taking(/^(?:exit|exitCode|reallyExit|abort)$/)).toEqual(['cli.ts']);
  });

  it('is always the global one, each thing of it taken by its name', () => {
    const importing = FILES.filter(({ imports }) => imports.some(({ of }) => /^(?:node:)?process$/.test(of)));
    expect([...taking(/^anything$/), ...importing.map(({ path }) => path)]).toEqual([]);
  });
});

it('No file and no folder is named for what has no name', () => {
  const nameless = /(?:^|[/-])(?:utils?|utilities|helpers?|managers?|types|common|misc)(?:[./-]|$)/;
  const root = fileURLToPath(new URL('..', import.meta.url));
  const paths = ['src', 'test'].flatMap((folder) =>
    readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' }),
  );
  expect(paths.filter((path) => nameless.test(path))).toEqual([]);
});
