import { SEVERITIES } from '../definition.js';
import { messageOf, systemCodeOf } from '../errors.js';
import type { Log } from '../log.js';
import { readStateJson, writeStateJson } from '../state-json.js';
import * as z from '../zod.js';

/**
 * What each receiver was told, and what it is owed, as one JSON file. It holds no secret. What cannot be read is as if
 * there were none: then what fires is told once more.
 */
const labels = z.record(z.string(), z.string());
const entry = z.object({
  key: z.string(),
  alert: z.string(),
  labels,
  annotations: labels,
  startsAt: z.number(),
  endsAt: z.nullable(z.number()),
  value: z.nullable(z.number()),
  told: z.boolean(),
  tried: z.boolean(),
  changedAt: z.nullable(z.number()),
});
const group = z.object({
  receiver: z.string(),
  /** Where it was, as a digest; absent in older files. */
  address: z.optional(z.string()),
  /** Absent where a receiver is told of all severities together. */
  severity: z.optional(z.enum(SEVERITIES)),
  labels,
  lastAt: z.nullable(z.number()),
  refused: z.boolean(),
  entries: z.array(entry),
});
const content = z.object({ version: z.literal(1), groups: z.array(group) });

export type SavedGroup = z.infer<typeof group>;

/** So long after a failure it is tried again, whether anything changes meanwhile or not. */
const RETRY_MS = 10_000;

export class StateFile {
  readonly #path: string | undefined;
  readonly #log: Log;
  #snapshot: (() => SavedGroup[]) | undefined;
  #writing: Promise<void> | undefined;
  #failed = false;
  #retry: NodeJS.Timeout | undefined;

  /** Without a path nothing is kept. */
  constructor(path: string | undefined, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  async read(): Promise<SavedGroup[]> {
    if (this.#path === undefined) return [];
    try {
      return (await readStateJson(this.#path, content)).groups;
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT') {
        const text = 'What was told of alerts cannot be read; what fires is told once more';
        this.#log.warn({ file: this.#path, reason: messageOf(error) }, text);
      }
      return [];
    }
  }

  /** Writes what there is when it comes to it; changes that come together are written once. */
  save(snapshot: () => SavedGroup[]): void {
    if (this.#path === undefined) return;
    this.#snapshot = snapshot;
    this.#writing ??= this.#writeAll(this.#path);
  }

  /** Once all that was saved is on disk, or could not be put there. */
  async settled(): Promise<void> {
    await this.#writing;
    clearTimeout(this.#retry);
  }

  async #writeAll(path: string): Promise<void> {
    // Not before those who are changing something now are done.
    await null;
    while (this.#snapshot !== undefined) {
      const snapshot = this.#snapshot;
      this.#snapshot = undefined;
      await this.#write(path, { version: 1, groups: snapshot() });
      clearTimeout(this.#retry);
      if (this.#failed) this.#retry = setTimeout(() => this.save(snapshot), RETRY_MS).unref();
    }
    this.#writing = undefined;
  }

  /** A full disk is said once; what is told goes on. */
  async #write(path: string, saved: z.infer<typeof content>): Promise<void> {
    try {
      await writeStateJson(path, saved);
      this.#failed = false;
    } catch (error) {
      const warning = 'What was told of alerts cannot be saved; after a restart it may be told again';
      if (!this.#failed) this.#log.warn({ file: path, reason: messageOf(error) }, warning);
      this.#failed = true;
    }
  }
}
