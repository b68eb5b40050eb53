import { type Definition, errorKinds, type Metric } from '../../src/definition.js';
import { LineProtocol } from '../../src/influx/line-protocol.js';
import { RUNNER_FIELDS } from '../../src/queries/query.js';
import type { Point, Reading, Value } from '../../src/reading.js';
import { packReadings } from '../../src/readings-builder.js';
import { seeded } from '../seeded.js';

export const SECONDS = 300;

/**
 * What a runner writes in {@link SECONDS} seconds, as line protocol: a line a second with all that there can be
 * (defects, repeats, falls, a gauge from -10 to 110), and a heartbeat every 10 s, now and then with errors.
 */
export function linesOf(
  definition: Definition,
  env: string,
  { fromMs, seed }: { fromMs: number; seed: number },
): string {
  const random = seeded(seed);
  const readings: Reading[] = [];
  const points: Point[] = [];
  for (let second = 0; second < SECONDS; second += 1) {
    const timestamp = BigInt(fromMs + second * 1_000) * 1_000_000n;
    const defect = definition.defect === 'all-zero' && second % 40 === 7;
    const values = definition.metrics.map((metric): Value => {
      const value = defect ? 0 : numberAt(metric, second, random);
      return metric.type === 'integer' ? BigInt(Math.round(value)) : value;
    });
    readings.push({ timestamp, values, defect });
    if (second % 10 === 0) points.push(...heartbeat(definition, second, timestamp));
  }
  const packed = packReadings(definition.metrics, readings);
  return new LineProtocol(definition, env).encode({ readings: packed, points }).toString();
}

function numberAt(metric: Metric, second: number, random: () => number): number {
  if (metric.kind === 'counter') return (second % 100) + 1;
  const [low, high] = metric.kind === 'random' ? metric.range : [-10, 110];
  return low + (Math.floor(random() * 201) / 200) * (high - low);
}

function heartbeat(definition: Definition, second: number, timestamp: bigint): Point[] {
  const errors = errorKinds(definition).map((kind, index) => {
    const fields = { value: (second + index) % 70 === 0 ? 2 : 0 };
    return { measurement: kind, kind, fields, timestamp };
  });
  const fields = Object.fromEntries(RUNNER_FIELDS.map((field) => [field, second]));
  return [...errors, { measurement: 'runner', fields, timestamp }];
}
