import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { type Definition, errorKinds, type Metric } from '../src/definition.js';
import { intake } from '../src/intake.js';
import { Ledger } from '../src/ledger.js';
import { lineParser } from '../src/parse.js';
import type { Reading } from '../src/reading.js';
import type { Readings } from '../src/readings.js';
import { ReadingsBuilder } from '../src/readings-builder.js';
import { Scanner } from '../src/scan.js';
import { Clock } from '../src/source/clock.js';
import { LineSplitter, textsOf } from '../src/source/lines.js';
import type { SourceEvent } from '../src/source/source.js';
import { seeded } from './seeded.js';

/** What becomes of lines, one way or the other. */
interface Outcome {
  readonly readings: Reading[];
  readonly refused: number;
  /** How often each kind of error was counted. */
  readonly errors: Record<string, number>;
}

const SEPARATORS = [
  'whitespace',
  ...[',', ';', '|', '"', '/', '~', 'x'],
  ...[' ', '\t', ', ', '::', ' ; ', 'ä'],
  ...['0', '7', '.', '-', '+', 'e'],
];
const MOST_METRICS = 12;
const LINES_EACH = 500;

function definitionOf(separator: string, types: string): Definition {
  const metrics = Array.from(types, (type, index): Metric => {
    return { name: `m${index}`, type: type === 'i' ? 'integer' : 'float', kind: 'gauge' };
  });
  return {
    ...{ name: 'test', measurement: 'sensor', separator, metrics },
    ...{ defect: 'all-zero', alerts: [], notify: [] },
  };
}

/** Blocks of lines as the intake takes them, and the stamps that it gave to each. */
async function taken(definition: Definition, blocks: readonly Buffer[], batchLines = 5_000) {
  const clock = await Clock.open(undefined);
  const stamp = vi.spyOn(clock, 'stamp');
  async function* events(): AsyncGenerator<SourceEvent> {
    for (const block of blocks) yield { kind: 'lines', lines: { blocks: [block], refused: [] } };
  }
  const ledger = new Ledger(definition);
  const log = pino({ level: 'silent' });
  const batches = intake(events(), { definition, clock, ledger, log, flushIntervalMs: 5_000, batchLines });

  const outcome = { readings: [] as Reading[], refused: 0, errors: noErrors(definition) };
  for await (const { readings, refused, points } of batches) {
    outcome.readings.push(...readings);
    expectPlain(readings);
    outcome.refused += refused;
    for (const { kind, fields } of points) {
      if (kind !== undefined) outcome.errors[kind] = (outcome.errors[kind] ?? 0) + (fields.value ?? 0);
    }
  }
  const stamps = stamp.mock.calls.flatMap(([count], call) => {
    const result = stamp.mock.results[call] as { value: bigint };
    return count === undefined ? [] : [{ count, first: result.value }];
  });
  return { outcome, stamps, totals: ledger.totals, defects: ledger.counters.defects };
}

/** What a database is sent of a value is as we would write it, but for zeros at the end. */
function expectPlain(readings: Readings): void {
  const { columns, spans, text } = readings;
  let place = 0;
  for (const { values } of readings) {
    for (let column = 0; column < columns; column += 1, place += 2) {
      const written = text.toString('latin1', spans[place], spans[place + 1]);
      const value = values[column];
      if (typeof value !== 'number') expect(written).toBe(value === null ? '' : String(value));
      else expect(written).toMatch(/^-?(0|[1-9]\d*)(\.\d+)?(e[+-]\d+)?$/);
    }
  }
}

/** The slow way: each line by the parser alone. The sign of a zero is not kept. */
function parsed(definition: Definition, blocks: readonly (readonly string[])[], firsts: readonly bigint[]) {
  const parse = lineParser(definition);
  const outcome = { readings: [] as Reading[], refused: 0, errors: noErrors(definition) };
  const count = (kind: string) => {
    outcome.errors[kind] = (outcome.errors[kind] as number) + 1;
  };
  for (const [block, lines] of blocks.entries()) {
    for (const [index, line] of lines.entries()) {
      const found = parse(line);
      if ('refused' in found) count('error.line');
      else for (const column of found.uncastable) count(`error.${definition.metrics[column]?.name}`);
      if ('refused' in found || found.uncastable.length === found.values.length) {
        outcome.refused += 1;
        continue;
      }
      const values = found.values.map((value) => (value === 0 ? 0 : value));
      const timestamp = (firsts[block] as bigint) + BigInt(index);
      outcome.readings.push({ timestamp, values, defect: found.defect });
    }
  }
  return outcome;
}

