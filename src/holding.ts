import { setTimeout as delay } from 'node:timers/promises';
import type { Definition } from './definition.js';
import type { Destination } from './destination.js';
import { messageOf, VisualizerError } from './errors.js';
import type { Ledger } from './ledger.js';
import type { Log } from './log.js';
import type { Batch } from './reading.js';

/** How many readings wait in memory while the disk takes none: some 50 MB. */
const LIMIT = 200_000;
const PAUSE_MS = 50;

export interface HoldingOptions {
  readonly ledger: Ledger;
  readonly log: Log;
  /** How long `close` waits for room, in ms: what is delivered meanwhile makes some. */
  readonly patienceMs: number;
  /** The source waits without a loss, as a file does: then nothing is dropped before `stop`. */
  readonly sourceWaits?: boolean;
  readonly stop?: AbortSignal;
  /** Most readings that are held. */
  readonly limit?: number;
}

/**
 * Makes a destination whose disk may be full for a while: a batch that it does not take is held, and written
 * before the next one; beyond a bound the oldest are dropped, and counted. A batch is acknowledged to its source
 * once it is written. `write` rejects only with what no waiting mends, a VisualizerError; `close` also where it had
 * to drop what was held.
 */
export function holdWhileFailing(destination: Destination, options: HoldingOptions): Destination {
  const holding = new Holding(destination, options);
  return {
    name: destination.name,
    get batchesAtOnce() {
      return destination.batchesAtOnce ?? 1;
    },
    state: () => (holding.failing ? 'failing' : destination.state()),
    runnerFields: () => destination.runnerFields?.() ?? {},
    ...(destination.rows && { rows: destination.rows }),
    write: (batch) => holding.write(batch),
    redefine: (definition) => holding.redefine(definition),
    async close() {
      try {
        await holding.close();
      } finally {
        await destination.close();
      }
    },
  };
}

const HELD = 'readings of the old one wait in memory until the disk takes them; try again then';

class Holding {
  readonly #destination: Destination;
  readonly #ledger: Ledger;
  readonly #log: Log;
  readonly #patienceMs: number;
  readonly #waits: boolean;
  readonly #stop: AbortSignal | undefined;
  readonly #limit: number;
  readonly #held: Batch[] = [];
  #failing = false;
  /** Readings, since the destination began to fail. */
  #dropped = 0;

  constructor(destination: Destination, options: HoldingOptions) {
    const { ledger, log, patienceMs, sourceWaits = false, stop, limit = LIMIT } = options;
    this.#destination = destination;
    this.#ledger = ledger;
    this.#log = log;
    this.#patienceMs = patienceMs;
    this.#waits = sourceWaits;
    this.#stop = stop;
    this.#limit = limit;
  }

  get failing(): boolean {
    return this.#failing;
  }

  async redefine(definition: Definition): Promise<void> {
    // What is held was read by the old definition, and has to be written by it.
    await this.#writeAll();
    if (this.#held.length > 0) throw new VisualizerError('BAD_DEFINITION', HELD);
    await this.#destination.redefine(definition);
  }

  async write(batch: Batch): Promise<void> {
    this.#held.push(batch);
    await this.#writeAll();
    while (this.#waits && !this.#stop?.aborted && this.#isFull()) {
      await delay(PAUSE_MS, undefined, { signal: this.#stop }).catch(() => {});
      await this.#writeAll();
    }
    while (!this.#waits && this.#isFull()) this.#dropOldest();
  }

  async close(): Promise<void> {
    const deadline = performance.now() + this.#patienceMs;
    await this.#writeAll();
    while (this.#held.length > 0 && performance.now() < deadline) {
      await delay(PAUSE_MS);
      await this.#writeAll();
    }
    const lost = sizeOf(this.#held);
    if (lost === 0) return;
    const again = this.#held.every(({ ack }) => ack !== undefined);
    while (this.#held.length > 0) this.#dropOldest();
    const fate = again ? '; the next run reads them again' : ', and are lost';
    throw new VisualizerError('STATE_UNUSABLE', `${lost} readings could not be stored${fate}.`);
  }

  #isFull(): boolean {
    return this.#held.length > 1 && sizeOf(this.#held) > this.#limit;
  }

  /** Writes what is held, as far as that goes. */
  async #writeAll(): Promise<void> {
    try {
      for (let batch = this.#held[0]; batch !== undefined; batch = this.#held[0]) {
        await this.#destination.write(batch);
        await batch.ack?.();
        this.#held.shift();
      }
      this.#recovered();
    } catch (error) {
      if (error instanceof VisualizerError) throw error;
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const text = `Readings cannot be stored in the ${this.#destination.name}; they wait in memory`;
    if (!this.#failing) this.#log.error({ cause: messageOf(error) }, text);
    this.#failing = true;
  }

  #recovered(): void {
    if (!this.#failing) return;
    this.#log.warn({ dropped: this.#dropped }, `The ${this.#destination.name} takes readings again`);
    this.#failing = false;
    this.#dropped = 0;
  }

  #dropOldest(): void {
    const oldest = this.#held.shift() as Batch;
    const lines = oldest.readings.length;
    this.#ledger.dropped(lines);
    this.#ledger.error('error.buffer_overflow', lines);
    if (this.#held[0] !== undefined) this.#held[0] = withoutReadings(oldest, this.#held[0]);
    if (this.#dropped === 0 && lines > 0) {
      this.#log.error(
        `Readings for the ${this.#destination.name} are lost: they could not be held any longer`,
      );
    }
    this.#dropped += lines;
  }
}

/** What outlives a dropped batch in the one after it: its counts, and the errors that it told of. */
function withoutReadings(dropped: Batch, next: Batch): Batch {
  const errors = dropped.points.filter(({ kind, fields }) => kind !== undefined && fields.value !== 0);
  return {
    readings: next.readings,
    points: [...errors, ...next.points],
    refused: dropped.refused + next.refused,
    lost: dropped.lost + dropped.readings.length + next.lost,
  };
}

function sizeOf(batches: readonly Batch[]): number {
  return batches.reduce((size, { readings }) => size + readings.length, 0);
}
