import { open, readFile, rename } from 'node:fs/promises';
import { z } from 'zod';
import { SEVERITIES } from '../definition.js';
import { messageOf, systemCodeOf } from '../errors.js';
import type { Log } from '../log.js';
import { parseStateJson } from '../state-json.js';
import type { Memory } from './alert-watch.js';

/**
 * Where the alerts of a run stand, for the next run: a JSON file in the state directory, written anew after every
 * evaluation and put in place by a rename, so that it is the old one or the new one after any crash. Without it
 * alerts begin as normal: what fires then is told once more.
 */
export class AlertMemory {
  readonly #file: string;
  readonly #log: Log;
  #failing = false;

  constructor(file: string, log: Log) {
    this.#file = file;
    this.#log = log;
  }

  async load(): Promise<Memory | undefined> {
    try {
      const { version: _, ...memory } = parseStateJson(await readFile(this.#file, 'utf8'), FORMAT);
      return memory as unknown as Memory;
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      const text = `The states of alerts in ${this.#file} are not used; all begin as normal`;
      this.#log.warn({ cause: messageOf(error) }, text);
      return undefined;
    }
  }

  /** Never rejects: without it alerts are told a second time one day, that is all. */
  async save(memory: Memory): Promise<void> {
    try {
      await this.#write(JSON.stringify({ version: VERSION, ...memory }));
      this.#failing = false;
    } catch (error) {
      const text = `The states of alerts cannot be saved in ${this.#file}; a restart would begin from older ones`;
      if (!this.#failing) this.#log.warn({ cause: messageOf(error) }, text);
      this.#failing = true;
    }
  }

  async #write(text: string): Promise<void> {
    const draft = `${this.#file}.draft`;
    const file = await open(draft, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(draft, this.#file);
  }
}

const VERSION = 1;

/** Of an alert only what is needed of one that may be defined no more; the rest is compared, never trusted. */
const FORMAT = z.object({
  version: z.literal(VERSION),
  env: z.string(),
  at: z.number().int(),
  alerts: z.array(
    z.object({
      alert: z.looseObject({
        id: z.string(),
        query: z.looseObject({}),
        severity: z.enum(SEVERITIES),
        summary: z.string(),
      }),
      instances: z.array(
        z.object({
          labels: z.record(z.string(), z.string()),
          state: z.enum(['normal', 'pending', 'firing', 'recovering']),
          since: z.number(),
          value: z.number().nullable(),
          seen: z.number(),
        }),
      ),
    }),
  ),
});
