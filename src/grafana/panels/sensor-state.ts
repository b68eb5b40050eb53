import { BigValueColorMode } from '@grafana/grafana-foundation-sdk/common';
import { MappingType, SpecialValueMatch, type ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table';
import type { Definition } from '../../definition.js';
import { influxNewest, influxSeries } from '../../queries/influxql.js';
import { ask, increases, runner } from '../../queries/query.js';
import { COLOURS } from './colours.js';
import { dataPanel, panelScope, SERIES } from './panel.js';
import { stat } from './stats.js';
import { PLAIN } from './units.js';

const STATE_BUCKET_MS = 10_000;
const SILENT_AFTER_BUCKETS = 6;

/**
 * Whether the sensor prints: the sum of the newest buckets, by way of sorting, since Grafana cannot reduce the end of a series; the last
 * bucket has just begun, so there is one more. A sensor that fell silent stays in sight, which it would not if only
 * the last minute were asked.
 */
export function sensorState(definition: Definition) {
  const question = ask(increases(runner('read')), ['sum']);
  return stat({
    key: 'overview.state',
    title: 'Sensor',
    texts: [
      '"up": the sensor printed at least one line in about the last minute. "silent": it printed none, or the runner or the database is away; "Last reading" tells since when, "Active alerts" and the runner\'s log why.',
    ],
    unit: PLAIN,
    targets: [{ query: influxSeries(question, panelScope(definition), STATE_BUCKET_MS), alias: SERIES }],
    empty: 'nothing stored',
    calc: 'sum',
  })
    .colorMode(BigValueColorMode.Background)
    .mappings(STATE_WORDS)
    .withTransformation({ id: 'sortBy', options: { fields: {}, sort: [{ field: 'Time', desc: true }] } })
    .withTransformation({ id: 'limit', options: { limitField: SILENT_AFTER_BUCKETS + 1 } });
}

const STATE_WORDS: ValueMapping[] = [
  {
    type: MappingType.RangeToText,
    options: { from: 1, to: null, result: { text: 'up', color: COLOURS.good, index: 0 } },
  },
  {
    type: MappingType.RangeToText,
    options: { from: null, to: 0, result: { text: 'silent', color: COLOURS.critical, index: 1 } },
  },
  {
    type: MappingType.SpecialValue,
    options: {
      match: SpecialValueMatch.Null,
      result: { text: 'nothing stored', color: COLOURS.critical, index: 2 },
    },
  },
];

/**
 * How old the newest reading is. A table, since the age is that of a row's time, and Grafana gives a field of times
 * no labels.
 */
export function lastReading(definition: Definition) {
  const { metrics } = definition;
  const about = {
    key: 'overview.last-reading',
    title: 'Last reading',
    texts: ['How long ago the newest reading was stored, defect or not. It should be seconds.'],
    unit: PLAIN,
  };
  const query = influxNewest({ metrics, defects: 'included' }, panelScope(definition));
  const hidden = Object.fromEntries(metrics.map(({ name }) => [name, true]));
  return dataPanel(new Table(), about, [{ query, resultFormat: 'table' }])
    .noValue('nothing stored')
    .withTransformation({
      id: 'organize',
      options: { excludeByName: hidden, indexByName: { Time: 0, env: 1, sensor: 2 }, renameByName: {} },
    })
    .overrideByName('Time', [
      { id: 'displayName', value: 'age' },
      { id: 'unit', value: 'dateTimeFromNow' },
    ]);
}
