import { EVALUATION_MS } from '../alerting/rule.js';
import type { Definition } from '../definition.js';
import { messageOf } from '../errors.js';
import type { Log } from '../log.js';
import type { Rows } from '../queries/answers.js';
import { AlertLog } from './alert-log.js';
import { AlertMarks } from './alert-marks.js';
import { AlertMemory } from './alert-memory.js';
import { multiples } from './alert-ticks.js';
import { AlertWatch, type Evaluated, type Memory, type Transition } from './alert-watch.js';
import type { AlertChange, AlertInstance } from './api.js';

export interface LocalAlertsOptions {
  readonly definition: Definition;
  readonly env: string;
  /** Of the embedded store as it is open now, on a connection that no writer uses; rejects while there is none. */
  readonly rows: Rows;
  /** Keeps the states over a restart. */
  readonly stateFile: string;
  readonly log: Log;
  /** Told of an evaluation's changes, of which there is at least one; an instance of a past definition may end. */
  readonly onChange: (changes: readonly Transition[]) => void;
  /** Told after each evaluation, when its changes have been. */
  readonly onEvaluated?: () => void;
  /**
   * Milliseconds of the clock by which readings are stamped. After the wall clock was set back that one runs ahead
   * of it, and windows that end by the wall clock would miss the newest readings.
   */
  readonly now?: () => number;
}

/**
 * The definition's alerts, evaluated over the embedded store as Grafana evaluates the rules that are written of
 * them: every 10 s at multiples of 10 s, one evaluation after the other. Whoever is told of a change may be told
 * again after a crash, but never not at all: states are saved last.
 */
export class LocalAlerts {
  readonly #options: LocalAlertsOptions;
  readonly #watch: AlertWatch;
  readonly #memory: AlertMemory;
  readonly #marks: AlertMarks;
  readonly #tell: AlertLog;
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;
  #failing = false;

  private constructor(options: LocalAlertsOptions, memory: AlertMemory, before: Memory | undefined) {
    const { definition, env, rows, log } = options;
    this.#options = options;
    this.#memory = memory;
    this.#watch = new AlertWatch(definition, env, before);
    this.#marks = new AlertMarks(rows, env, log);
    this.#tell = new AlertLog(log, definition, before?.alerts);
  }

  /** Takes up the states of the run before. */
  static async open(options: LocalAlertsOptions): Promise<LocalAlerts> {
    const memory = new AlertMemory(options.stateFile, options.log);
    return new LocalAlerts(options, memory, await memory.load());
  }

  /** Evaluates from now on, until {@link close}. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** From the next evaluation on these are the alerts; those that differ begin anew. */
  redefine(definition: Definition): void {
    this.#watch.redefine(definition);
    this.#tell.redefine(definition);
  }

  states(): AlertInstance[] {
    return this.#watch.states();
  }

  /** From `from` to `to` in whole ms, the oldest first, preceded by the last one before of each instance. */
  changes(from: number, to: number): Promise<AlertChange[]> {
    return this.#marks.read(from, to);
  }

  /** Evaluates as of `at`; never rejects, and is not to be called again before it has resolved. */
  async evaluate(at: number): Promise<void> {
    const { transitions, failure } = await this.#watch.evaluate(this.#options.rows, at);
    this.#tellFailure(failure);
    for (const transition of transitions) this.#tell.tell(transition);
    if (transitions.length > 0) this.#announce(transitions);
    this.#options.onEvaluated?.();
    await this.#marks.write(transitions.map((each) => ({ ...each, alert: each.alert.id })));
    await this.#memory.save(this.#watch.memory());
  }

  /** Once the evaluation that is under way has ended. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { now = Date.now } = this.#options;
    for await (const at of multiples(EVALUATION_MS, now, this.#closing.signal)) await this.evaluate(at);
  }

  #announce(transitions: readonly Transition[]): void {
    try {
      this.#options.onChange(transitions);
    } catch (error) {
      this.#options.log.error({ cause: messageOf(error) }, 'The changes of alerts could not be passed on');
    }
  }

  #tellFailure(failure: Evaluated['failure']): void {
    const { log } = this.#options;
    if (failure !== undefined && !this.#failing) {
      const { alert, error } = failure;
      const text = 'Alerts cannot be evaluated; they stay as they are, but for those that fire without data';
      log.warn({ alert, cause: messageOf(error) }, text);
    } else if (failure === undefined && this.#failing) {
      log.info('Alerts are evaluated again');
    }
    this.#failing = failure !== undefined;
  }
}
