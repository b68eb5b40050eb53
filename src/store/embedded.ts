import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Definition } from '../definition.js';
import type { Destination, DestinationState } from '../destination.js';
import { messageOf } from '../errors.js';
import type { Ledger } from '../ledger.js';
import type { Log } from '../log.js';
import type { Batch } from '../reading.js';
import { Store } from './duckdb.js';
import { type StoreReader, type StoreRows, UnavailableError } from './reader.js';
import type { StoreWriter } from './writer.js';

export interface EmbeddedOptions {
  readonly file: string;
  readonly definition: Definition;
  readonly env: string;
  /** How long readings are kept, in ms; 0 is for ever. */
  readonly retentionMs: number;
  readonly ledger: Ledger;
  readonly log: Log;
}

interface OpenStore {
  readonly store: Store;
  readonly writer: StoreWriter;
  readonly reader: StoreReader;
}

const MAINTENANCE_MS = 5 * 60_000;

/**
 * The embedded store as a destination: each batch is a commit, and every few minutes the store is tidied. DuckDB
 * gives a database up for good when the disk is full at the wrong moment: then, and where the file was removed, the
 * store is opened anew for the next batch.
 */
export class EmbeddedDestination implements Destination {
  readonly name = 'embedded store';
  readonly batchesAtOnce = 4;
  /** Of the store as it is open now; rejects between its loss and the next batch. */
  readonly rows: StoreRows = async (sql, signal) => {
    if (this.#open === undefined) throw new UnavailableError('the store is not open');
    return this.#open.reader.query(sql, signal);
  };
  #options: EmbeddedOptions;
  #open: OpenStore | undefined;
  /** The last commit failed with the database: it may have lasted all the same. */
  #doubtful = false;
  #maintenanceDue = 0;

  private constructor(options: EmbeddedOptions, open: OpenStore) {
    this.#options = options;
    this.#open = open;
  }

  /** @throws VisualizerError as {@link Store.open} and {@link Store.prepare} do */
  static async open(options: EmbeddedOptions): Promise<EmbeddedDestination> {
    return new EmbeddedDestination(options, await openStore(options));
  }

  async write(batch: Batch): Promise<void> {
    const { store, writer } = await this.#opened();
    try {
      if (!this.#doubtful || !(await store.holds(batch))) await writer.write(batch);
    } catch (error) {
      this.#doubtful = await this.#isLost(error);
      throw error;
    }
    this.#doubtful = false;
    this.#options.ledger.delivered(batch.readings.length);
    if (performance.now() >= this.#maintenanceDue) await this.#maintain(store);
  }

  state(): DestinationState {
    return 'recording';
  }

  async redefine(definition: Definition): Promise<void> {
    const { store, writer, reader } = await this.#opened();
    writer.close();
    try {
      await store.prepare(definition);
      this.#options = { ...this.#options, definition };
    } finally {
      const { definition: inForce, env } = this.#options;
      this.#open = { store, reader, writer: await store.writer(inForce, env) };
    }
  }

  async close(): Promise<void> {
    if (this.#open !== undefined) await this.#maintain(this.#open.store);
    await this.#giveUp();
  }

  async #opened(): Promise<OpenStore> {
    const { file, log } = this.#options;
    if (this.#open !== undefined && !existsSync(file)) {
      log.error({ file }, 'The embedded store was removed; a new one is begun');
      await this.#giveUp();
    }
    this.#open ??= await openStore(this.#options).catch((error: unknown) => {
      // An Error of its own kind, since waiting may mend it: the run is on its way already.
      throw new Error(messageOf(error), { cause: error });
    });
    return this.#open;
  }

  /** A failure here loses nothing: what was written is committed, and the next turn tries again. */
  async #maintain(store: Store): Promise<void> {
    this.#maintenanceDue = performance.now() + MAINTENANCE_MS;
    await store.maintain(this.#options.retentionMs).catch(async (error: unknown) => {
      await this.#isLost(error);
      const text = 'The embedded store could not be tidied; trying again later';
      this.#options.log.warn({ cause: messageOf(error) }, text);
    });
  }

  /** Whether this error is the end of the open database, which is given up then. */
  async #isLost(error: unknown): Promise<boolean> {
    const lost = /FATAL|database has been invalidated/.test(messageOf(error));
    if (lost) await this.#giveUp();
    return lost;
  }

  async #giveUp(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    try {
      await open?.reader.close();
      open?.writer.close();
      open?.store.close();
    } catch (error) {
      this.#options.log.debug({ cause: messageOf(error) }, 'A lost database could not be closed');
    }
  }
}

async function openStore({ file, definition, env, log }: EmbeddedOptions): Promise<OpenStore> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const store = await Store.open(file, log);
  try {
    await store.prepare(definition);
    return { store, writer: await store.writer(definition, env), reader: await store.reader() };
  } catch (error) {
    store.close();
    throw error;
  }
}
