import type { Definition, Gauge } from '../../definition.js';
import { influxSeries, influxValue } from '../../queries/influxql.js';
import { ask, values } from '../../queries/query.js';
import { COLOURS, seriesColour } from './colours.js';
import { inShadesOf, lines, stairs, windowTargets, windowText } from './graph.js';
import { alertsOn, steps } from './limits.js';
import { absolute, type Placed, panelScope, SERIES } from './panel.js';
import { dial, stat } from './stats.js';
import { unitOf } from './units.js';

/** A gauge: its average in the band of its lowest and highest values, how wide that band is, and what it is now. */
export function gaugePanels(metric: Gauge, definition: Definition): Placed[] {
  return [
    { panel: level(metric, definition), width: 12 },
    { panel: spread(metric, definition), width: 8 },
    { panel: current(metric, definition), width: 4 },
  ];
}

/**
 * Grafana fills a band down to a series of a given name, so there is one band over all that is selected: the names
 * of the environments are not known here.
 */
function level(metric: Gauge, definition: Definition) {
  const { key, alerts, scope } = levelOf(metric, definition);
  const band = influxSeries(ask(values(metric), ['min', 'max'], []), scope, 'grafana');
  const mean = influxSeries(ask(values(metric), ['mean']), scope, 'grafana');
  const grey = [
    { id: 'color', value: { mode: 'fixed', fixedColor: COLOURS.band } },
    { id: 'custom.lineWidth', value: 0 },
  ];
  return lines({
    key,
    title: `${metric.name}: average, lowest and highest`,
    texts: [
      'The line is the average; the grey band reaches from the lowest to the highest value of all that is selected. A wide band means a restless value, a gap means that nothing was stored.',
    ],
    unit: unitOf(metric),
    targets: [
      { query: band, alias: '$col' },
      { query: mean, alias: SERIES },
    ],
    alerts,
    axis: metric.capacity === undefined ? [] : [0, metric.capacity],
  })
    .overrideByQuery('B', [inShadesOf(seriesColour(0))])
    .overrideByName('min', grey)
    .overrideByName('max', [
      ...grey,
      { id: 'custom.fillBelowTo', value: 'min' },
      { id: 'custom.fillOpacity', value: 25 },
    ]);
}

function spread(metric: Gauge, definition: Definition) {
  const key = `${metric.name}.spread`;
  const alerts = alertsOn(key, definition);
  const question = ask(values(metric), ['spread']);
  return stairs({
    key,
    title: `${metric.name}: spread`,
    texts: [
      'The highest less the lowest value. 0 means that the value does not move at all: look whether the sensor is frozen.',
      windowText(question, alerts),
    ],
    unit: unitOf(metric),
    targets: windowTargets(question, panelScope(definition), alerts),
    alerts,
  });
}

function current(metric: Gauge, definition: Definition) {
  const { alerts, scope } = levelOf(metric, definition);
  const about = {
    key: `${metric.name}.current`,
    title: `${metric.name}: now`,
    texts: ['The newest value; its colour is that of the limits of the average.'],
    unit: unitOf(metric),
    targets: [{ query: influxValue(ask(values(metric), ['last']), scope), alias: SERIES }],
    empty: 'no value',
  };
  const panel = metric.capacity === undefined ? stat(about) : dial(about, metric.capacity);
  const coloured = alerts.length === 0 ? panel : panel.thresholds(absolute(steps(alerts, COLOURS.good)));
  return coloured.decimals(metric.type === 'integer' ? 0 : 2);
}

function levelOf({ name }: Gauge, definition: Definition) {
  const key = `${name}.level`;
  return { key, alerts: alertsOn(key, definition), scope: panelScope(definition) };
}
