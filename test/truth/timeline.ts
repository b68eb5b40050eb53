import { execa } from 'execa';
import type { Definition, ErrorKind } from '../../src/definition.js';
import { Ledger } from '../../src/ledger.js';
import { lineParser } from '../../src/parse.js';
import type { Point, Reading } from '../../src/reading.js';
import { LineSplitter, textsOf } from '../../src/source/lines.js';

/** Simulated time: what a sensor prints and what befalls its runner, second by second, and what is stored of it. */

/** A multiple of every evaluation's interval. */
export const START_MS = 1_700_000_000_000;

export interface Second {
  /** What the sensor printed, without newlines. */
  readonly printed: readonly Buffer[];
  readonly errors?: readonly ErrorKind[];
}

/** What a batch of the runner holds. */
export interface Stored {
  readonly readings: readonly Reading[];
  readonly points: readonly Point[];
}

const SENSOR = new URL('../../sensor_runner/sensor', import.meta.url).pathname;
const HEARTBEAT_SECONDS = 10;
const MAX_LINE_BYTES = 65_536;
/** Lines come a while after the full second. */
const LINE_OFFSET_MS = 250;
const FLUSH_OFFSET_MS = 750;

/** The sensor's own lines, without the wait between them. */
export async function sensorLines(args: readonly string[]): Promise<Buffer[]> {
  const { stdout } = await execa(process.execPath, [SENSOR, '--interval', '0', ...args], {
    encoding: 'buffer',
    maxBuffer: 1_000_000_000,
  });
  return linesOf(Buffer.from(stdout));
}

function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  while (start < bytes.length) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline === -1 ? bytes.length : newline;
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return lines;
}

/** Parses and counts as `intake.ts` does, by the clock of the timeline: a flush each second, a beat every ten. */
export function* storedBySecond(definition: Definition, seconds: readonly Second[]): Generator<Stored> {
  const parse = lineParser(definition);
  const ledger = new Ledger(definition);
  for (const [index, { printed, errors = [] }] of seconds.entries()) {
    const readings: Reading[] = [];
    for (const [order, bytes] of printed.entries()) {
      const timestamp = nanoseconds(index, LINE_OFFSET_MS + order);
      const lines = new LineSplitter(MAX_LINE_BYTES).push(Buffer.concat([bytes, NEWLINE]));
      for (const _ of lines.refused) ledger.error('error.line');
      for (const line of textsOf(lines)) readings.push(...readingOf(line, timestamp));
    }
    for (const kind of errors) ledger.error(kind);
    ledger.read(readings.length, 0);
    const flush = nanoseconds(index, FLUSH_OFFSET_MS);
    const points = index % HEARTBEAT_SECONDS === 0 ? ledger.heartbeat(flush) : ledger.takeErrors(flush);
    yield { readings, points };
  }

  function readingOf(line: string, timestamp: bigint): Reading[] {
    const parsed = parse(line);
    if ('refused' in parsed) {
      ledger.error('error.line');
      return [];
    }
    for (const column of parsed.uncastable) ledger.error(`error.${definition.metrics[column]?.name}`);
    if (parsed.uncastable.length === parsed.values.length) return [];
    return [{ timestamp, values: parsed.values, defect: parsed.defect }];
  }
}

const NEWLINE = Buffer.from('\n');

function nanoseconds(second: number, offsetMs: number): bigint {
  return BigInt(START_MS + second * 1_000 + offsetMs) * 1_000_000n;
}
