import { Complaints } from './complaints.js';
import type { Definition, ErrorKind } from './definition.js';
import type { Ledger } from './ledger.js';
import type { Log } from './log.js';
import { type LineParser, lineParser, type ParsedLine } from './parse.js';
import type { Ack, Batch, Point } from './reading.js';
import { ReadingsBuilder } from './readings-builder.js';
import { Scanner } from './scan.js';
import type { Clock } from './source/clock.js';
import type { SensorExit, SourceEvent } from './source/source.js';
import { TICK, withTicks } from './ticks.js';

export interface IntakeOptions {
  readonly definition: Definition;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly log: Log;
  /** A batch is given out this often, in ms (at most 5,000), ... */
  readonly flushIntervalMs: number;
  /** ... or as soon as it holds this many readings. */
  readonly batchLines: number;
  /** Makes the last batch come before the end of the source: what follows there is left for another intake. */
  readonly until?: AbortSignal;
  /** How large a batch may get for now, where that is more. */
  readonly mostLines?: () => number;
  /** Resolves once all that was given out is stored. */
  readonly stored?: () => Promise<void>;
  /** Further fields of the `runner` measurement, asked at each heartbeat. */
  readonly runnerFields?: () => Readonly<Record<string, number>>;
}

/** Of the lines of a batch, however few those are: memory is bounded by it. */
const MOST_BYTES = 2 * 1024 * 1024;

/** Contract: every error kind and the runner's metrics are written at least every 10 s; timers come a little late. */
const HEARTBEAT_MS = 9_500;

/**
 * Turns what the source tells into batches: lines are parsed, stamped and counted, everything that goes wrong
 * becomes an error count. The last batch follows the end of the source, and holds a last heartbeat.
 */
export async function* intake(
  events: AsyncIterable<SourceEvent>,
  options: IntakeOptions,
): AsyncGenerator<Batch> {
  const { clock, ledger, flushIntervalMs, batchLines } = options;
  const collector = new Collector(options);
  let heartbeatDue = 0;

  const flush = (last: boolean): Batch => {
    const beats = last || performance.now() >= heartbeatDue;
    // At the last flush before it would be late.
    if (beats) heartbeatDue = performance.now() + HEARTBEAT_MS - flushIntervalMs;
    const timestamp = clock.stamp();
    const points = beats
      ? ledger.heartbeat(timestamp, options.runnerFields?.())
      : ledger.takeErrors(timestamp);
    return collector.take(points, last);
  };

  for await (const event of withTicks(events, flushIntervalMs)) {
    if (event !== TICK) collector.add(event);
    if (options.until?.aborted) break;
    const isFull = collector.holds(Math.max(batchLines, options.mostLines?.() ?? 0));
    if (event !== TICK && !isFull) continue;
    const batch = flush(false);
    if (!isEmpty(batch)) yield batch;
  }
  yield flush(true);
  await options.stored?.();
  // What went wrong while that was stored has no later batch to be told in.
  const late = ledger.takeErrors(clock.stamp());
  if (late.length > 0) yield collector.take(late, true);
}

function isEmpty({ readings, points, refused }: Batch): boolean {
  return readings.length === 0 && points.length === 0 && refused === 0;
}

/** The batch at hand. */
class Collector {
  readonly #options: IntakeOptions;
  readonly #parse: LineParser;
  readonly #columnErrors: readonly ErrorKind[];
  readonly #complaints: Complaints;
  readonly #scanner: Scanner;
  #readings: ReadingsBuilder;
  /** Of batches that nobody looks at any more: memory made anew for each would keep the garbage collector busy. */
  readonly #free: ReadingsBuilder[] = [];
  #refused = 0;
  #ack: Ack | undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#parse = lineParser(options.definition);
    this.#columnErrors = options.definition.metrics.map(({ name }) => `error.${name}` as const);
    this.#complaints = new Complaints(options.log);
    this.#scanner = new Scanner(options.definition, (line) => this.#takeOdd(line));
    this.#readings = new ReadingsBuilder(options.definition.metrics);
  }

  /** Whether there are so many lines, or as much text as may be in a batch. */
  holds(lines: number): boolean {
    return this.#readings.length >= lines || this.#readings.bytes >= MOST_BYTES;
  }

  add(event: SourceEvent): void {
    switch (event.kind) {
      case 'lines':
        for (const block of event.lines.blocks) this.#addLines(block);
        for (const { reason, excerpt } of event.lines.refused) this.#refuse(reason, excerpt);
        this.#ack = event.ack;
        break;
      case 'stuck':
        this.#options.ledger.error('error.sensor_stuck');
        break;
      case 'exit':
        this.#addExit(event.exit);
    }
  }

  take(points: readonly Point[], last: boolean): Batch {
    const builder = this.#readings;
    const readings = builder.build();
    const release = () => {
      builder.clear();
      this.#free.push(builder);
    };
    const batch = { readings, points, refused: this.#refused, lost: 0, ack: this.#ack, release };
    // As much again is likely to come.
    const { length, text } = readings;
    const { metrics } = this.#options.definition;
    this.#readings = this.#free.pop() ?? new ReadingsBuilder(metrics, length, text.length);
    this.#refused = 0;
    this.#ack = undefined;
    this.#complaints.flush(last);
    return batch;
  }

  /** Lines that were read together; a line that cannot be stored leaves its timestamp unused. */
  #addLines(lines: Buffer): void {
    const { clock, ledger } = this.#options;
    const readings = this.#readings;
    const { length, defects } = readings;
    const count = this.#scanner.scan(lines, readings);
    readings.stamp(clock.stamp(count));
    ledger.read(readings.length - length, readings.defects - defects);
  }

  /** A line that is not plain; undefined where nothing of it can be stored. */
  #takeOdd(line: string): ParsedLine | undefined {
    const parsed = this.#parse(line);
    if ('refused' in parsed) {
      this.#refuse(parsed.refused, line);
      return undefined;
    }
    for (const column of parsed.uncastable) this.#uncastable(column, line);
    if (parsed.uncastable.length < parsed.values.length) return parsed;
    this.#rejectWhole();
    return undefined;
  }

  #addExit({ wanted, restarts }: SensorExit): void {
    if (!wanted) this.#options.ledger.error('error.sensor_exit');
    if (restarts) this.#options.ledger.restarted();
  }

  #refuse(reason: string, line: string): void {
    this.#options.ledger.error('error.line');
    this.#complaints.add('error.line', reason, line);
    this.#rejectWhole();
  }

  #uncastable(column: number, line: string): void {
    const kind = this.#columnErrors[column] as ErrorKind;
    const metric = this.#options.definition.metrics[column];
    this.#options.ledger.error(kind);
    this.#complaints.add(kind, `${metric?.name} is no ${metric?.type}`, line);
  }

  /** Nothing of the line can be stored. */
  #rejectWhole(): void {
    this.#options.ledger.read(1, 0);
    this.#options.ledger.rejected(1);
    this.#refused += 1;
  }
}
