import { parse } from 'node:path';

/** How old a rotated file is, as far as its name tells. */
export interface Age {
  /** `number`, or how the date is written: nothing is told by names of different schemes. */
  readonly scheme: string;
  readonly text: string;
}

const NUMBERED = 'number';

const COMPRESSED = /\.(gz|zst|bz2|xz|lz4|lzma|Z|zip)$/;
const NUMBER = /^\.(\d{1,5})$/;
/** From `-20240131` and `-1706659200` to `.2024-01-31T00-00-00.000Z`. */
const DATE = /^[-._](?=(?:\D*\d){6})(\d[\d\-._:T]*Z?)$/;

const digitsAsNumbers = new Intl.Collator('en', { numeric: true });

/** The age of a file that has come from one called `base`; undefined where its name does not say that it has. */
export function ageOf(name: string, base: string): Age | undefined {
  const suffix = suffixOf(name.replace(COMPRESSED, ''), base);
  const number = NUMBER.exec(suffix)?.[1];
  if (number !== undefined) return { scheme: NUMBERED, text: number };
  const date = DATE.exec(suffix)?.[1];
  return date === undefined ? undefined : { scheme: schemeOf(date), text: date };
}

export function isCompressed(name: string): boolean {
  return COMPRESSED.test(name);
}

export function isNumbered({ scheme }: Age): boolean {
  return scheme === NUMBERED;
}

/** To sort by: `name.2` comes before `name.1`, `name-20240101` before `name-20240102`. */
export function olderFirst(a: Age, b: Age): number {
  if (a.scheme !== b.scheme) return a.scheme < b.scheme ? -1 : 1;
  return digitsAsNumbers.compare(a.text, b.text) * (a.scheme === NUMBERED ? -1 : 1);
}

/** `20240131`, with or without an hour or a count behind it, is one way, `2024-01-31` another, seconds a third. */
function schemeOf(date: string): string {
  return `date of ${/^\d+/.exec(date)?.[0].length} digits`;
}

/** What was added to the name: at its end, or before its extension. */
function suffixOf(name: string, base: string): string {
  if (name.startsWith(base)) return name.slice(base.length);
  const { name: stem, ext } = parse(base);
  const within = ext !== '' && name.startsWith(stem) && name.endsWith(ext);
  return within ? name.slice(stem.length, -ext.length) : '';
}
