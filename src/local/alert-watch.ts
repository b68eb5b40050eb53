import { type Answer, type Change, evaluate, type Instance } from '../alerting/evaluate.js';
import { EVALUATION_MS, type Rule, ruleOf } from '../alerting/rule.js';
import type { Alert, Definition } from '../definition.js';
import { askValue, type Rows } from '../queries/answers.js';
import type { Measure } from '../queries/query.js';
import type { AlertInstance } from './api.js';

/** A change of state, with the alert as it was defined then: the definition in force may not have it any more. */
export interface Transition extends Change {
  readonly alert: Alert;
}

/** What outlives a run. Plain data. */
export interface Memory {
  /** Whose data were evaluated. */
  readonly env: string;
  /** When the newest evaluation was, in ms. */
  readonly at: number;
  readonly alerts: readonly Remembered[];
}

export interface Remembered {
  readonly alert: Alert;
  readonly instances: readonly Instance[];
}

export interface Evaluated {
  readonly transitions: readonly Transition[];
  /** Of the first alert that could not be evaluated. */
  readonly failure?: { readonly alert: string; readonly error: unknown };
}

interface Watched {
  readonly rule: Rule;
  instances: readonly Instance[];
}

/** So many evaluations may have been left out without any doubt about what lay between. */
const MISSED_EVALUATIONS = 2;

/**
 * The alerts of a definition and where their instances stand, evaluated over the embedded store.
 *
 * - An alert that is no longer defined, or asks or tells something else than before, ends: as in Grafana its
 *   instances are normal, and begin anew.
 * - A pause of some evaluations (the run was stopped, the machine slept, the clock was set) counts as one interval:
 *   no `for` is fulfilled and no recovery ends by time in which nobody looked. What fires goes on firing until the
 *   next evaluation says otherwise. Grafana itself would count the pause; this is what Prometheus does.
 */
export class AlertWatch {
  readonly #env: string;
  #watched: readonly Watched[] = [];
  /** Instances that are to be told as ended. */
  #ended: readonly Ended[] = [];
  #at: number | undefined;

  constructor(definition: Definition, env: string, memory?: Memory) {
    this.#env = env;
    this.#at = memory?.at;
    const known = memory?.env === env ? memory.alerts : [];
    this.#watched = watchedOf(definition, known);
    this.#ended = endedOf(memory?.alerts ?? [], this.#watched);
  }

  /** May come at any moment: an evaluation that is under way goes on with those alerts that stay. */
  redefine(definition: Definition): void {
    const before = this.memory().alerts;
    this.#watched = watchedOf(definition, before);
    this.#ended = [...this.#ended, ...endedOf(before, this.#watched)];
  }

  /** One evaluation of every alert, as of `at`; never rejects. */
  async evaluate(rows: Rows, at: number): Promise<Evaluated> {
    const transitions: Transition[] = this.#ended.map((ended) => ({ ...ended, at }));
    this.#ended = [];
    this.#leaveOutPause(at);
    this.#at = at;
    let failure: Evaluated['failure'];
    for (const watched of this.#watched) {
      const { alert } = watched.rule;
      const answers = await this.#ask(rows, watched.rule, at).catch((error: unknown) => {
        failure ??= { alert: alert.id, error };
        return 'failed' as const;
      });
      if (!this.#watched.includes(watched)) continue; // Redefined meanwhile.
      const { instances, changes } = evaluate(watched.rule, watched.instances, answers, at);
      watched.instances = instances;
      transitions.push(...changes.map((change) => ({ ...change, alert })));
    }
    return failure === undefined ? { transitions } : { transitions, failure };
  }

  /** In the order of the definition. */
  states(): AlertInstance[] {
    return this.#watched.flatMap(({ rule, instances }) =>
      instances.map(({ labels, state, since, value }) => ({
        alert: rule.alert.id,
        labels,
        state,
        since,
        value,
      })),
    );
  }

  memory(): Memory {
    const alerts = this.#watched.map(({ rule: { alert }, instances }) => ({ alert, instances }));
    return { env: this.#env, at: this.#at ?? 0, alerts };
  }

  async #ask(rows: Rows, { question, windowMs }: Rule, at: number): Promise<Answer[]> {
    const [measure] = question.measures as [Measure];
    const scope = { env: this.#env, time: { fromMs: at - windowMs, toMs: at } };
    const answers = await askValue(rows, question, scope);
    return answers.map(({ values, ...labels }) => ({ labels, value: values[measure] ?? null }));
  }

  #leaveOutPause(at: number): void {
    const step = at - (this.#at ?? at - EVALUATION_MS);
    if (step > 0 && step <= (1 + MISSED_EVALUATIONS) * EVALUATION_MS) return;
    const unseen = step - EVALUATION_MS;
    for (const watched of this.#watched) {
      watched.instances = watched.instances.map((instance) => later(instance, unseen, at));
    }
  }
}

type Ended = Omit<Transition, 'at'>;

function watchedOf(definition: Definition, before: readonly Remembered[]): Watched[] {
  const known = new Map(before.map((remembered) => [meaningOf(remembered.alert), remembered.instances]));
  return definition.alerts.map((alert) => ({
    rule: ruleOf(alert, definition),
    instances: known.get(meaningOf(alert)) ?? [],
  }));
}

/** The instances that none of those watched now has taken over. */
function endedOf(before: readonly Remembered[], now: readonly Watched[]): Ended[] {
  const kept = new Set(now.map(({ instances }) => instances));
  return before
    .filter(({ instances }) => !kept.has(instances))
    .flatMap(({ alert, instances }) =>
      instances
        .filter(({ state }) => state !== 'normal')
        .map(({ labels, state }) => ({ alert, labels, from: state, to: 'normal', value: null })),
    );
}

/** What its state means; a better summary or another action leaves the state as it is. */
function meaningOf({ id, query, condition, forMs, keepFiringMs, severity }: Alert): string {
  const { aggregate, of, overMs, above = null, defects } = query;
  return JSON.stringify([
    id,
    aggregate,
    of,
    overMs,
    above,
    defects,
    condition,
    forMs,
    keepFiringMs,
    severity,
  ]);
}

/** Times that run are moved on; a state that does not hang on time keeps its beginning, unless the clock was set back. */
function later(instance: Instance, byMs: number, at: number): Instance {
  const { state, since, seen } = instance;
  const runs = state === 'pending' || state === 'recovering';
  return { ...instance, since: runs ? since + byMs : Math.min(since, at), seen: seen + byMs };
}
