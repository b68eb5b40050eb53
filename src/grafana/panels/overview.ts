import { defaultPanel } from '@grafana/grafana-foundation-sdk/dashboard';
import { type Definition, errorKinds } from '../../definition.js';
import { influxValue } from '../../queries/influxql.js';
import { ask, defectCount, errors, increases, runner } from '../../queries/query.js';
import { panelId } from '../names.js';
import { COLOURS } from './colours.js';
import { absolute, type Placed, panelScope, SERIES } from './panel.js';
import { lastReading, sensorState } from './sensor-state.js';
import { stat } from './stats.js';
import { PLAIN } from './units.js';

/** What to see at a glance, in the order of reading; the defects are first. */
export function overviewStats(definition: Definition): Placed['panel'][] {
  return [
    ...(definition.defect === 'none' ? [] : [defects(definition)]),
    errorCount(definition),
    sensorState(definition),
    lastReading(definition),
    queued(definition),
    linesRead(definition),
  ];
}

function defects(definition: Definition) {
  return stat({
    key: 'overview.defects',
    title: 'Defects',
    texts: [
      'Lines of zeros only, in the whole time range. A few may be usual; see "Defect lines over time".',
    ],
    unit: PLAIN,
    targets: [{ query: influxValue(defectCount(definition), panelScope(definition)), alias: SERIES }],
    empty: '0',
  });
}

/** InfluxQL adds nothing up over the measurements of the kinds, so Grafana does. */
function errorCount(definition: Definition) {
  const question = ask(errors(errorKinds(definition)), ['sum']);
  return stat({
    key: 'overview.errors',
    title: 'Errors',
    texts: [
      'Errors of all kinds in the whole time range, of all that is selected. If it is not 0, "Errors by kind" tells which.',
    ],
    unit: PLAIN,
    targets: [{ query: influxValue(question, panelScope(definition)), alias: `$tag_kind ${SERIES}` }],
    empty: 'nothing stored',
    calc: 'sum',
  })
    .withTransformation({ id: 'reduce', options: { reducers: ['sum'], mode: 'seriesToRows' } })
    .thresholds(
      absolute([
        { value: null, color: COLOURS.good },
        { value: 1, color: COLOURS.warning },
      ]),
    );
}

function queued(definition: Definition) {
  return stat({
    key: 'overview.queued',
    title: 'Queued',
    texts: ['Lines that wait on disk for the database. A few are usual; if it climbs, see "Lines queued".'],
    unit: PLAIN,
    targets: [{ query: influxValue(ask(runner('queued'), ['last']), panelScope(definition)), alias: SERIES }],
    empty: 'nothing stored',
  });
}

function linesRead(definition: Definition) {
  const question = ask(increases(runner('read')), ['sum']);
  return stat({
    key: 'overview.read',
    title: 'Lines read',
    texts: ['Lines that the sensor printed in the whole time range.'],
    unit: PLAIN,
    targets: [{ query: influxValue(question, panelScope(definition)), alias: SERIES }],
    empty: 'nothing stored',
  });
}

/** The rules that point to this dashboard; the SDK has no builder for it. */
export function activeAlerts() {
  const panel = {
    ...defaultPanel(),
    type: 'alertlist',
    id: panelId('overview.alerts'),
    title: 'Active alerts',
    description:
      'Alerts of this dashboard that fire, wait for their time to be up, or cannot be checked. Empty is good. Each leads to its panel and says there what it means.',
    options: {
      viewMode: 'list',
      groupMode: 'default',
      groupBy: [],
      maxItems: 20,
      sortOrder: 3,
      dashboardAlerts: true,
      alertName: '',
      alertInstanceLabelFilter: '',
      datasource: '-- Grafana --',
      folder: null,
      showInactiveAlerts: false,
      stateFilter: {
        firing: true,
        pending: true,
        recovering: true,
        noData: true,
        error: true,
        normal: false,
      },
    },
  };
  return { build: () => panel };
}
