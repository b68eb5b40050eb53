import { FieldColorBuilder, FieldColorModeId } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as Histogram } from '@grafana/grafana-foundation-sdk/histogram';
import type { Definition, RandomValue } from '../../definition.js';
import { influxPoints } from '../../queries/influxql.js';
import { ask, HISTOGRAM_BUCKETS, values } from '../../queries/query.js';
import { seriesColour } from './colours.js';
import { points, stairs, windowTargets, windowText } from './graph.js';
import { alertsOn } from './limits.js';
import { dataPanel, type Placed, panelScope, SERIES } from './panel.js';
import { PLAIN, unitOf } from './units.js';

/** A random value: each value by itself, how they are spread over the range, and signs of a poor source. */
export function randomPanels(metric: RandomValue, definition: Definition): Placed[] {
  return [
    { panel: singleValues(metric, definition), width: 12 },
    { panel: histogram(metric, definition), width: 12 },
    { panel: deviation(metric, definition), width: 12 },
    { panel: repeats(metric, definition), width: 12 },
  ];
}

function singleValues(metric: RandomValue, definition: Definition) {
  const key = `${metric.name}.points`;
  return points({
    key,
    title: `${metric.name}: single values`,
    texts: [
      `Every value that was stored. They should fill the field from ${metric.range.join(' to ')} evenly; stripes, waves or bare places mean that they are not random.`,
    ],
    unit: unitOf(metric),
    targets: [pointsTarget(metric, definition)],
    alerts: alertsOn(key, definition),
    axis: metric.range,
  });
}

/**
 * `bucketCount` would be Grafana's choice of edges. Its last bucket leaves out the top of the range, which is
 * drawn as one more where it occurs.
 */
function histogram(metric: RandomValue, definition: Definition) {
  const [low, high] = metric.range;
  const about = {
    key: `${metric.name}.histogram`,
    title: `${metric.name}: histogram`,
    texts: [
      `How many values fall into each of ${HISTOGRAM_BUCKETS} equal parts of ${low} to ${high}. Over a long time range the bars should be about equally high; a bar outside of that range is a value that the sensor should not print.`,
    ],
    unit: unitOf(metric),
  };
  return dataPanel(new Histogram(), about, [pointsTarget(metric, definition)])
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Shades).fixedColor(seriesColour(0)))
    .bucketSize((high - low) / HISTOGRAM_BUCKETS)
    .bucketOffset(low)
    .combine(false);
}

function deviation(metric: RandomValue, definition: Definition) {
  const key = `${metric.name}.stddev`;
  const alerts = alertsOn(key, definition);
  const question = ask(values(metric), ['stddev']);
  return stairs({
    key,
    title: `${metric.name}: standard deviation`,
    texts: [
      'How far the values lie from their average. Much lower than usual means that they have drawn together.',
      windowText(question, alerts),
    ],
    unit: unitOf(metric),
    targets: windowTargets(question, panelScope(definition), alerts),
    alerts,
  });
}

function repeats(metric: RandomValue, definition: Definition) {
  const key = `${metric.name}.repeats`;
  const alerts = alertsOn(key, definition);
  const question = ask(values(metric), ['repeats']);
  return stairs({
    key,
    title: `${metric.name}: repeated values`,
    texts: [
      'How many values had been there before in the same window. A wide range seldom repeats; many repeats mean a stuck or poor source.',
      windowText(question, alerts),
    ],
    unit: PLAIN,
    targets: windowTargets(question, panelScope(definition), alerts),
    alerts,
    counts: true,
  });
}

function pointsTarget(metric: RandomValue, definition: Definition) {
  return { query: influxPoints(ask(values(metric), []), panelScope(definition)), alias: SERIES };
}
