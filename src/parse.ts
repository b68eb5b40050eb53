import type { Definition, Metric } from './definition.js';
import type { Value } from './reading.js';

/** A line that fits the definition; `uncastable` holds the columns whose value is `null`. */
export interface ParsedLine {
  readonly values: (Value | null)[];
  readonly defect: boolean;
  readonly uncastable: readonly number[];
}

/** A line that does not fit the definition at all, and why. */
export interface RefusedLine {
  readonly refused: string;
}

export type LineParser = (line: string) => ParsedLine | RefusedLine;

const INTEGER = /^[+-]?[0-9]+$/;
const FLOAT = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
/** Up to this many characters an integer is exact as a double. */
const SAFE_LENGTH = 15;
const NO_COLUMN: readonly number[] = [];

/** Makes the parser of a definition's lines. It is pure, and takes a line without its newline. */
export function lineParser(definition: Definition): LineParser {
  const casts = definition.metrics.map(castOf);
  const split = splitterOf(definition.separator);
  const findsDefects = definition.defect === 'all-zero';

  return (line) => {
    const texts = split(line);
    if (texts.length !== casts.length) return { refused: wrongCount(texts.length, casts.length) };

    let uncastable = NO_COLUMN;
    let allZero = true;
    const values = casts.map((cast, column) => {
      const value = cast(texts[column] as string);
      if (value === null) uncastable = [...uncastable, column];
      if (value !== 0 && value !== 0n) allZero = false;
      return value;
    });
    return { values, defect: findsDefects && allZero, uncastable };
  };
}

/** Casts one value; `null` where it is none of the metric's type, or beyond what 64 bits can hold. */
function castOf(metric: Metric): (text: string) => Value | null {
  return metric.type === 'integer' ? castInteger : castFloat;
}

function castInteger(text: string): bigint | null {
  if (!INTEGER.test(text)) return null;
  if (text.length <= SAFE_LENGTH) return BigInt(Number(text));
  const value = BigInt(text);
  return value >= INT64_MIN && value <= INT64_MAX ? value : null;
}

function castFloat(text: string): number | null {
  if (!FLOAT.test(text)) return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

function splitterOf(separator: string): (line: string) => string[] {
  if (separator !== 'whitespace') return (line) => line.split(separator).map(trimBlanks);
  return (line) => {
    const text = trimBlanks(line);
    return text === '' ? [] : text.split(/[ \t]+/);
  };
}

/** Blanks, tabs and the CR of a CRLF, and nothing else: `trim()` would also take a byte order mark. */
function trimBlanks(text: string): string {
  return text.replace(/^[ \t]+|[ \t\r]+$/g, '');
}

function wrongCount(found: number, expected: number): string {
  if (found === 0) return 'empty line';
  return `${found < expected ? 'too few' : 'too many'} values: ${found} instead of ${expected}`;
}
