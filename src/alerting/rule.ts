import type { Alert, Definition } from '../definition.js';
import { alertQuestion, type Question, whenEmpty } from '../queries/query.js';
import { meets } from './condition.js';

/** How often every alert is evaluated, and at multiples of what: Grafana's shortest interval. */
export const EVALUATION_MS = 10_000;

/** An alert, and what follows from it for its evaluation, in Grafana as here. */
export interface Rule {
  readonly alert: Alert;
  /** One measure, of one sensor; every combination of its labels is an instance of its own. */
  readonly question: Question;
  /** The window that is asked; Grafana knows whole seconds only. */
  readonly windowMs: number;
  /**
   * Whether the condition is met when there is no answer at all: where what is asked is a count, which is 0 then,
   * and 0 meets it. Such a rule watches for data; all others take no answer for all is well, so that a sensor that
   * falls silent raises one alert and not each of them.
   */
  readonly firesOnNothing: boolean;
}

export function ruleOf(alert: Alert, definition: Definition): Rule {
  const asked = alertQuestion(alert.query, definition);
  const question = { ...asked, by: asked.by.filter((label) => label !== 'sensor') };
  const empty = whenEmpty(question);
  return {
    alert,
    question,
    windowMs: Math.ceil(alert.query.overMs / 1_000) * 1_000,
    firesOnNothing: empty !== null && meets(alert.condition, empty),
  };
}
