import type { Counter, Definition } from '../../definition.js';
import { influxSeries } from '../../queries/influxql.js';
import { ask, differences, increases, values } from '../../queries/query.js';
import { lines } from './graph.js';
import { alertsOn } from './limits.js';
import { type Placed, panelScope, SERIES } from './panel.js';
import { unitOf } from './units.js';

/** A counter: how it changes from line to line, and where it stands. */
export function counterPanels(metric: Counter, definition: Definition): Placed[] {
  return [
    { panel: difference(metric, definition), width: 12 },
    { panel: value(metric, definition), width: 12 },
  ];
}

function difference(metric: Counter, definition: Definition) {
  const key = `${metric.name}.difference`;
  const scope = panelScope(definition);
  const rises = influxSeries(ask(increases(values(metric)), ['mean']), scope, 'grafana');
  const smallest = influxSeries(ask(differences(values(metric)), ['min']), scope, 'grafana');
  const usual = metric.rate === undefined ? '' : ` It should rise by ${metric.rate} each time.`;
  return lines({
    key,
    title: `${metric.name}: change from line to line`,
    texts: [
      `The average rise, falls left out, and the smallest change.${usual} More means that lines were lost, 0 that it stands still, and a smallest change below 0 that it fell or started again.`,
    ],
    unit: unitOf(metric),
    targets: [
      { query: rises, alias: `${SERIES} average rise` },
      { query: smallest, alias: `${SERIES} smallest change` },
    ],
    alerts: alertsOn(key, definition),
    axis: metric.rate === undefined ? [0] : [0, metric.rate],
  });
}

function value(metric: Counter, definition: Definition) {
  const key = `${metric.name}.value`;
  return lines({
    key,
    title: `${metric.name}: value`,
    texts: ['Where the counter stands. It should climb steadily; a step down is a fall or a new start.'],
    unit: unitOf(metric),
    targets: [
      {
        query: influxSeries(ask(values(metric), ['last']), panelScope(definition), 'grafana'),
        alias: SERIES,
      },
    ],
    alerts: alertsOn(key, definition),
  });
}
