import { keyOf } from '../alerting/evaluate.js';
import { conditionText, queryText, unitOf } from '../alerting/texts.js';
import type { Definition, Severity } from '../definition.js';
import type { Log } from '../log.js';
import { formatDuration } from '../quantity.js';
import type { Remembered, Transition } from './alert-watch.js';

/** Of an alert that comes and goes, so many lines are told in this time. */
const LINES_TOLD = 10;
const LINES_MS = 15 * 60_000;

const LEVELS = { critical: 'error', warning: 'warn', info: 'info' } as const satisfies Record<
  Severity,
  keyof Log
>;

/** Tells people when alerts begin and cease to fire; what comes before and after that is for `debug`. */
export class AlertLog {
  readonly #log: Log;
  #definition: Definition;
  /** Since when an instance fires; of one that recovered when the run began that is not known. */
  readonly #firing: Map<string, number>;
  /** By alert: how many lines, since when. */
  readonly #told = new Map<string, { readonly since: number; lines: number }>();

  /** `remembered`: what the run before knew. */
  constructor(log: Log, definition: Definition, remembered: readonly Remembered[] = []) {
    this.#log = log;
    this.#definition = definition;
    const known = remembered.flatMap(({ alert, instances }) =>
      instances.filter(({ state }) => state === 'firing').map((each) => ({ ...each, alert })),
    );
    this.#firing = new Map(known.map((instance) => [instanceKey(instance), instance.since]));
  }

  redefine(definition: Definition): void {
    this.#definition = definition;
  }

  tell(transition: Transition): void {
    const { alert, from, to, at } = transition;
    const key = instanceKey(transition);
    if (to === 'firing' && from !== 'recovering') {
      this.#firing.set(key, at);
      this.#say(transition, LEVELS[alert.severity], 'fires');
    } else if (to === 'normal' && from !== 'pending') {
      const since = this.#firing.get(key);
      const lasted = since === undefined ? '' : ` after ${formatDuration(at - since)}`;
      this.#firing.delete(key);
      this.#say(transition, 'info', `is over${lasted}`);
    } else {
      this.#log.debug(this.#fields(transition), `Alert ${alert.id}: ${from} -> ${to}`);
    }
  }

  #say(transition: Transition, level: 'info' | 'warn' | 'error', what: string): void {
    const { alert, at } = transition;
    const lines = this.#count(alert.id, at);
    if (lines <= LINES_TOLD) {
      this.#log[level](this.#fields(transition), `Alert ${alert.id} ${what}${this.#why(transition)}`);
    } else if (lines === LINES_TOLD + 1) {
      const text = `Alert ${alert.id} comes and goes; not each time is told from now on`;
      this.#log[LEVELS[alert.severity]]({ alert: alert.id }, text);
    }
  }

  #count(alert: string, at: number): number {
    const known = this.#told.get(alert);
    const told = known !== undefined && at - known.since < LINES_MS ? known : { since: at, lines: 0 };
    told.lines += 1;
    this.#told.set(alert, told);
    return told.lines;
  }

  #fields({ alert, labels, value }: Transition) {
    const limit = conditionText(alert.condition, unitOf(alert.query, this.#definition));
    return { alert: alert.id, severity: alert.severity, value, limit, ...labels };
  }

  /** `: Mean of cpu_load over 1m is 7.4 cores, above 7 cores`; what has no value is only told when it fires. */
  #why({ alert, value, to }: Transition): string {
    const fires = to === 'firing';
    if (value === null) return fires ? `: ${alert.summary}` : '';
    const unit = unitOf(alert.query, this.#definition);
    const rounded = Number.isInteger(value) ? value : Number(value.toPrecision(6));
    const told = unit === undefined ? `${rounded}` : `${rounded} ${unit}`;
    const limit = `${fires ? '' : 'no longer '}${conditionText(alert.condition, unit)}`;
    return `: ${queryText(alert.query)} is ${told}, ${limit}`;
  }
}

function instanceKey(instance: Pick<Transition, 'alert' | 'labels'>): string {
  return `${instance.alert.id} ${keyOf(instance)}`;
}
