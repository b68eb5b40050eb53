import type { Alert, Definition, Query } from '../../definition.js';
import { alertQuestion, whenEmpty } from '../../queries/query.js';
import { panelId, panelKey } from '../names.js';
import { DEFECTS_KEY } from './errors.js';
import { stairs, windowTargets, windowText } from './graph.js';
import { alertsOn, measureText } from './limits.js';
import { type Placed, panelScope } from './panel.js';
import { PLAIN, unitOf } from './units.js';

/** A panel for each question about a metric that alerts ask and none of the panels of its kind answers. */
export function askedPanels(metric: string, shown: readonly Placed[], definition: Definition): Placed[] {
  const answered = shown.map(({ panel }) => panel.build().id);
  const asked = definition.alerts
    .filter(({ query }) => query.aggregate !== 'errors' && query.of === metric)
    .map(({ query }) => panelKey(query, definition));
  return [...new Set(asked)]
    .filter((key) => key !== DEFECTS_KEY && !answered.includes(panelId(key)))
    .map((key) => ({ panel: askedPanel(key, definition), width: 12 }));
}

function askedPanel(key: string, definition: Definition) {
  const alerts = alertsOn(key, definition);
  const [{ query }] = alerts as [Alert];
  const question = alertQuestion(query, definition);
  const counts = whenEmpty(question) === 0;
  return stairs({
    key,
    title: `${query.of}: ${measureText(query)}`,
    texts: ['This is what an alert looks at.', windowText(question, alerts)],
    unit: counts ? PLAIN : unitOf(metricOf(query, definition)),
    targets: windowTargets(question, panelScope(definition), alerts),
    alerts,
    counts,
  });
}

function metricOf({ of }: Query, { metrics }: Definition) {
  const metric = metrics.find(({ name }) => name === of);
  if (metric === undefined) throw new Error(`${of} is no metric`);
  return metric;
}
