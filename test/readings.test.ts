import { describe, expect, it } from 'vitest';
import type { Definition } from '../src/definition.js';
import { lineParser } from '../src/parse.js';
import type { Reading, Value } from '../src/reading.js';
import { packReadings, ReadingsBuilder } from '../src/readings-builder.js';
import { Scanner } from '../src/scan.js';
import { seeded } from './seeded.js';

const FLOAT = { type: 'float' } as const;
const INTEGER = { type: 'integer' } as const;
const TIME = 1_795_334_400_000_000_000n;

/** Rows of lines with one value each. */
function rowsOf(texts: readonly string[], type: 'float' | 'integer') {
  const definition: Definition = {
    name: 'one',
    measurement: 'one',
    separator: 'whitespace',
    metrics: [{ name: 'value', type, kind: 'gauge' }],
    defect: 'none',
    alerts: [],
    notify: [],
  };
  const parse = lineParser(definition);
  const scanner = new Scanner(definition, (line) => {
    const parsed = parse(line);
    return 'values' in parsed ? parsed : undefined;
  });
  const builder = new ReadingsBuilder(definition.metrics);
  scanner.scan(Buffer.from(texts.map((text) => `${text}\n`).join('')), builder);
  builder.stamp(TIME);
  return builder.build();
}

describe('a packed value', () => {
  it('is the number that its text stands for, as near as a double can be', () => {
    const random = seeded(1);
    const below = (end: number) => Math.floor(random() * end);
    const texts = Array.from({ length: 200_000 }, () => {
      const digits = Array.from({ length: 1 + below(20) }, () => below(10)).join('');
      const sign = below(3) === 0 ? '-' : '';
      const point = below(digits.length + 2);
      if (point === 0 || point >= digits.length) return sign + digits.replace(/^0+(?=\d)/, '');
      return `${sign}${digits.slice(0, point).replace(/^0+(?=\d)/, '')}.${digits.slice(point)}`;
    });
    const readings = rowsOf(texts, 'float');
    const wrong = texts.filter((text, row) => {
      // There is no negative zero in a database.
      const expected = Number(text) + 0;
      return !Object.is(readings.number(row, 0), expected) || !Object.is(readings.value(row, 0), expected);
    });
    expect(wrong).toEqual([]);
  });

  it.each([
    ...['0.1', '0.3', '5e-324', '1e+21', '1.7976931348623157e+308', '-2.5e-7', '123456789012345.6'],
    ...[
      '9007199254740993',
      '9007199254740992.5',
      '999999999999999',
      '0.000000000000001',
      '8.000000000000000',
    ],
  ])('is the number also near the ends of what is worked out by hand: %s', (text) => {
    expect(rowsOf([text, `-${text.replace(/^-/, '')}`], 'float').number(0, 0)).toBe(Number(text));
  });

  it('is exact to 64 bits', () => {
    const random = seeded(2);
    const ends = [0n, 10n ** 15n, 2n ** 53n, 10n ** 16n, 10n ** 18n, 2n ** 63n - 1n];
    const integers = ends.flatMap((end) => [end, end - 1n, -end, 1n - end, -end - 1n]);
    for (let bits = 1n; bits < 63n; bits += 1n) {
      const some = (2n ** bits * BigInt(Math.floor(random() * 2 ** 53))) / 2n ** 53n;
      integers.push(2n ** bits, 2n ** bits + some, -(2n ** bits) - some);
    }
    const texts = integers.map(String);
    const readings = rowsOf(texts, 'integer');
    expect(texts.map((_, row) => readings.value(row, 0))).toEqual(integers);
    expect(texts.map((_, row) => readings.number(row, 0))).toEqual(integers.map(Number));
  });

  it('may be missing', () => {
    const readings = packReadings(
      [FLOAT, INTEGER],
      [
        { timestamp: TIME, values: [null, 1n], defect: false },
        { timestamp: TIME + 1n, values: [0, null], defect: false },
      ],
    );
    const ask = (row: number, column: number) => [
      readings.has(row, column),
      readings.value(row, column),
      readings.number(row, column),
    ];
    expect([ask(0, 0), ask(0, 1), ask(1, 0), ask(1, 1)]).toEqual([
      [false, null, Number.NaN],
      [true, 1n, 1],
      [true, 0, 0],
      [false, null, Number.NaN],
    ]);
  });
});

