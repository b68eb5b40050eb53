import type { Entry } from './delivery.js';
import type { Verdict } from './verdict.js';

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
 * The lines that a partial write left out, `count` of those given, read from the server's reason:
 *
 *     partial write: field type conflict: input field "x" on measurement "m" is type float, ... dropped=3
 *     partial write: points beyond retention policy dropped=2
 *     partial write: unable to parse 'm x=': missing field value dropped=0
 *
 * Undefined where it was no partial write, or the reason does not even tell how many lines it was.
 */
export function culprits(
  lines: Line[],
  { reason, dropped }: Extract<Verdict, { kind: 'refused' }>,
): { lines: Line[]; count: number } | undefined {
  if (dropped === undefined) return undefined;
  const quoted = lines.filter(({ text }) => reason.includes(`'${text}'`));
  if (quoted.length > 0) return { lines: quoted, count: quoted.length };
  if (dropped === 0) return undefined;
  const suspects = suspectsOf(lines, reason, dropped);
  return { lines: suspects.length >= dropped ? suspects : lines, count: dropped };
}

function suspectsOf(lines: Line[], reason: string, dropped: number): Line[] {
  const conflict = /input field "(.+?)" on measurement "(.+?)" is type/.exec(reason);
  if (conflict) {
    const [, field, measurement] = conflict;
    return lines.filter(
      ({ text }) =>
        text.startsWith(`${measurement},`) && (text.includes(` ${field}=`) || text.includes(`,${field}=`)),
    );
  }
  if (!reason.includes('beyond retention policy')) return lines;
  return lines.toSorted((a, b) => (timestampOf(a) < timestampOf(b) ? -1 : 1)).slice(0, dropped);
}

function timestampOf({ text }: Line): bigint {
  return BigInt(text.slice(text.lastIndexOf(' ') + 1));
}
