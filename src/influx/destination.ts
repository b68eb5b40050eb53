import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Definition } from '../definition.js';
import type { Destination, DestinationState } from '../destination.js';
import { messageOf, VisualizerError } from '../errors.js';
import type { Ledger } from '../ledger.js';
import type { Log } from '../log.js';
import { formatBytes } from '../quantity.js';
import type { Batch } from '../reading.js';
import type { StateDirectory } from '../state-directory.js';
import { type BufferEvent, DurableBuffer } from './buffer.js';
import { Delivery } from './delivery.js';
import type { LineProtocol } from './line-protocol.js';
import type { Link } from './link.js';
import { LinkMonitor } from './link-monitor.js';
import { RejectedLines } from './rejected.js';

export interface InfluxOptions {
  readonly link: Link;
  readonly state: StateDirectory;
  readonly lineProtocol: LineProtocol;
  readonly ledger: Ledger;
  readonly log: Log;
  readonly bufferMaxBytes: number;
  /** 0 is for ever. */
  readonly bufferMaxAgeMs: number;
  /** How long `close` waits for what is queued to be delivered. */
  readonly drainTimeoutMs: number;
}

/** Where the buffer holds so many batches, two as one take no more than a segment, of which it has eight. */
const ROOM_FOR_BATCHES = 16;
/** Log no loss more often than this. */
const LOSS_INTERVAL_MS = 60_000;

/**
 * InfluxDB as a destination: a batch is safe once it is in the durable buffer, from where delivery takes it in
 * its own time. What earlier runs left there goes first.
 */
export class InfluxDestination implements Destination {
  readonly name: string;
  readonly #options: InfluxOptions;
  readonly #buffer: DurableBuffer;
  readonly #delivery: Delivery;
  readonly #monitor: LinkMonitor;
  readonly #stop = new AbortController();
  readonly #delivered: Promise<void>;
  #lineProtocol: LineProtocol;
  /** Of the newest batch, as lines. */
  #batchBytes = Number.POSITIVE_INFINITY;

  private constructor(options: InfluxOptions, buffer: DurableBuffer) {
    const { link, ledger, log, state } = options;
    this.name = link.name;
    this.#options = options;
    this.#lineProtocol = options.lineProtocol;
    this.#buffer = buffer;
    this.#monitor = new LinkMonitor(link.name, log, () => ledger.totals.queued);
    this.#delivery = new Delivery({
      link,
      backlog: buffer,
      ledger,
      rejected: new RejectedLines(state.rejected, log),
      monitor: this.#monitor,
      log,
    });
    this.#delivered = this.#delivery.run(this.#stop.signal);
  }

  /**
   * Opens the buffer; the ledger goes on from what it remembers.
   * @throws VisualizerError STATE_UNUSABLE where the buffer cannot be opened
   */
  static async open(options: InfluxOptions): Promise<InfluxDestination> {
    const { state, ledger, log, bufferMaxBytes, bufferMaxAgeMs } = options;
    const buffer = await DurableBuffer.open(state.buffer, {
      maxBytes: bufferMaxBytes,
      ...(bufferMaxAgeMs > 0 && { maxAgeMs: bufferMaxAgeMs }),
      onEvent: lossReporter(ledger, log),
    }).catch((cause: unknown) => {
      throw new VisualizerError(
        'STATE_UNUSABLE',
        `The buffer in ${state.buffer} cannot be opened: ${messageOf(cause)}. Mend it, or name another --state-dir.`,
        { cause },
      );
    });
    ledger.adopt(buffer.totals);
    const { queued } = buffer.totals;
    if (queued > 0) {
      log.info({ queued, bytes: formatBytes(buffer.bytes) }, 'An earlier run left readings: they go first');
    }
    return new InfluxDestination(options, buffer);
  }

  /** @throws VisualizerError STATE_UNUSABLE where somebody has removed the buffer: what is written would be lost */
  async write(batch: Batch): Promise<void> {
    const { readings, points } = batch;
    const newest = readings.length - 1;
    const time = newest >= 0 ? readings.timestamp(newest) : points.at(-1)?.timestamp;
    if (time === undefined) return;
    const { path, buffer } = this.#options.state;
    if (!existsSync(buffer)) {
      throw new VisualizerError('STATE_UNUSABLE', `The state directory ${path} was removed.`);
    }
    const payload = this.#lineProtocol.encode(batch);
    this.#batchBytes = payload.length;
    await this.#buffer.append({
      payload,
      lines: readings.length,
      refused: batch.refused,
      lost: batch.lost,
      time,
    });
    this.#delivery.wake();
  }

  /** A sync costs more than the lines of a batch; but one that is larger than the buffer ends the run. */
  get batchesAtOnce(): number {
    return this.#batchBytes * ROOM_FOR_BATCHES < this.#options.bufferMaxBytes ? 2 : 1;
  }

  state(): DestinationState {
    return this.#monitor.state;
  }

  async redefine(definition: Definition): Promise<void> {
    this.#lineProtocol = this.#lineProtocol.redefined(definition);
  }

  runnerFields(): Record<string, number> {
    const oldest = this.#buffer.oldestTime;
    const ageMs = oldest === undefined ? 0 : Math.max(0, Date.now() - Number(oldest / 1_000_000n));
    return {
      buffer_bytes: this.#buffer.bytes,
      buffer_age_ms: ageMs,
      write_ms: Math.round(this.#monitor.writeMs),
    };
  }

  /** Tries to deliver what is queued for as long as the drain timeout; the rest stays for the next run. */
  async close(): Promise<void> {
    const deadline = performance.now() + this.#options.drainTimeoutMs;
    this.#delivery.hurry();
    while (this.#buffer.records > 0 && performance.now() < deadline) await delay(20);
    this.#stop.abort();
    await this.#delivered;
    const { queued } = this.#buffer.totals;
    if (queued > 0) {
      this.#options.log.warn({ queued }, 'Readings stay in the buffer; the next run delivers them');
    }
    await this.#buffer.close();
    await this.#options.link.close?.();
  }
}

/** Counts what the buffer had to give up, and says so: at once, then at most once a minute. */
function lossReporter(ledger: Ledger, log: Log): (event: BufferEvent) => void {
  let unsaid = { lines: 0, bytes: 0 };
  let saidAt = Number.NEGATIVE_INFINITY;
  return (event) => {
    if (event.kind !== 'dropped') {
      log.warn({ ...event, kind: undefined }, EVENT_TEXTS[event.kind]);
      return;
    }
    ledger.dropped(event.lines);
    if (event.reason !== 'request') ledger.error('error.buffer_overflow', event.lines);
    unsaid = { lines: unsaid.lines + event.lines, bytes: unsaid.bytes + event.bytes };
    if (performance.now() - saidAt < LOSS_INTERVAL_MS) return;
    log.error({ ...unsaid, reason: event.reason }, 'Readings were dropped from the buffer');
    unsaid = { lines: 0, bytes: 0 };
    saidAt = performance.now();
  };
}

const EVENT_TEXTS: Readonly<Record<Exclude<BufferEvent['kind'], 'dropped'>, string>> = {
  tornTail: 'A crash interrupted the last write to the buffer; what was unfinished is left out',
  cursorLost: 'The cursor of the buffer is unreadable: everything that is on disk is delivered again',
  unsaved: 'The cursor of the buffer cannot be saved: after a crash more would be delivered again',
};
