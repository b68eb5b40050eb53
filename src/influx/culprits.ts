import type { Entry } from './backlog.js';
import type { LeftOut } from './verdict.js';

/** A line of a request, where it came from, and whether it is a sensor's reading or a point of the runner's. */
export interface Line {
  readonly text: string;
  /** Index of its entry in the request. */
  readonly entry: number;
  readonly reading: boolean;
}

/** The lines of a request, in order. */
export function linesOf(entries: readonly Entry[]): Line[] {
  return entries.flatMap(({ payload, lines }, entry) =>
    payload
      .toString('utf8')
      .split('\n')
      .filter((text) => text !== '')
      .map((text, index) => ({ text, entry, reading: index < lines })),
  );
}

/**
 * The lines that a partial write left out, `count` of those given, read from the server's message:
 *
 *     partial write: field type conflict: input field "x" on measurement "m" is type float, ... dropped=3
 *     partial write: points beyond retention policy dropped=2
 *     partial write: unable to parse 'm x=': missing field value dropped=0
 *
 * Undefined where the message does not even tell how many lines it was.
 */
export function culprits(
  lines: Line[],
  { count, message }: LeftOut,
): { lines: Line[]; count: number } | undefined {
  const quoted = new Set([...message.matchAll(/unable to parse '(.*)': /g)].map(([, text]) => text));
  if (quoted.size > 0) {
    const named = lines.filter(({ text }) => quoted.has(text));
    return named.length < quoted.size ? undefined : { lines: named, count: named.length };
  }
  if (count === 0) return undefined;
  const suspects = suspectsOf(lines, message, count);
  if (suspects.length >= count) return { lines: suspects, count };
  return { lines, count: Math.min(count, lines.length) };
}

function suspectsOf(lines: Line[], message: string, count: number): Line[] {
  const conflict = /input field "(.+?)" on measurement "(.+?)" is type (\w+)/.exec(message);
  if (conflict) {
    const [, field, measurement, type] = conflict;
    return lines.filter(
      ({ text }) =>
        text.startsWith(`${measurement},`) &&
        fieldsOf(text).some(
          (written) => written.startsWith(`${field}=`) && written.endsWith('i') === (type === 'integer'),
        ),
    );
  }
  if (!message.includes('retention policy')) return lines;
  return lines.toSorted((a, b) => (timestampOf(a.text) < timestampOf(b.text) ? -1 : 1)).slice(0, count);
}

/** The fields are numbers, without spaces; only the tags before them may hold some. */
function fieldsOf(text: string): string[] {
  return (text.split(' ').at(-2) ?? '').split(',');
}

function timestampOf(text: string): bigint {
  return BigInt(text.slice(text.lastIndexOf(' ') + 1));
}
