import type { Definition } from '../../src/definition.js';
import { errorKinds } from '../../src/definition.js';
import { RUNNER_FIELDS } from '../../src/queries/query.js';
import type { Batch, Point, Reading, Value } from '../../src/reading.js';
import { packReadings } from '../../src/readings-builder.js';
import { seeded } from '../seeded.js';

/** Names that are keywords, hold dots and dashes, or are what the SQL calls its own columns. */
export const DEFINITION: Definition = {
  name: 'demo',
  measurement: 'my.sensor-1',
  separator: 'whitespace',
  metrics: [
    { name: 'read', type: 'float', kind: 'gauge' },
    { name: 'a-b.c', type: 'integer', kind: 'random', range: [4_000_000, 8_000_000] },
    { name: 'ns', type: 'integer', kind: 'counter', rate: 1 },
    { name: 'value', type: 'integer', kind: 'gauge' },
  ],
  defect: 'all-zero',
  alerts: [],
  notify: [],
};

export const ENVS = ['dev', `it's "a/b"\\ü, x=$1 (c+d)`, 'lonely'] as const;

export const START_MS = 1_700_000_000_000;
export const SECONDS = 250;

export type Rows = Pick<Batch, 'readings' | 'points'>;

/**
 * About a line a second, with everything that a sensor does to us: defects, gaps, values that could not be cast,
 * repeats, negative values, counters that fall and start again, integers beyond a double, values on the edges of
 * the histogram and outside. The last environment has a single line, and the others overlap in time; as in a real
 * store no two lines have the same time.
 */
export function rowsOf(env: (typeof ENVS)[number]): Rows {
  const random = seeded(ENVS.indexOf(env) + 1);
  const start = START_MS + ENVS.indexOf(env);
  if (env === 'lonely') return packed([reading(start, 0n, [7.5, 5_000_000n, 1n, -3n])]);
  const readings: Reading[] = [];
  const points: Point[] = [];
  const totals = Object.fromEntries(RUNNER_FIELDS.map((field) => [field, 0]));
  let counter = 0n;
  for (let second = 0; second < SECONDS; second += 1) {
    const ms = start + second * 1000;
    if (second % 10 === 0) points.push(...pointsAt(ms, totals, random));
    if (random() < 0.01) second += Math.floor(random() * 40);
    counter = random() < 0.03 ? 0n : counter + BigInt(Math.floor(random() * 4)) - (random() < 0.05 ? 5n : 0n);
    const late = random() < 0.5 ? 0n : BigInt(Math.floor(random() * 999_999_999));
    readings.push(reading(start + second * 1000, late, valuesAt(second, counter, random)));
  }
  return packed(readings, points);
}

export function packed(readings: readonly Reading[], points: readonly Point[] = []): Rows {
  return { readings: packReadings(DEFINITION.metrics, readings), points };
}

function valuesAt(second: number, counter: bigint, random: () => number): (Value | null)[] {
  const edge = BigInt(4_000_000 + 400_000 * Math.floor(random() * 11));
  const anywhere = BigInt(3_900_000 + Math.floor(random() * 4_200_000));
  const far = random() < 0.5 ? 9_007_199_254_740_993n : -9_007_199_254_740_995n;
  const values: (Value | null)[] = [
    second % 120 < 30 ? 5.25 : Math.round((random() * 12 - 2) * 10) / 10,
    random() < 0.2 ? edge : anywhere,
    counter,
    random() < 0.5 ? far + BigInt(Math.floor(random() * 1000)) : BigInt(Math.floor(random() * 10) - 5),
  ];
  if (random() < 0.05) return [0, 0n, 0n, 0n];
  return values.map((value, column) => (column !== second % 4 || random() > 0.1 ? value : null));
}

function pointsAt(ms: number, totals: Record<string, number>, random: () => number): Point[] {
  for (const field of RUNNER_FIELDS) {
    totals[field] = random() < 0.05 ? 0 : (totals[field] as number) + Math.floor(random() * 20);
  }
  const timestamp = BigInt(ms) * 1_000_000n;
  const errors = errorKinds(DEFINITION).map((kind) => ({
    measurement: kind,
    kind,
    fields: { value: random() < 0.8 ? 0 : Math.floor(random() * 5) },
    timestamp,
  }));
  return [...errors, { measurement: 'runner', fields: { ...totals }, timestamp }];
}

function reading(ms: number, lateNs: bigint, values: (Value | null)[]): Reading {
  const defect = values.every((value) => value === 0 || value === 0n);
  return { timestamp: BigInt(ms) * 1_000_000n + lateNs, values, defect };
}
