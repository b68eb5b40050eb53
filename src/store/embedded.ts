import type { Definition } from '../definition.js';
import type { Destination } from '../destination.js';
import { messageOf } from '../errors.js';
import type { Ledger } from '../ledger.js';
import type { Log } from '../log.js';
import type { Batch, Reading } from '../reading.js';
import { Store, type StoreWriter } from './duckdb.js';
import { storedReadings } from './readings.js';

export interface EmbeddedOptions {
  readonly file: string;
  readonly definition: Definition;
  readonly env: string;
  /** How long readings are kept, in ms; 0 is for ever. */
  readonly retentionMs: number;
  readonly ledger: Ledger;
  readonly log: Log;
}

/** More readings than this in the page's ten minutes, and it begins with the newest of them. */
const HISTORY_ROWS = 200_000;
const MAINTENANCE_MS = 5 * 60_000;

/** The embedded store as a destination: each batch is a commit, and every few minutes the store is tidied. */
export class EmbeddedDestination implements Destination {
  readonly name = 'embedded store';
  readonly store: Store;
  readonly #writer: StoreWriter;
  readonly #options: EmbeddedOptions;
  #maintenanceDue = 0;

  private constructor(store: Store, writer: StoreWriter, options: EmbeddedOptions) {
    this.store = store;
    this.#writer = writer;
    this.#options = options;
  }

  /** @throws VisualizerError as {@link Store.open} and {@link Store.prepare} do */
  static async open(options: EmbeddedOptions): Promise<EmbeddedDestination> {
    const store = await Store.open(options.file, options.log);
    try {
      await store.prepare(options.definition);
      return new EmbeddedDestination(store, await store.writer(options.definition, options.env), options);
    } catch (error) {
      store.close();
      throw error;
    }
  }

  async write(batch: Batch): Promise<void> {
    await this.#writer.write(batch);
    this.#options.ledger.delivered(batch.readings.length);
    if (performance.now() >= this.#maintenanceDue) await this.#maintain();
  }

  async *history(from: bigint): AsyncGenerator<readonly Reading[]> {
    const { metrics } = this.#options.definition;
    yield* storedReadings(this.store, metrics, { from: await this.store.newestFrom(from, HISTORY_ROWS) });
  }

  async close(): Promise<void> {
    await this.#maintain();
    this.#writer.close();
    this.store.close();
  }

  /** A failure here loses nothing: what was written is committed, and the next turn tries again. */
  async #maintain(): Promise<void> {
    this.#maintenanceDue = performance.now() + MAINTENANCE_MS;
    await this.store.maintain(this.#options.retentionMs).catch((error: unknown) => {
      this.#options.log.warn(
        { cause: messageOf(error) },
        'The embedded store could not be tidied; trying again later',
      );
    });
  }
}