function noErrors(definition: Definition): Record<string, number> {
  return Object.fromEntries(errorKinds(definition).map((kind) => [kind, 0]));
}

async function expectBothWaysAgree(
  definition: Definition,
  blocks: readonly Buffer[],
  batchLines?: number,
): Promise<Outcome> {
  const { outcome, stamps, totals, defects } = await taken(definition, blocks, batchLines);
  const texts = blocks.map((block) => textsOf({ blocks: [block] }));
  expect(stamps.map(({ count }) => count)).toEqual(texts.map(({ length }) => length));
  const firsts = stamps.map(({ first }) => first);
  expect(outcome).toStrictEqual(parsed(definition, texts, firsts));
  expect(totals).toMatchObject({
    read: outcome.readings.length + outcome.refused,
    rejected: outcome.refused,
  });
  expect(defects).toBe(outcome.readings.filter(({ defect }) => defect).length);
  return outcome;
}

/** Lines drawn by lot: plain ones, ones that are nearly so, and others. */
class Lottery {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  lines({ metrics, separator }: Definition, count: number): string[] {
    return Array.from({ length: count }, () => this.#line(metrics, separator));
  }

  /** The lines in blocks of all sizes, cut where the bytes of a stream happen to be. */
  blocks(lines: readonly string[], most: number): Buffer[] {
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    const splitter = new LineSplitter(65_536);
    const blocks: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + this.below(most);
      blocks.push(...splitter.push(bytes.subarray(at, at + size)).blocks);
      at += size;
    }
    return blocks;
  }

  #line(metrics: readonly Metric[], separator: string): string {
    const mood = this.#random();
    if (mood < 0.02) return this.#one('', ' ', '\t', '\r', ' \r', separator, 'ü', '\0', '\uFEFF');
    const count = mood < 0.1 ? this.below(2 * metrics.length + 1) : metrics.length;
    const isZero = mood > 0.9;
    const odd = mood < 0.6 ? -1 : this.below(count);
    const texts = Array.from({ length: count }, (_, column) => {
      if (isZero) return this.#one('0', '0', '0', '0', '-0', '0.0', '+0', '00', '0e9', '0.');
      if (column === odd || mood < 0.15) return this.#odd();
      return this.#plain(metrics[column % metrics.length]?.type === 'float');
    });
    const end = this.#random() < 0.2 ? this.#one('\r', ' ', '\t\r', '\r\r', ' \r ', '\r\t', '\u00a0') : '';
    const begin = this.#random() < 0.1 ? this.#one(' ', '\t', '\r', '\u00a0', '\uFEFF') : '';
    const rest = texts.slice(1).map((text) => this.#between(separator) + text);
    return [begin, texts[0] ?? '', ...rest, end].join('');
  }

  #between(separator: string): string {
    if (separator === 'whitespace') return this.#one(' ', ' ', ' ', '\t', '  ', ' \t', '\t\t ');
    if (this.#random() < 0.7) return separator;
    const pad = () => this.#one('', '', '', '', ' ', '\t', ' \t ', '\r');
    return pad() + separator + pad();
  }

  #plain(isFloat: boolean): string {
    const sign = this.#random() < 0.3 ? '-' : '';
    const whole = this.#digits(this.#one(1, 1, 2, 4, 7, 15, 16, 18));
    const digits = whole.replace(/^0+(?=\d)/, '');
    if (!isFloat || this.#random() < 0.3) return sign + digits;
    return `${sign}${digits}.${this.#digits(this.#one(1, 1, 2, 3, 6, 14))}`;
  }

  #odd(): string {
    const digits = () => this.#digits(1 + this.below(4));
    return this.#one(
      () => this.#digits(15 + this.below(11)),
      () => `-${this.#digits(15 + this.below(11))}`,
      () => `${digits()}.${this.#digits(20 + this.below(20))}`,
      () => `+${digits()}`,
      () => `00${digits()}`,
      () => `-0${digits()}.5`,
      () => `${digits()}e${this.below(5)}`,
      () => `${digits()}.${digits()}E-${this.below(400)}`,
      () => `${digits()}e${this.below(400)}`,
      () => `.${digits()}`,
      () => `-.${digits()}`,
      () => `${digits()}.`,
      () => `${digits()}-${digits()}`,
      () => `${digits()} ${digits()}`,
      () => `${digits()}.${digits()}.${digits()}`,
      () => `${digits()}${this.#one('x', 'ä', '\0', '_', ',', '١', '\uFEFF', '\r', '\u2028')}`,
      () => `${this.#one('x', 'ä', '\0', '- ', '--', '+-', '\r')}${digits()}`,
      () => this.#one('-0', '-0.0', '0.0', '-', '+', '.', '-.', '', 'NaN', 'Infinity', '-Infinity', '0x10'),
      () => this.#one('9007199254740993', '-9007199254740993', '1n', 'null', 'e5', '1e', '1e+'),
      () => this.#one('9223372036854775807', '9223372036854775808', '-9223372036854775808'),
      () => this.#one('-9223372036854775809', '999999999999999999', '1000000000000000000'),
    )();
  }

  #digits(count: number): string {
    return Array.from({ length: count }, () => this.below(10)).join('');
  }

  #one<T>(...choices: T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}

