import { describe, expect, it } from 'vitest';
import type { Definition } from '../src/definition.js';
import { lineParser } from '../src/parse.js';

const definition: Definition = {
  name: 'test',
  measurement: 'sensor',
  separator: 'whitespace',
  metrics: [
    { name: 'load', type: 'float', kind: 'gauge' },
    { name: 'value', type: 'integer', kind: 'random', range: [0, 10] },
    { name: 'counter', type: 'integer', kind: 'counter' },
  ],
  defect: 'all-zero',
  alerts: [],
  notify: [],
};
const parse = lineParser(definition);
const good = { defect: false, uncastable: [] };

describe('a line that fits', () => {
  it.each([
    ['blanks between', '7.5 5123123 12', [7.5, 5123123n, 12n]],
    ['tabs between', '7.5\t5123123\t12', [7.5, 5123123n, 12n]],
    ['runs of blanks and tabs', '7.5 \t 5123123   12', [7.5, 5123123n, 12n]],
    ['leading and trailing blanks', '  7.5 5123123 12 \t', [7.5, 5123123n, 12n]],
    ['the CR of a CRLF', '7.5 5123123 12\r', [7.5, 5123123n, 12n]],
    ['a plus sign', '+7.5 +5 +12', [7.5, 5n, 12n]],
    ['negative values', '-7.5 -5 -12', [-7.5, -5n, -12n]],
    ['leading zeros', '007.50 0005 00000000000000000000012', [7.5, 5n, 12n]],
    ['an exponent in a float', '1e3 5 12', [1000, 5n, 12n]],
    ['a float without digits before or after the point', '.5 5 12', [0.5, 5n, 12n]],
    ['an integer for a float', '7 5 12', [7, 5n, 12n]],
    ['an integer above 2^53', '1 9007199254740993 12', [1, 9007199254740993n, 12n]],
    ['the largest 64-bit integer', '1 9223372036854775807 12', [1, 9223372036854775807n, 12n]],
    ['the smallest 64-bit integer', '1 -9223372036854775808 12', [1, -9223372036854775808n, 12n]],
  ])('is read with %s', (_, line, values) => {
    expect(parse(line)).toEqual({ ...good, values });
  });

  it('keeps the minus of a float -0, and reads an integer -0 as 0', () => {
    expect(parse('-0 -0 1')).toEqual({ ...good, values: [-0, 0n, 1n] });
  });
});

describe('a value that cannot be cast costs only itself', () => {
  it.each([
    ['NaN', 'NaN 5 12', [null, 5n, 12n], [0]],
    ['inf', 'inf 5 12', [null, 5n, 12n], [0]],
    ['Infinity', '-Infinity 5 12', [null, 5n, 12n], [0]],
    ['hexadecimal', '0x10 0x10 12', [null, null, 12n], [0, 1]],
    ['an exponent in an integer', '1 1e3 12', [1, null, 12n], [1]],
    ['a fraction in an integer', '1 5.0 12', [1, null, 12n], [1]],
    ['one above the largest 64-bit integer', '1 9223372036854775808 12', [1, null, 12n], [1]],
    ['one below the smallest 64-bit integer', '1 -9223372036854775809 12', [1, null, 12n], [1]],
    ['a float beyond a double', '1e400 5 12', [null, 5n, 12n], [0]],
    ['a decimal comma', '7,5 5 12', [null, 5n, 12n], [0]],
    ['a NUL byte', '7.5\0 5 12', [null, 5n, 12n], [0]],
    ['a byte order mark', '\uFEFF7.5 5 12', [null, 5n, 12n], [0]],
    ['digits of another script', '٣ 5 12', [null, 5n, 12n], [0]],
    ['an underscore', '1_0 5 12', [null, 5n, 12n], [0]],
    ['a sign alone', '- 5 +', [null, 5n, null], [0, 2]],
    ['a point alone', '. 5 12', [null, 5n, 12n], [0]],
    ['words', 'one two three', [null, null, null], [0, 1, 2]],
  ])('%s', (_, line, values, uncastable) => {
    expect(parse(line)).toEqual({ values, uncastable, defect: false });
  });

  it('reads an integer of 60,000 digits in a moment, and refuses it', () => {
    expect(parse(`1 ${'9'.repeat(60_000)} 12`)).toEqual({
      values: [1, null, 12n],
      uncastable: [1],
      defect: false,
    });
  });
});

describe('a line that does not fit is refused as a whole', () => {
  it.each([
    ['an empty line', '', 'empty line'],
    ['blanks only', ' \t ', 'empty line'],
    ['a CR only', '\r', 'empty line'],
    ['2 values', '7.5 5', 'too few values: 2 instead of 3'],
    ['4 values', '7.5 5 12 13', 'too many values: 4 instead of 3'],
  ])('%s', (_, line, refused) => {
    expect(parse(line)).toEqual({ refused });
  });
});

describe('a defect', () => {
  it.each(['0 0 0', '0.0 0 0', '-0 -0 0', '0e9 000 +0'])(
    'is a line whose every value is zero: %s',
    (line) => {
      expect(parse(line)).toMatchObject({ defect: true });
    },
  );

  it.each(['0 0 1', '0.0001 0 0', '0 x 0'])('is no line with anything else: %s', (line) => {
    expect(parse(line)).toMatchObject({ defect: false });
  });

  it('is looked for only where the definition says so', () => {
    expect(lineParser({ ...definition, defect: 'none' })('0 0 0')).toMatchObject({ defect: false });
  });
});

describe('a separator of the definition', () => {
  const csv = lineParser({ ...definition, separator: ',' });

  it('splits at exactly that text, and leaves out blanks around a value', () => {
    expect(csv('7.5, 5 ,12\r')).toEqual({ ...good, values: [7.5, 5n, 12n] });
  });

  it('makes an empty value uncastable rather than zero', () => {
    expect(csv('7.5,,12')).toEqual({ values: [7.5, null, 12n], uncastable: [1], defect: false });
  });

  it('may be longer than a character', () => {
    expect(lineParser({ ...definition, separator: ' | ' })('7.5 | 5 | 12')).toEqual({
      ...good,
      values: [7.5, 5n, 12n],
    });
  });
});
