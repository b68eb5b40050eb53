import { describe, expect, it } from 'vitest';
import { LineProtocol } from '../../src/influx/line-protocol.js';
import type { Point, Reading } from '../../src/reading.js';

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

const encode = (reading: Partial<Reading>, env = 'dev') =>
  new LineProtocol(DEFINITION, env).encode({
    readings: [{ timestamp: TIME, values: [7.5, 5n, 12n], defect: false, ...reading }],
    points: [],
  });
const encodePoint = (point: Partial<Point>) =>
  new LineProtocol(DEFINITION, 'dev').encode({
    readings: [],
    points: [{ measurement: 'error.line', fields: { value: 0 }, timestamp: TIME, ...point }],
  });

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
    const text = new LineProtocol(DEFINITION, 'dev').encode({
      readings: [
        { timestamp: TIME, values: [1, null, null], defect: false },
        { timestamp: TIME + 1n, values: [2, null, null], defect: false },
      ],
      points: [{ measurement: 'runner', fields: { read: 2 }, timestamp: TIME + 2n }],
    });
    const measurements = text.split('\n').map((line) => line.split(',')[0]);
    expect(measurements).toEqual(['sensor', 'sensor', 'runner', '']);
  });
});
