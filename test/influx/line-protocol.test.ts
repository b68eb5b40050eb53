import { describe, expect, it } from 'vitest';
import { LineProtocol } from '../../src/influx/line-protocol.js';
import type { Point, Reading, Value } from '../../src/reading.js';
import { packReadings } from '../../src/readings-builder.js';
import { seeded } from '../seeded.js';

const DEFINITION = {
  name: 'demo',
  measurement: 'sensor',
  metrics: [
    { name: 'cpu_load', type: 'float' },
    { name: 'random_value', type: 'integer' },
    { name: 'counter', type: 'integer' },
  ],
} as const;
const TIME = 1_795_334_400_000_000_001n;

const encodeAll = (readings: readonly Reading[], points: readonly Point[] = [], env = 'dev') =>
  new LineProtocol(DEFINITION, env)
    .encode({ readings: packReadings(DEFINITION.metrics, readings), points })
    .toString();
const encode = (reading: Partial<Reading>, env = 'dev') =>
  encodeAll([{ timestamp: TIME, values: [7.5, 5n, 12n], defect: false, ...reading }], [], env);
const encodePoint = (point: Partial<Point>) =>
  encodeAll([], [{ measurement: 'error.line', fields: { value: 0 }, timestamp: TIME, ...point }]);

describe('line protocol', () => {
  it('has one point a line, with one field a metric', () => {
    expect(encode({})).toBe(
      `sensor,env=dev,sensor=demo,defect=false cpu_load=7.5,random_value=5i,counter=12i ${TIME}\n`,
    );
  });

  it('marks a defect', () => {
    expect(encode({ values: [0, 0n, 0n], defect: true })).toBe(
      `sensor,env=dev,sensor=demo,defect=true cpu_load=0,random_value=0i,counter=0i ${TIME}\n`,
    );
  });

  it.each([
    ['the first', [null, 5n, 12n], 'random_value=5i,counter=12i'],
    ['the last', [7.5, 5n, null], 'cpu_load=7.5,random_value=5i'],
    ['all but one', [null, 5n, null], 'random_value=5i'],
  ])('leaves out a value that could not be cast: %s', (_, values, fields) => {
    expect(encode({ values })).toContain(`defect=false ${fields} ${TIME}\n`);
  });

  it.each([
    ['beyond what a double holds', 9_007_199_254_740_993n, '9007199254740993i'],
    ['the largest', 9_223_372_036_854_775_807n, '9223372036854775807i'],
    ['the smallest', -9_223_372_036_854_775_808n, '-9223372036854775808i'],
  ])('writes integers exactly: %s', (_, value, written) => {
    expect(encode({ values: [null, value, null] })).toContain(` random_value=${written} `);
  });

  it.each([
    [1e21, '1e+21'],
    [5e-7, '5e-7'],
    [-0, '0'],
    [0.1 + 0.2, '0.30000000000000004'],
    [8, '8'],
  ])('writes the float %d as short as it can be read back', (value, written) => {
    expect(encode({ values: [value, null, null] })).toContain(` cpu_load=${written} `);
  });

  it.each([
    ['a space', 'lab 2', 'lab\\ 2'],
    ['a comma', 'a,b', 'a\\,b'],
    ['an equals sign', 'a=b', 'a\\=b'],
    ['quotes', `"a'b"`, `"a'b"`],
    ['other scripts', 'Zürich 東京', 'Zürich\\ 東京'],
  ])('escapes in a tag what would end it: %s', (_, env, written) => {
    expect(encode({}, env)).toContain(`sensor,env=${written},sensor=demo,defect=false `);
  });

  it('groups errors by a tag that repeats their name, and leaves it out where there is no kind', () => {
    expect(encodePoint({ kind: 'error.line', fields: { value: 3 } })).toBe(
      `error.line,env=dev,sensor=demo,kind=error.line value=3i ${TIME}\n`,
    );
    expect(encodePoint({ measurement: 'runner', fields: { read: 2, queued: 1 } })).toBe(
      `runner,env=dev,sensor=demo read=2i,queued=1i ${TIME}\n`,
    );
  });

  it('puts the readings before the points: delivery counts the first lines as readings', () => {
    const text = encodeAll(
      [
        { timestamp: TIME, values: [1, null, null], defect: false },
        { timestamp: TIME + 1n, values: [2, null, null], defect: false },
      ],
      [{ measurement: 'runner', fields: { read: 2 }, timestamp: TIME + 2n }],
    );
    const measurements = text.split('\n').map((line) => line.split(',')[0]);
    expect(measurements).toEqual(['sensor', 'sensor', 'runner', '']);
  });
});

