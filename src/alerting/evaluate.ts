import type { Value } from '../reading.js';
import { meets } from './condition.js';
import { type Labels, sortedLabels } from './labels.js';
import { EVALUATION_MS, type Rule } from './rule.js';
import { type Standing, type State, step, stepBlind } from './state.js';

/** What the data answered for one combination of labels; null where it is unknown. */
export interface Answer {
  readonly labels: Labels;
  readonly value: Value | null;
}

/** An alert for one combination of labels. Plain data, so that it can be kept over a restart. */
export interface Instance extends Standing {
  readonly labels: Labels;
  /** What the newest evaluation answered; null where it answered nothing. */
  readonly value: number | null;
  /** When the newest evaluation that knew of it was, in ms. */
  readonly seen: number;
}

export interface Change {
  readonly labels: Labels;
  readonly from: State;
  readonly to: State;
  /** In ms. */
  readonly at: number;
  readonly value: number | null;
}

export interface Evaluation {
  readonly instances: readonly Instance[];
  /** Of state, in this evaluation. */
  readonly changes: readonly Change[];
}

/** After so many evaluations without an answer of its own an instance is gone, if others answered. */
const MISSING_EVALUATIONS = 2;

/**
 * One evaluation of a rule, as Grafana evaluates the rule that `grafana/alerts.ts` writes of it:
 *
 * - An answer puts the instance of its labels a step further; where its value is unknown, as if there were none.
 * - No answer at all puts every instance a step further, as `firesOnNothing` says. A rule that fires on nothing and
 *   has no instance yet gets one without labels.
 * - Where only some are missing they stay as they are, and are gone after two evaluations.
 * - `failed`, the data could not be asked: a rule that fires on nothing takes it for no answer, since who cannot ask
 *   does not know whether there are data; all others stay as they are.
 */
export function evaluate(
  rule: Rule,
  before: readonly Instance[],
  answers: readonly Answer[] | 'failed',
  at: number,
): Evaluation {
  const instances = next(rule, before, answers, at);
  return { instances, changes: changesBetween(before, instances, at) };
}

/** By which an instance is known among those of its rule. */
export function keyOf({ labels }: { readonly labels: Labels }): string {
  return JSON.stringify(sortedLabels(labels));
}

function next(
  rule: Rule,
  before: readonly Instance[],
  answers: readonly Answer[] | 'failed',
  at: number,
): Instance[] {
  const { alert, firesOnNothing } = rule;
  if (answers === 'failed' && !firesOnNothing) {
    return before.map((instance) => ({
      ...instance,
      ...stepBlind(instance, at, alert),
      value: null,
      seen: at,
    }));
  }
  if (answers === 'failed' || answers.length === 0) {
    const known = before.length === 0 && firesOnNothing ? [newInstance({}, at)] : before;
    return known.map((instance) => answered(rule, instance, null, at));
  }
  const known = new Map(before.map((instance) => [keyOf(instance), instance]));
  for (const answer of answers) {
    const key = keyOf(answer);
    const value = answer.value === null ? null : Number(answer.value);
    known.set(key, answered(rule, known.get(key) ?? newInstance(answer.labels, at), value, at));
  }
  return [...known.values()].filter(({ seen }) => at - seen < MISSING_EVALUATIONS * EVALUATION_MS);
}

function newInstance(labels: Labels, at: number): Instance {
  return { labels, state: 'normal', since: at, value: null, seen: at };
}

function answered(
  { alert, firesOnNothing }: Rule,
  before: Instance,
  value: number | null,
  at: number,
): Instance {
  const met = value === null ? firesOnNothing : meets(alert.condition, value);
  return { ...before, ...step(before, met, at, alert), value, seen: at };
}

/** Whoever is not there is normal. */
function changesBetween(before: readonly Instance[], after: readonly Instance[], at: number): Change[] {
  const old = new Map(before.map((instance) => [keyOf(instance), instance]));
  const now = new Map(after.map((instance) => [keyOf(instance), instance]));
  return [...new Map([...old, ...now])].flatMap(([key, { labels }]) => {
    const from = old.get(key)?.state ?? 'normal';
    const current = now.get(key);
    const to = current?.state ?? 'normal';
    return from === to ? [] : [{ labels, from, to, at, value: current?.value ?? null }];
  });
}
