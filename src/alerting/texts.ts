/** How alerts are told to people, by Grafana as by the run itself. */
import type { Aggregate, Alert, Condition, Definition, Query } from '../definition.js';
import { formatDuration } from '../quantity.js';

/** Unique among the sensors of a Grafana. */
export function titleOf({ id }: Alert, { name }: Definition): string {
  return `${id} (${name})`;
}

/**
 * What stands before and behind the value in a notification: the alert's own description, and then
 * `Mean of cpu_load over 1m: <value> cores. Fires above 7 cores for 1m.`
 */
export function descriptionOf(alert: Alert, definition: Definition): [before: string, after: string] {
  const { query, description } = alert;
  const unit = unitOf(query, definition);
  const own = description === undefined ? '' : `${description}\n`;
  return [
    `${own}${queryText(query)}: `,
    `${unit === undefined ? '' : ` ${unit}`}. ${firesText(alert, unit)}`,
  ];
}

function firesText({ condition, forMs }: Alert, unit: string | undefined): string {
  const held = forMs === 0 ? '' : ` for ${formatDuration(forMs)}`;
  return `Fires ${conditionText(condition, unit)}${held}.`;
}

/** `above 7 cores`, `outside 1 to 3`. */
export function conditionText(condition: Condition, unit?: string): string {
  const suffix = unit === undefined ? '' : ` ${unit}`;
  if ('above' in condition) return `above ${condition.above}${suffix}`;
  if ('below' in condition) return `below ${condition.below}${suffix}`;
  if ('equals' in condition) return `equal to ${condition.equals}${suffix}`;
  return `outside ${condition.outside[0]} to ${condition.outside[1]}${suffix}`;
}

/** `Mean of cpu_load over 1m`, `Values of cpu_load above 12 over 1m`. */
export function queryText({ aggregate, of, above, defects, overMs }: Query): string {
  const subject = aggregate === 'errors' && of === 'any' ? 'any kind' : of;
  const limit = above === undefined ? '' : ` above ${above}`;
  return `${AGGREGATE_TEXTS[aggregate]} ${subject}${limit}${DEFECT_TEXTS[defects]} over ${formatDuration(overMs)}`;
}

/** The unit of what a query answers; a count has none. */
export function unitOf({ aggregate, of }: Query, { metrics }: Definition): string | undefined {
  if (aggregate === 'count' || aggregate === 'repeats' || aggregate === 'errors') return undefined;
  return metrics.find(({ name }) => name === of)?.unit;
}

const AGGREGATE_TEXTS: Record<Aggregate, string> = {
  mean: 'Mean of',
  min: 'Lowest',
  max: 'Highest',
  spread: 'Spread of',
  stddev: 'Standard deviation of',
  count: 'Values of',
  repeats: 'Repeats of',
  rate: 'Mean increase a line of',
  min_difference: 'Smallest difference between lines of',
  last: 'Last',
  errors: 'Errors of',
};

const DEFECT_TEXTS: Record<Query['defects'], string> = {
  excluded: '',
  only: ' in defect lines',
  included: ', defect lines included,',
};