describe('the timestamps of a batch', () => {
  it.each<[string, bigint, bigint[]]>([
    ['from nines to noughts', TIME - 1_000_000n, [999_998n, 999_999n, 1_000_000n, 1_000_001n]],
    ['with gaps', TIME, [0n, 1n, 4n, 5n, 1_000n, 1_001n, 2_000_000_000n]],
    ['in a row after a gap that ends with nines', TIME, [0n, 98n, 99n, 100n]],
    ['of ten digits at last', 999_999_990n, [8n, 9n, 10n, 11n]],
    ['of few digits', 7n, [0n, 1n, 2n, 3n, 4n, 92n, 93n]],
    ['of 18 digits at first', 999_999_999_999_999_998n, [0n, 1n, 2n, 3n]],
    ['that leap from 1970 to now', 60_000_000_009n, [0n, 1n, TIME, TIME + 1n]],
  ])('count on: %s', (_, from, offsets) => {
    const readings = offsets.map((offset) => ({ timestamp: from + offset, values: [1], defect: false }));
    const written = encodeAll(readings).match(/(?<= )\d+(?=\n)/g);
    expect(written).toEqual(readings.map(({ timestamp }) => String(timestamp)));
  });
});

describe('a whole batch', () => {
  it('is written as it would be line by line, whatever it holds', () => {
    const random = seeded(1);
    const below = (end: number) => Math.floor(random() * end);
    const names = ['load', 'größe', 'a b', 'x=y', 'p,q', '温度', 'é', '🌡 out', 'n'];
    for (let round = 0; round < 300; round += 1) {
      const metrics = names.slice(0, 1 + below(names.length)).map((name) => {
        return { name, type: below(2) === 0 ? 'float' : 'integer' } as const;
      });
      const definition = { name: 'dé mo', measurement: below(2) === 0 ? 'sensor' : 'mein, Sensör', metrics };
      let timestamp = [TIME, 1n, 95n, 999_999_999_999_999_990n][below(4)] as bigint;
      const readings = Array.from({ length: below(200) }, (): Reading => {
        timestamp += below(5) === 0 ? BigInt(below(3) === 0 ? below(2 ** 40) + 1 : below(200) + 1) : 1n;
        const present = below(metrics.length);
        const values = metrics.map(({ type }, column): Value | null => {
          if (column !== present && below(3) === 0) return null;
          if (type === 'integer') return BigInt.asIntN(64, BigInt(below(2 ** 53)) << BigInt(below(12)));
          return below(3) === 0 ? below(100) - 50 : (random() - 0.5) * 10 ** (below(60) - 30);
        });
        return { timestamp, values, defect: below(4) === 0 };
      });
      // Nothing is nearer to the bytes of a NaN, wherever it comes to lie.
      const env = `${'x'.repeat(below(9))}\u007f🌡\u007fü`;
      const encoder = new LineProtocol(definition, env);
      const packed = packReadings(metrics, readings);
      const points = [{ measurement: 'runner', fields: { 'gelesen ü': round }, timestamp }];
      const expected = readings.map((reading) => plain(definition, env, reading));
      const point = `runner,env=${env},sensor=dé\\ mo gelesen\\ ü=${round}i ${timestamp}\n`;
      expect(encoder.encode({ readings: packed, points }).toString()).toBe(expected.join('') + point);
    }
  });
});

/** One reading, written without regard for speed. */
function plain(
  { name, measurement, metrics }: ConstructorParameters<typeof LineProtocol>[0],
  env: string,
  { timestamp, values, defect }: Reading,
): string {
  const key = (text: string) => text.replace(/[,= ]/g, (sign) => `\\${sign}`);
  const fields = metrics.flatMap((metric, column) => {
    const value = values[column] ?? null;
    return value === null ? [] : [`${key(metric.name)}=${value}${metric.type === 'integer' ? 'i' : ''}`];
  });
  const tags = `env=${key(env)},sensor=${key(name)},defect=${defect}`;
  return `${measurement.replace(/[, ]/g, '\\$&')},${tags} ${fields.join(',')} ${timestamp}\n`;
}
