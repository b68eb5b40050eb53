import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Alert, Condition, Definition, ErrorKind, Query } from '../../src/definition.js';
import { seeded } from '../seeded.js';
import { hasInfluxd, type Influxd, startInfluxd } from '../servers/influxd.js';
import { temporaryFolder } from '../visualizer.js';
import { duckdbEngine } from './duckdb.js';
import { type Event, Replay, store } from './replay.js';
import { type Second, storedBySecond } from './timeline.js';

/** Other definitions and data than the bundled ones, drawn by lot: AGREEMENT_SEEDS=100 draws more. */
const SEEDS = Array.from({ length: Number(process.env.AGREEMENT_SEEDS ?? 2) }, (_, index) => index + 1);
const SECONDS = 900;
const ALERTS = 30;

describe.skipIf(!hasInfluxd)('both engines', () => {
  let influxd: Influxd;
  let folder: string;
  beforeAll(async () => {
    influxd = await startInfluxd();
    folder = temporaryFolder();
  });
  afterAll(async () => {
    await influxd?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(SEEDS)(
    'tell the same changes of alerts and data drawn by lot: %i',
    { timeout: 300_000 },
    async (seed) => {
      const random = seeded(seed);
      const definition = definitionOf(random);
      const batches = [...storedBySecond(definition, linesOf(random))];
      await influxd.query('', `CREATE DATABASE lot${seed}`);
      await store(influxd, `lot${seed}`, definition, batches);
      const influx = new Replay(influxd, `lot${seed}`, definition);
      const duckdb = await duckdbEngine(folder, definition);
      await duckdb.store(batches);

      for (const engine of [influx, duckdb]) {
        await engine.over([0, 500]);
        await engine.over([500, 560], { failing: true });
        await engine.over([560, SECONDS + 200]);
      }
      await duckdb.close?.();
      expect(duckdb.events.length).toBeGreaterThan(ALERTS);
      expect(told(duckdb.events)).toEqual(told(influx.events));
    },
  );
});

function told(events: readonly Event[]): string[] {
  return events
    .map(({ alert, labels: { env, kind }, from, to, second, value }) => {
      const rounded = value === null ? 'nothing' : Number(value.toPrecision(9));
      return `${alert} ${env} ${kind} at ${second}: ${from} -> ${to} by ${rounded}`;
    })
    .sort();
}

function definitionOf(random: () => number): Definition {
  const definition: Definition = {
    name: 'lot',
    measurement: 'lot',
    separator: 'whitespace',
    metrics: [
      { name: 'load', type: 'float', kind: 'gauge' },
      { name: 'lot value', type: 'integer', kind: 'random', range: [0, 100] },
      { name: 'steps', type: 'integer', kind: 'counter', rate: 1 },
    ],
    defect: 'all-zero',
    alerts: [],
    notify: [],
  };
  return { ...definition, alerts: Array.from({ length: ALERTS }, (_, index) => alertOf(index, random)) };
}

function alertOf(index: number, random: () => number): Alert {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const aggregate = pick(AGGREGATES);
  const of =
    aggregate === 'errors'
      ? pick(['any', 'error.line', 'error.lot value'])
      : pick(['load', 'lot value', 'steps']);
  const query: Query = {
    aggregate,
    of,
    overMs: pick([1_000, 7_500, 10_000, 30_000, 60_000]),
    defects: aggregate === 'errors' ? 'excluded' : pick(['excluded', 'only', 'included']),
    ...(aggregate === 'count' && random() < 0.5 ? { above: pick([3, 7.5, 50]) } : {}),
  };
  return {
    id: `alert-${index}`,
    query,
    condition: conditionOf(aggregate, of, random),
    forMs: pick([0, 0, 5_000, 20_000]),
    keepFiringMs: pick([0, 0, 15_000, 30_000]),
    cooldownMs: 0,
    severity: 'info',
    summary: 'drawn by lot',
  };
}

const AGGREGATES: readonly Query['aggregate'][] = [
  ...(['mean', 'min', 'max', 'spread', 'stddev', 'count', 'repeats'] as const),
  ...(['rate', 'min_difference', 'last', 'errors', 'count', 'errors'] as const),
];

/** Near what is answered, but no limit that a mean might meet but for its last digits. */
function conditionOf(aggregate: Query['aggregate'], of: string, random: () => number): Condition {
  const counts = aggregate === 'count' || aggregate === 'repeats' || aggregate === 'errors';
  const size = counts ? 10 : of === 'load' ? 8 : of === 'steps' ? 2 : 60;
  const limit = random() * size;
  if (counts && random() < 0.3) return { below: 1 };
  if (counts && random() < 0.3) return { equals: Math.floor(limit / 3) };
  if (random() < 0.2) return { outside: [limit, limit * 1.5 + 0.01] };
  return random() < 0.5 ? { above: limit } : { below: limit };
}

/** Lines that change their nature every now and then: none, several a second, defects, garbage, falls of the counter. */
function linesOf(random: () => number): Second[] {
  let [counter, nature, level] = [0, 0, 5];
  const line = (): string => {
    counter += random() < 0.05 ? -Math.floor(random() * 20) : Math.floor(random() * 3);
    const lot = nature > 0.9 ? 42 : Math.floor(random() * 100);
    const load = nature > 0.8 ? level.toFixed(3) : (level + random() * 3).toFixed(4);
    if (random() < 0.1 && nature > 0.5) return '0 0 0';
    if (random() < 0.1 && nature > 0.6) return random() < 0.5 ? 'garbage' : `${load} x ${counter}`;
    return `${load} ${lot} ${counter}`;
  };
  const kinds: readonly ErrorKind[] = ['error.sensor_exit', 'connectivity_error'];
  return Array.from({ length: SECONDS }, (_, second) => {
    if (second % 60 === 0) [nature, level] = [random(), random() * 8];
    const count = nature < 0.2 ? 0 : nature < 0.3 ? Math.floor(random() * 4) : 1;
    return {
      printed: Array.from({ length: count }, () => Buffer.from(line())),
      errors: kinds.filter(() => nature > 0.4 && random() < 0.03),
    };
  });
}
