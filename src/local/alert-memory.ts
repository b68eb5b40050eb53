import { STATES } from '../alerting/state.js';
import { SEVERITIES } from '../definition.js';
import { messageOf, systemCodeOf } from '../errors.js';
import type { Log } from '../log.js';
import { readStateJson, writeStateJson } from '../state-json.js';
import * as z from '../zod.js';
import type { Memory } from './alert-watch.js';

/**
 * Where the alerts of a run stand, for the next run: a JSON file in the state directory, written after every
 * evaluation. Without it alerts begin as normal: what fires then is told once more.
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
      const { version: _, ...memory } = await readStateJson(this.#file, FORMAT);
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
      await writeStateJson(this.#file, { version: VERSION, ...memory });
      this.#failing = false;
    } catch (error) {
      const text = `The states of alerts cannot be saved in ${this.#file}; a restart would begin from older ones`;
      if (!this.#failing) this.#log.warn({ cause: messageOf(error) }, text);
      this.#failing = true;
    }
  }
}

const VERSION = 1;

/** Of an alert only what is needed of one that may be defined no more; the rest is compared, never trusted. */
const FORMAT = z.object({
  version: z.literal(VERSION),
  env: z.string(),
  at: z.int(),
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
          state: z.enum(STATES),
          since: z.number(),
          value: z.nullable(z.number()),
          seen: z.number(),
        }),
      ),
    }),
  ),
});
