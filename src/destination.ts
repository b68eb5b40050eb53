import type { Batch, Reading } from './reading.js';

/** Where batches end up. A destination accounts for every reading that it took in the ledger. */
export interface Destination {
  /** For people: `embedded store` or `InfluxDB at host:port`. */
  readonly name: string;
  /**
   * Resolves once the batch is safe here; rejects where it is not, and then nothing of it is kept.
   * Batches are written one after the other.
   */
  write(batch: Batch): Promise<void>;
  /** Further fields for the `runner` measurement. */
  runnerFields?(): Readonly<Record<string, number>>;
  /** The newest stored readings from `from` (ns) on, as many as a page needs, where the destination has them. */
  history?(from: bigint): AsyncIterable<readonly Reading[]>;
  /** Ends what is under way in good order and lets go of every file and socket. */
  close(): Promise<void>;
}