describe('a packed timestamp', () => {
  it('counts lines that were read together, those included that hold no reading', () => {
    const builder = new ReadingsBuilder([FLOAT]);
    for (const line of [0, 1, 4]) builder.addValues(line, [line], false);
    builder.stamp(TIME);
    builder.stamp(TIME + 100n);
    for (const line of [2, 3]) builder.addValues(line, [line], false);
    builder.stamp(TIME + 999_999_999n);
    const readings = builder.build();
    const times = [0n, 1n, 4n, 1_000_000_001n, 1_000_000_002n].map((offset) => TIME + offset);
    expect(Array.from(readings, ({ timestamp }) => timestamp)).toEqual(times);
    expect([1, 2, 3, 4].map((row) => readings.step(row))).toEqual([1, 3, 999_999_997, 1]);
  });

  it('begins with the first line that holds a reading', () => {
    const builder = new ReadingsBuilder([FLOAT]);
    builder.stamp(5n);
    builder.addValues(7, [1], false);
    builder.stamp(TIME);
    expect(builder.build().timestamp(0)).toBe(TIME + 7n);
  });

  it.each([
    ['a machine learns which year it is', [3_600_000_000_000n, TIME, TIME + 1_000_000_007n]],
    [
      'the days are many',
      [TIME, TIME + 10n ** 16n + 1n, TIME + 2n * 10n ** 16n + 3n, TIME + 10n ** 17n + 1n],
    ],
    ['it goes back', [TIME, 1n, TIME + 3n]],
  ])('is exact, and has a step, however far the clock leaps: %s', (_, stamps) => {
    const builder = new ReadingsBuilder([FLOAT]);
    for (const stamp of stamps) {
      for (const line of [0, 1]) builder.addValues(line, [1], false);
      builder.stamp(stamp);
    }
    const times = stamps.flatMap((stamp) => [stamp, stamp + 1n]);
    const readings = builder.build();
    expect(times.map((_, row) => readings.timestamp(row))).toEqual(times);
    const steps = times.slice(1).map((time, row) => Number(time - (times[row] as bigint)));
    expect(steps.map((_, row) => readings.step(row + 1))).toEqual(steps);
  });
});

describe('packed readings', () => {
  it('give back what was packed', () => {
    const random = seeded(3);
    const below = (end: number) => Math.floor(random() * end);
    const metrics = Array.from({ length: 7 }, () => (below(2) === 0 ? FLOAT : INTEGER));
    const drawn = ({ type }: { type: string }): Value | null => {
      if (below(5) === 0) return null;
      if (type === 'integer') return BigInt.asIntN(64, BigInt(below(2 ** 53)) * BigInt(below(2 ** 13)));
      return below(4) === 0 ? (random() - 0.5) * 10 ** (below(600) - 300) : below(2_000) / 8 - 100;
    };
    let timestamp = TIME;
    const readings = Array.from({ length: 5_000 }, (): Reading => {
      timestamp += BigInt(below(4) === 0 ? 1 + below(2_000_000_000) : 1);
      return { timestamp, values: metrics.map(drawn), defect: below(9) === 0 };
    });
    const packed = packReadings(metrics, readings);
    expect([...packed]).toStrictEqual(readings);
    expect([...packed]).toStrictEqual(readings);
    expect(packed).toMatchObject({ length: 5_000, columns: 7 });
  });

  it('may be none', () => {
    const none = packReadings([FLOAT], []);
    expect(none).toHaveLength(0);
    expect([...none]).toEqual([]);
    expect(none.text).toHaveLength(0);
  });
});
