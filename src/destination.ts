import type { Definition } from './definition.js';
import type { Batch } from './reading.js';

/** How the way to a destination is, in one word for people. */
export type DestinationState = 'connecting' | 'online' | 'offline' | 'held' | 'recording' | 'failing';

/** Where batches end up. A destination accounts for every reading that it took in the ledger. */
export interface Destination {
  /** For people: `embedded store` or `InfluxDB at host:port`. */
  readonly name: string;
  /**
   * So many batches may come as one while another is written, where a commit costs more than its lines; else one. Asked
   * again for each batch.
   */
  readonly batchesAtOnce?: number;
  state(): DestinationState;
  /**
   * Resolves once the batch is safe here; rejects where it is not, and then nothing of it is kept. Either way its
   * readings are not looked at afterwards: their memory may be used again. Batches are written one after the other.
   */
  write(batch: Batch): Promise<void>;
  /**
   * The batches from now on are read by this definition, of the same name.
   * @throws VisualizerError BAD_DEFINITION where it cannot be; then nothing has changed
   */
  redefine(definition: Definition): Promise<void>;
  /** Further fields for the `runner` measurement. */
  runnerFields?(): Readonly<Record<string, number>>;
  /** Asks what is stored, where that is here: SQL, as in `queries/sql.ts`, beside the writing. */
  readonly rows?: (sql: string, signal?: AbortSignal) => Promise<unknown[][]>;
  /** Ends what is under way in good order and lets go of every file and socket. */
  close(): Promise<void>;
}
