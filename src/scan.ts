import { BLANK, CARRIAGE_RETURN, MINUS, NEWLINE, NINE, POINT, TAB, ZERO } from './ascii.js';
import type { Definition } from './definition.js';
import type { ParsedLine } from './parse.js';
import type { ReadingsBuilder } from './readings-builder.js';

/**
 * The fast path of a line, from its bytes to a packed row.
 *
 * Nearly all lines that a sensor prints are plain: as many values as the definition has metrics, each written as it
 * would be sent to a database anyway. Such a line needs no text, no number and no object of its own. One walk over its
 * bytes finds where each value begins and ends, which number it is, and whether all of them are zero; what is between
 * these places is copied by whoever writes the row.
 *
 * Plain is an integer of at most 18 digits, or a float without an exponent, of at most 30 characters, both without a
 * sign but `-` and without zeros before the number; -0 is not. Between them stand blanks and tabs, or the separator,
 * where that is a single character with blanks and tabs around it; a line may end in CR LF.
 *
 * Every other line goes the way of all text: it is handed to `odd`, which is `parse.ts`. What is plain is thus a matter
 * of speed alone, and the tests compare both ways on lines drawn by lot.
 *
 * A number of up to 15 digits is its digits divided by a power of ten: both are exact doubles, so the one rounding is
 * that of the division, and the result is what `Number` gives (W. D. Clinger, How to read floating point numbers
 * accurately, 1990). Longer ones are left to `Number`.
 */
export class Scanner {
  readonly #isFloat: Uint8Array;
  /** The byte between two values; `BLANK` stands for any run of blanks and tabs, `NEVER` for what only text can tell. */
  readonly #separator: number;
  readonly #findsDefects: boolean;
  readonly #odd: (line: string) => ParsedLine | undefined;
  /** Whether every value of the line at hand was zero. */
  #allZero = false;

  /** @param odd takes a line that is not plain; undefined where nothing of it can be stored */
  constructor(
    { metrics, separator, defect }: Pick<Definition, 'metrics' | 'separator' | 'defect'>,
    odd: (line: string) => ParsedLine | undefined,
  ) {
    this.#isFloat = Uint8Array.from(metrics, ({ type }) => (type === 'float' ? 1 : 0));
    this.#separator = separatorByte(separator);
    this.#findsDefects = defect === 'all-zero';
    this.#odd = odd;
  }

  /** Adds a row for each line that holds a value. Returns how many lines there were. */
  scan(lines: Buffer, into: ReadingsBuilder): number {
    const begin = into.admit(lines);
    const end = begin + lines.length;
    let count = 0;
    for (let at = begin; at < end; count += 1) {
      const next = this.#plain(into, at);
      if (next === NOT_PLAIN) at = this.#scanOdd(into, at, count);
      else {
        into.add(count, this.#findsDefects && this.#allZero);
        at = next;
      }
    }
    return count;
  }

  /** Writes the spans of a plain line. Returns where the next line begins. */
  #plain(into: ReadingsBuilder, start: number): number {
    const separator = this.#separator;
    if (separator === NEVER) return NOT_PLAIN;
    const isFloat = this.#isFloat;
    let value = into.room();
    const { text, spans, numbers } = into;
    let allZero = true;
    let at = start;
    let byte = text[at] as number;
    for (let column = 0; column < isFloat.length; column += 1) {
      if (column > 0 && separator !== BLANK) {
        if (byte !== separator) return NOT_PLAIN;
        byte = text[++at] as number;
      }
      while (byte === BLANK || byte === TAB) byte = text[++at] as number;

      const begin = at;
      if (byte === MINUS) byte = text[++at] as number;
      const first = at;
      let digits = 0;
      while (byte >= ZERO && byte <= NINE) {
        digits = digits * 10 + (byte - ZERO);
        byte = text[++at] as number;
      }
      let length = at - first;
      if (length === 0 || length > MOST_DIGITS || (length > 1 && text[first] === ZERO)) return NOT_PLAIN;
      let decimals = 0;
      if (byte === POINT && isFloat[column] === 1) {
        byte = text[++at] as number;
        const point = at;
        while (byte >= ZERO && byte <= NINE) {
          digits = digits * 10 + (byte - ZERO);
          byte = text[++at] as number;
        }
        decimals = at - point;
        if (decimals === 0 || at - begin > LONGEST) return NOT_PLAIN;
        length += decimals;
      }
      if (digits !== 0) allZero = false;
      else if (first > begin) return NOT_PLAIN;
      let number = digits;
      if (length > EXACT_DIGITS) number = Number(text.toString('latin1', begin, at));
      else {
        if (decimals > 0) number /= POWERS[decimals] as number;
        if (first > begin) number = -number;
      }
      spans[2 * value] = begin;
      spans[2 * value + 1] = at;
      numbers[value] = number;
      value += 1;

      if (separator === BLANK) {
        if (byte !== BLANK && byte !== TAB && byte !== NEWLINE && byte !== CARRIAGE_RETURN) return NOT_PLAIN;
      }
      while (byte === BLANK || byte === TAB) byte = text[++at] as number;
    }
    if (byte === CARRIAGE_RETURN) byte = text[++at] as number;
    if (byte !== NEWLINE) return NOT_PLAIN;
    this.#allZero = allZero;
    return at + 1;
  }

  /** Returns where the next line begins. */
  #scanOdd(into: ReadingsBuilder, start: number, count: number): number {
    const newline = into.text.indexOf(NEWLINE, start);
    const parsed = this.#odd(into.text.toString('utf8', start, newline));
    if (parsed !== undefined) into.addValues(count, parsed.values, parsed.defect);
    return newline + 1;
  }
}

const NOT_PLAIN = -1;
const NEVER = -1;

/** Numbers of so many digits are exact as doubles. */
const EXACT_DIGITS = 15;
/** 10 to the power of the index: all of them are exact. */
const POWERS = Float64Array.from({ length: EXACT_DIGITS + 1 }, (_, power) => 10 ** power);

/** Any integer of so many digits is within 64 bits. */
const MOST_DIGITS = 18;
/** Far from what is too much for a double. */
const LONGEST = 30;

function separatorByte(separator: string): number {
  if (separator === 'whitespace') return BLANK;
  // Whatever may stand in a number, and blanks that would be taken for the ones around it, are left to the text.
  return /^[!-~]$/.test(separator) && !/[\d.eE+-]/.test(separator) ? separator.charCodeAt(0) : NEVER;
}
