import { isIPv6 } from 'node:net';
import { parseBytes, parseDuration } from './quantity.js';

/** The kinds of value that a setting can have: how it is called, what is expected, and how it is read. */

export const text = { parse: (value: string) => (value === '' ? undefined : value), expected: 'a text' };
export const path = { ...text, placeholder: 'path', expected: 'a path' };
export const port = { ...integer(1, 65_535), placeholder: 'port', expected: 'a port, 1 to 65535' };
export const onOff = {
  parse: (value: string) => ({ true: true, '1': true, false: false, '0': false })[value],
  expected: 'true or false',
};

export function integer(low: number, high: number) {
  return {
    placeholder: 'n',
    expected: `a whole number, ${low} to ${high}`,
    parse(value: string): number | undefined {
      const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
      return number >= low && number <= high ? number : undefined;
    },
  };
}

/** What a timer can wait, in ms: some 24 days. */
export const LONGEST_TIMER = 2 ** 31 - 1;

/** In ms. */
export function duration(low: number, high = Number.POSITIVE_INFINITY) {
  return {
    placeholder: 'time',
    expected: 'a duration such as 500ms, 30s, 1h30m or 30d',
    parse(value: string): number | undefined {
      const milliseconds = parseDuration(value);
      return milliseconds !== undefined && milliseconds >= low && milliseconds <= high
        ? milliseconds
        : undefined;
    },
  };
}

export function bytes(low: number) {
  return {
    placeholder: 'size',
    expected: 'a size such as 64KiB, 500MB or 1GiB',
    parse(value: string): number | undefined {
      const size = parseBytes(value);
      return size !== undefined && size >= low ? size : undefined;
    },
  };
}

export function oneOf<const T extends readonly string[]>(placeholder: string, choices: T) {
  return {
    placeholder,
    choices,
    expected: `one of ${choices.join(', ')}`,
    parse: (value: string): T[number] | undefined => choices.find((choice) => choice === value),
  };
}

/** What may stand in a tag: printable, and without a backslash, which line protocol cannot end a tag with. */
export const tag = {
  placeholder: 'name',
  expected: 'a name of 1 to 128 printable characters, without backslash',
  parse: (value: string) => (/^[^\p{C}\\]{1,128}$/u.test(value) ? value : undefined),
};

/** Without the brackets that an IPv6 address has in a URL. */
export const hostName = {
  placeholder: 'name',
  expected: 'a host name or address, without http:// and without a port',
  parse(value: string): string | undefined {
    const host = /^\[(.*)\]$/.exec(value)?.[1] ?? value;
    return /^[^\s/@%[\]]+$/.test(host) && !/^[^:]*:\d+$/.test(host) ? host : undefined;
  },
};

/** Names that a Host header can have (RFC 9110, 7.2): a browser sends others in ASCII, as xn--... */
export const hostNames = {
  placeholder: 'names',
  expected: 'host names with commas between, without http://, ports and wildcards',
  parse(value: string): readonly string[] | undefined {
    const names = value.split(',').map((name) => hostName.parse(name.trim()) ?? '');
    return names.every((name) => /^[\w.-]+$/.test(name) || isIPv6(name)) ? names : undefined;
  },
};

export const url = {
  placeholder: 'url',
  expected: 'a URL that begins with http:// or https://',
  parse: (value: string) => (/^https?:\/\//.test(value) && URL.canParse(value) ? value : undefined),
};

/** What may stand in an HTTP header. */
export const token = {
  expected: 'a token of printable ASCII characters, in one line',
  parse: (value: string) => (/^[\x21-\x7e]+$/.test(value) ? value : undefined),
};

/** What nanoseconds in 64 bits can tell, in ms. */
const LATEST_MS = 9_223_372_036_854;

/** A moment, in ns since the epoch. */
export const moment = {
  placeholder: 'when',
  expected: 'a date and time such as 2026-11-22T08:00:00Z, or how long ago, such as 90s, 1h or 7d',
  parse(value: string): bigint | undefined {
    const ago = parseDuration(value);
    const date = /^\d{4}-\d\d/.test(value) ? Date.parse(value) : Number.NaN;
    const milliseconds = ago === undefined ? date : Date.now() - ago;
    return Math.abs(milliseconds) <= LATEST_MS ? BigInt(milliseconds) * 1_000_000n : undefined;
  },
};
