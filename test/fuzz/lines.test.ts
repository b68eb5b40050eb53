import { deepStrictEqual } from 'node:assert';
import { isUtf8 } from 'node:buffer';
import { describe, it } from 'vitest';
import type { Definition, Metric } from '../../src/definition.js';
import { lineParser } from '../../src/parse.js';
import type { Value } from '../../src/reading.js';
import { ReadingsBuilder } from '../../src/readings-builder.js';
import { Scanner } from '../../src/scan.js';
import { LineSplitter, textsOf } from '../../src/source/lines.js';
import { FUZZ_TIMEOUT_MS, fuzz, type Lot } from './fuzz.js';

const SEPARATORS = ['whitespace', ',', ';', '|', '\t', ', ', '::', '"', 'ä'];
const TYPES = ['integer', 'float'] as const;
const INT64 = 2n ** 63n;

/** A value as a sensor might write it, and what it is. */
interface Written {
  readonly text: string;
  readonly value: Value | null;
}

describe('a line drawn by lot', () => {
  it(
    'is read as what was written, by the parser and from its bytes alike',
    { timeout: FUZZ_TIMEOUT_MS },
    () =>
      fuzz(0.5, (lot) => {
        const definition = definitionBy(lot);
        const written = definition.metrics.map(({ type }) => valueBy(lot, type));
        const { separator } = definition;
        const blanks = () => lot.one(separator === '\t' ? ['', ' '] : ['', '', ' ', '\t', '  ']);
        const between =
          separator === 'whitespace'
            ? () => lot.one([' ', ' ', '\t', '  '])
            : () => blanks() + separator + blanks();
        const line = written.reduce(
          (text, value, index) => text + (index > 0 ? between() : '') + value.text,
          blanks(),
        );
        const values = written.map(({ value }) => value);
        const ended = line + blanks() + lot.one(['', '', '\r']);
        const found = lineParser(definition)(ended);
        deepStrictEqual('values' in found ? found.values : found, values, JSON.stringify(ended));
        expectSameFromBytes(definition, ended);
      }),
  );

  it(
    'of anything at all is never a crash, and the same from its bytes as by the parser',
    { timeout: FUZZ_TIMEOUT_MS },
    () =>
      fuzz(0.1, (lot) => {
        const signs = [
          ...'0123456789',
          ...'0123456789',
          ...'+-.eE \t,;|"',
          '\r',
          '\0',
          'x',
          '٣',
          '\uFEFF',
          '😀',
        ];
        const line = lot.times(lot.below(40), () => lot.one(signs)).join('');
        expectSameFromBytes(definitionBy(lot), line);
      }),
  );
});

/** Whatever the parser makes of a line, its bytes give the same row; the sign of a zero is not kept. */
function expectSameFromBytes(definition: Definition, line: string): void {
  const parse = lineParser(definition);
  const found = parse(line);
  const builder = new ReadingsBuilder(definition.metrics);
  const scanner = new Scanner(definition, (odd) => {
    const parsed = parse(odd);
    return 'refused' in parsed || parsed.uncastable.length === parsed.values.length ? undefined : parsed;
  });
  deepStrictEqual(scanner.scan(Buffer.from(`${line}\n`), builder), 1);
  builder.stamp(1n);
  const rows = [...builder.build()].map(({ values, defect }) => ({ values: values.map(unsigned), defect }));
  const isStored = 'values' in found && found.values.some((value) => value !== null);
  const expected = isStored ? [{ values: found.values.map(unsigned), defect: found.defect }] : [];
  deepStrictEqual(rows, expected, JSON.stringify(line));
}

const unsigned = (value: Value | null) => (value === 0 ? 0 : value);

function definitionBy(lot: Lot): Definition {
  const metrics = lot.times(1 + lot.below(4), (index): Metric => {
    return { name: `m${index}`, type: lot.one(TYPES), kind: 'gauge' };
  });
  const rest = { alerts: [], notify: [] };
  return {
    name: 'd',
    measurement: 'm',
    separator: lot.one(SEPARATORS),
    metrics,
    defect: 'all-zero',
    ...rest,
  };
}

