/** The first lines that a sensor or a file gives: how they are read, and what the definition makes of them. */
import type { Definition, Metric } from '../definition.js';
import { systemCodeOf } from '../errors.js';
import { type LineParser, lineParser, type ParsedLine } from '../parse.js';
import { LineSplitter, type Lines, textsOf } from '../source/lines.js';
import { type Finding, fail, ok, warn } from './finding.js';

/** So many lines are enough, ... */
const LINES = 3;
/** ... and nobody waits longer for them. */
export const LISTEN_MS = 5_000;
/** Characters of a line. */
export const LONGEST_SHOWN = 120;

interface FirstLine {
  readonly text: string;
  /** Why it is no line of text. */
  readonly refused?: string;
}

/** The first lines; `enough` is called once they are there, and what comes after that is thrown away. */
export async function firstLines(
  chunks: AsyncIterable<Buffer>,
  maxBytes: number,
  enough: () => void,
): Promise<FirstLine[]> {
  const splitter = new LineSplitter(maxBytes);
  const lines: FirstLine[] = [];
  for await (const chunk of untilCutOff(chunks)) {
    if (lines.length >= LINES) continue;
    lines.push(...linesOf(splitter.push(chunk)));
    if (lines.length >= LINES) enough();
  }
  if (lines.length < LINES) lines.push(...linesOf(splitter.end()));
  return lines.slice(0, LINES);
}

/** The last line; of an endless stream nothing else is kept. */
export async function lastLine(chunks: AsyncIterable<Buffer>, maxBytes: number): Promise<string | undefined> {
  const splitter = new LineSplitter(maxBytes);
  let last: FirstLine | undefined;
  for await (const chunk of untilCutOff(chunks)) last = linesOf(splitter.push(chunk)).at(-1) ?? last;
  return (linesOf(splitter.end()).at(-1) ?? last)?.text;
}

/** What is cut off by us has given enough. */
async function* untilCutOff(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
  } catch (error) {
    if (systemCodeOf(error) !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

function linesOf(lines: Lines): FirstLine[] {
  const refused = lines.refused.map(({ reason, excerpt }) => ({ text: excerpt, refused: reason }));
  return [...refused, ...textsOf(lines).map((text) => ({ text }))];
}

/** Whether the lines fit the definition; without one they are shown as they came. */
export function judge(
  source: string,
  lines: readonly FirstLine[],
  definition: Definition | undefined,
): Finding {
  if (definition === undefined) {
    const details = lines.map(({ text }) => text.slice(0, LONGEST_SHOWN));
    return warn(
      'sensor',
      `${source} prints lines that no definition explains yet`,
      'mend the definition first',
      details,
    );
  }
  const parse = lineParser(definition);
  const shown = lines.map((line) => show(line, parse, definition.metrics));
  const details = shown.map(({ text }) => text);
  const bad = shown.filter(({ sound }) => !sound).length;
  if (bad === 0) return ok('sensor', `${source} prints lines that fit the definition`, details);
  const columns = definition.metrics.map(({ name, type }) => `${name} (${type})`).join(', ');
  const separator = definition.separator === 'whitespace' ? 'blanks' : JSON.stringify(definition.separator);
  return fail(
    'sensor',
    'BAD_DEFINITION',
    `${bad} of its first ${lines.length} lines do not fit the definition (${source})`,
    `have it print ${columns}, with ${separator} between, or name the columns it prints in the definition (--sensor)`,
    details,
  );
}

function show(
  { text, refused }: FirstLine,
  parse: LineParser,
  metrics: readonly Metric[],
): { text: string; sound: boolean } {
  const parsed = refused === undefined ? parse(text) : { refused };
  const line = JSON.stringify(text.slice(0, LONGEST_SHOWN));
  if ('refused' in parsed) return { text: `${line}: ${parsed.refused}`, sound: false };
  const values = metrics.map(({ name }, column) => `${name}=${parsed.values[column] ?? '?'}`).join(' ');
  const sound = parsed.uncastable.length === 0;
  return {
    text: sound ? `${values}${defectMark(parsed)}` : `${line}: ${values}, ${misfits(parsed, metrics)}`,
    sound,
  };
}

function defectMark({ defect }: ParsedLine): string {
  return defect ? ' (all zero: a defect)' : '';
}

function misfits({ uncastable }: ParsedLine, metrics: readonly Metric[]): string {
  const names = uncastable.map((column) => `${metrics[column]?.name} is no ${metrics[column]?.type}`);
  return names.join(', ');
}
