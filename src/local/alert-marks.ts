import { messageOf } from '../errors.js';
import type { Log } from '../log.js';
import type { Rows } from '../queries/answers.js';
import { type AlertChange, appendAlertChanges, readAlertChanges } from '../store/alert-changes.js';

/** While the store takes none, so many changes wait; then the oldest are lost. */
const LIMIT = 1_000;

/** The changes of alerts as marks in the store; those that it does not take wait in memory, and are there to read. */
export class AlertMarks {
  readonly #rows: Rows;
  readonly #env: string;
  readonly #log: Log;
  #waiting: readonly AlertChange[] = [];
  #failing = false;

  constructor(rows: Rows, env: string, log: Log) {
    this.#rows = rows;
    this.#env = env;
    this.#log = log;
  }

  /** Stores them, and what waits, as far as that goes; never rejects, and is not to be called again meanwhile. */
  async write(changes: readonly AlertChange[]): Promise<void> {
    const waiting = [...this.#waiting, ...changes].slice(-LIMIT);
    this.#waiting = waiting;
    try {
      await appendAlertChanges(this.#rows, this.#env, waiting);
      this.#waiting = [];
      this.#failing = false;
    } catch (error) {
      const text = 'The changes of alerts cannot be stored; they wait in memory';
      if (!this.#failing) this.#log.warn({ cause: messageOf(error) }, text);
      this.#failing = true;
    }
  }

  /** From `fromMs` to `toMs`, as {@link readAlertChanges}. */
  async read(fromMs: number, toMs: number): Promise<AlertChange[]> {
    const stored = await readAlertChanges(this.#rows, this.#env, fromMs, toMs);
    return [...stored, ...this.#waiting.filter(({ at }) => at >= fromMs && at <= toMs)];
  }
}
