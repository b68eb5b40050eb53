import type { Threshold } from '@grafana/grafana-foundation-sdk/dashboard';
import { conditionText } from '../../alerting/texts.js';
import {
  type Aggregate,
  type Alert,
  type Condition,
  type Definition,
  type Query,
  SEVERITIES,
} from '../../definition.js';
import { formatDuration } from '../../quantity.js';
import { panelKey } from '../names.js';
import { COLOURS, severityColour } from './colours.js';

/** The limits of alerts, as panels draw and name them. */

export function alertsOn(key: string, definition: Definition): Alert[] {
  return definition.alerts.filter(({ query }) => panelKey(query, definition) === key);
}

/** What a measure over a window is drawn over where no alert says so. */
const USUAL_WINDOW_MS = 60_000;

/** Each of the windows that alerts ask, so that a panel shows the very numbers that they see; never none. */
export function windowsOf(alerts: readonly Alert[]): number[] {
  const windows = [...new Set(alerts.map(({ query }) => query.overMs))].sort((a, b) => a - b);
  return windows.length === 0 ? [USUAL_WINDOW_MS] : windows;
}

export function limitsOf(alerts: readonly Alert[]): number[] {
  const limits = alerts.flatMap(({ condition }) => [...limitsIn(condition)]);
  return [...new Set(limits)].sort((a, b) => a - b);
}

/**
 * Areas in the colour of the worst alert that is met there, and `within` elsewhere. Grafana draws a step's line in
 * the colour of the area above it, which would hide the limit of `below` and of `equals`: there a step of the
 * alert's own colour goes first, at the same value.
 */
export function steps(alerts: readonly Alert[], within: string = COLOURS.none): Threshold[] {
  const limits = limitsOf(alerts);
  const lines = limits.flatMap((limit, index) => {
    const next = limits[index + 1] ?? Number.POSITIVE_INFINITY;
    const area = worstColour(alerts, (condition) => isMetBetween(condition, limit, next)) ?? within;
    const line = worstColour(alerts, (condition) => limitsIn(condition).includes(limit)) ?? area;
    const step = { value: limit, color: area };
    return line === area ? [step] : [{ value: limit, color: line }, step];
  });
  const first = limits[0] ?? Number.POSITIVE_INFINITY;
  const lowest = worstColour(alerts, (condition) => isMetBetween(condition, Number.NEGATIVE_INFINITY, first));
  return [{ value: null, color: lowest ?? within }, ...lines];
}

/** A sentence for each alert; nothing without any. */
export function limitTexts(alerts: readonly Alert[]): string[] {
  return alerts.map(({ id, query, condition, forMs, severity }) => {
    const held = forMs === 0 ? '' : `, for ${formatDuration(forMs)}`;
    const asked = `${measureText(query)} in ${formatDuration(query.overMs)}`;
    return `Alert "${id}" (${severity}): ${asked}: ${conditionText(condition)}${held}.`;
  });
}

/** What is asked, without the metric and the window. */
export function measureText({ aggregate, of, above, defects }: Query): string {
  if (aggregate === 'errors') return `errors of ${of === 'any' ? 'any kind' : `the kind ${of}`}`;
  const limit = above === undefined ? '' : ` above ${above}`;
  return `${MEASURE_WORDS[aggregate]}${limit}${DEFECT_WORDS[defects]}`;
}

const MEASURE_WORDS: Readonly<Record<Exclude<Aggregate, 'errors'>, string>> = {
  mean: 'average',
  min: 'lowest value',
  max: 'highest value',
  spread: 'highest less lowest value',
  stddev: 'standard deviation',
  count: 'number of values',
  repeats: 'repeated values',
  rate: 'average rise from line to line',
  min_difference: 'smallest change from line to line',
  last: 'newest value',
};

const DEFECT_WORDS: Readonly<Record<Query['defects'], string>> = {
  excluded: '',
  only: ' (defect lines only)',
  included: ' (defect lines included)',
};

function limitsIn(condition: Condition): readonly number[] {
  if ('above' in condition) return [condition.above];
  if ('below' in condition) return [condition.below];
  if ('equals' in condition) return [condition.equals];
  return condition.outside;
}

/** Whether every number between the two, which are neighbouring limits, meets the condition. */
function isMetBetween(condition: Condition, low: number, high: number): boolean {
  if ('above' in condition) return low >= condition.above;
  if ('below' in condition) return high <= condition.below;
  if ('equals' in condition) return false;
  return high <= condition.outside[0] || low >= condition.outside[1];
}

function worstColour(
  alerts: readonly Alert[],
  concerns: (condition: Condition) => boolean,
): string | undefined {
  const severities = alerts
    .filter(({ condition }) => concerns(condition))
    .map(({ severity }) => SEVERITIES.indexOf(severity));
  const worst = SEVERITIES[Math.max(...severities)];
  return worst === undefined ? undefined : severityColour(worst);
}