function valueBy(lot: Lot, type: (typeof TYPES)[number]): Written {
  if (lot.oneIn(12)) {
    return {
      text: lot.one(['NaN', 'inf', '0x10', '1_0', '--1', '1.2.3', '.', 'e5', '٣', '-', '5e']),
      value: null,
    };
  }
  return type === 'integer' ? integerBy(lot) : floatBy(lot);
}

function integerBy(lot: Lot): Written {
  if (lot.oneIn(15)) return { text: lot.one(['1.5', '1e3', '1.']), value: null };
  const digits = lot.times(1 + lot.below(20), () => lot.below(10)).join('');
  const size = lot.oneIn(10) ? INT64 + BigInt(lot.below(3)) - 1n : BigInt(digits);
  const sign = lot.one(['', '', '-', '+']);
  const value = sign === '-' ? -size : size;
  const text = `${sign}${lot.oneIn(8) ? '00' : ''}${size}`;
  return { text, value: value >= -INT64 && value < INT64 ? value : null };
}

function floatBy(lot: Lot): Written {
  const number = lot.one([
    lot.below(1000) / 100,
    lot.below(2 ** 31) * 2 ** (lot.below(400) - 200),
    lot.below(3),
  ]);
  const sign = lot.one(['', '', '-', '+']);
  const plain = lot.one([
    String(number),
    number.toExponential(),
    number.toPrecision(17),
    `${number.toFixed(3)}0`,
  ]);
  const value = Number(`${sign}${plain}`);
  return { text: sign + plain, value: Number.isFinite(value) ? value : null };
}

describe('a stream of bytes drawn by lot', () => {
  it('is cut into the same lines however it comes in pieces', { timeout: FUZZ_TIMEOUT_MS }, () =>
    fuzz(0.2, (lot) => {
      const maxBytes = 4 + lot.below(12);
      const bytes = Buffer.concat(lot.times(lot.below(12), () => pieceBy(lot, maxBytes)));
      const splitter = new LineSplitter(maxBytes);
      const found = { lines: [] as string[], refused: [] as string[] };
      const take = (lines: ReturnType<LineSplitter['push']>) => {
        found.lines.push(...textsOf(lines));
        found.refused.push(...lines.refused.map(({ reason }) => reason));
      };
      for (let at = 0; at < bytes.length; ) {
        const end = at + 1 + lot.below(bytes.length - at);
        take(splitter.push(bytes.subarray(at, end)));
        at = end;
      }
      take(splitter.end());
      deepStrictEqual(found, linesIn(bytes, maxBytes), bytes.toString('hex'));
    }),
  );
});

function pieceBy(lot: Lot, maxBytes: number): Buffer {
  return lot.one([
    () => Buffer.from('\n'),
    () => Buffer.from('\r\n'),
    () => Buffer.from('\uFEFF'),
    () => Buffer.from('x'.repeat(lot.below(maxBytes + 4))),
    () => Buffer.from(lot.one(['ä', '😀', '7.5 ', '\0'])),
    () => lot.bytes(lot.below(3)),
  ])();
}

/** All at once, line by line. */
function linesIn(bytes: Buffer, maxBytes: number): { lines: string[]; refused: string[] } {
  const lines: string[] = [];
  const refused: string[] = [];
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline === -1 ? bytes.length : newline;
    const line = bytes.subarray(start, end);
    const isFirst = start === 0;
    start = end + 1;
    const room = line.at(-1) === 0x0d ? maxBytes + 1 : maxBytes;
    if (line.length > room) refused.push(`longer than ${maxBytes} bytes`);
    else if (!isUtf8(line)) refused.push('not UTF-8');
    else lines.push(isFirst ? line.toString().replace(/^\uFEFF/, '') : line.toString());
  }
  return { lines, refused };
}