describe('the fast path of a line', () => {
  it.each(SEPARATORS)('agrees with the slow one, separated by %j', async (separator) => {
    const lottery = new Lottery(SEPARATORS.indexOf(separator) + 1);
    let stored = 0;
    for (let count = 1; count <= MOST_METRICS; count += 1) {
      const types = Array.from({ length: count }, () => 'if'[lottery.below(2)]).join('');
      const definition = definitionOf(separator, types);
      const lines = lottery.lines(definition, LINES_EACH);
      const blocks = lottery.blocks(lines, [40, 1_000, 100_000][count % 3] as number);
      const { readings } = await expectBothWaysAgree(definition, blocks, 1 + lottery.below(LINES_EACH));
      stored += readings.length;
    }
    expect(SEPARATORS.length * MOST_METRICS * LINES_EACH).toBeGreaterThan(100_000);
    expect(stored).toBeGreaterThan(100);
  });

  it('agrees wherever the stream is cut', async () => {
    const definition = definitionOf('whitespace', 'fi');
    const bytes = Buffer.from('7.50 1\r\n0 0\nä 2\n+1\t3 \n\n-.5 -0\n8 9223372036854775807\n0.25 12');
    for (let first = 0; first <= bytes.length; first += 1) {
      for (let second = first; second <= bytes.length; second += 7) {
        const splitter = new LineSplitter(64);
        const chunks = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
        const blocks = [...chunks.map((chunk) => splitter.push(chunk)), splitter.end()];
        const { readings, refused } = await expectBothWaysAgree(
          definition,
          blocks.flatMap((lines) => lines.blocks),
        );
        expect(readings.map(({ values }) => values)).toEqual([
          [7.5, 1n],
          [0, 0n],
          [null, 2n],
          [1, 3n],
          [-0.5, 0n],
          [8, 9_223_372_036_854_775_807n],
          [0.25, 12n],
        ]);
        expect(refused).toBe(1);
      }
    }
  });

  it('agrees while odd lines among plain ones make rows and text grow', async () => {
    const definition = definitionOf(',', 'ffi');
    const lines = Array.from({ length: 3_000 }, (_, n) =>
      n % 3 === 1 ? `1e5,+${n},0${n}` : `${n}.5,-2,${n}`,
    );
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    const one = Buffer.from('1,2,3\n');
    const { readings } = await expectBothWaysAgree(definition, [one, bytes, one, bytes, bytes], 3_001);
    expect(readings).toHaveLength(9_002);
  });

  it.each([
    ['whitespace', 'fi', ['7.5 1', ' 7.50\t \t-12 ', '0 0\r', '-0.5 999999999999999999\t\r']],
    [',', 'fi', ['7.5,1', ' 7.50 ,\t-12 ', '0,0\r', '100000000000000000.5,5']],
    ['|', 'i', ['0', '-7', ' 12 \r']],
  ])('makes no text of a plain line: separated by %s', (separator, types, lines) => {
    const definition = definitionOf(separator, types);
    const scanner = new Scanner(definition, (line) => {
      throw new Error(`not plain: ${JSON.stringify(line)}`);
    });
    const builder = new ReadingsBuilder(definition.metrics);
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    expect(scanner.scan(bytes, builder)).toBe(lines.length);
    expect(builder.build().text).toEqual(bytes);
    expect(builder).toHaveLength(lines.length);
  });

  it.each(['none', 'all-zero'] as const)('knows defects where there are any: %s', (defect) => {
    const definition = { ...definitionOf('whitespace', 'fi'), defect };
    const builder = new ReadingsBuilder(definition.metrics);
    new Scanner(definition, () => undefined).scan(Buffer.from('0.00 0\n0 1\n0.01 0\n0 0\n'), builder);
    builder.stamp(1n);
    const defects = Array.from(builder.build(), (reading) => reading.defect);
    expect(defects).toEqual([true, false, false, true].map((isDefect) => isDefect && defect !== 'none'));
  });
});
