import { PanelBuilder as BarGauge } from '@grafana/grafana-foundation-sdk/bargauge';
import {
  BarGaugeDisplayMode,
  LegendDisplayMode,
  LegendPlacement,
  VizLegendOptionsBuilder,
  VizOrientation,
} from '@grafana/grafana-foundation-sdk/common';
import { FieldColorModeId } from '@grafana/grafana-foundation-sdk/dashboard';
import { type Definition, type ErrorKind, errorKinds, RUNNER_ERROR_KINDS } from '../../definition.js';
import { formatDuration } from '../../quantity.js';
import { influxSeries, influxValue } from '../../queries/influxql.js';
import { ask, defectCount, errors } from '../../queries/query.js';
import { COLOURS, seriesColour } from './colours.js';
import { bars, stairs, windowTargets, windowText } from './graph.js';
import { alertsOn, windowsOf } from './limits.js';
import { absolute, dataPanel, type Placed, panelScope, SERIES } from './panel.js';
import { reduced } from './stats.js';
import { PLAIN } from './units.js';

/** The panel that shows defect lines of whatever metric; `panelKey` says so. */
export const DEFECTS_KEY = 'defects';

/** What went wrong: every kind of error over time and in sum, and the defect lines. */
export function errorPanels(definition: Definition): Placed[] {
  const defects = definition.defect !== 'none' || alertsOn(DEFECTS_KEY, definition).length > 0;
  return [
    { panel: overTime(definition), width: 16 },
    { panel: byKind(definition), width: 8 },
    ...(defects ? [{ panel: defectLines(definition), width: 24 }] : []),
  ];
}

/** One window for all, the shortest that an alert asks: bars of several would add the same error up twice. */
function overTime(definition: Definition) {
  const alerts = alertsOn('errors', definition);
  const [window] = windowsOf(alerts) as [number];
  const question = ask(errors(errorKinds(definition)), ['sum']);
  const panel = bars({
    key: 'errors',
    title: 'Errors over time',
    texts: [
      `How many errors of each kind in windows of ${formatDuration(window)}. Every kind is in the legend, with 0 if nothing happened; one that is missing has not been written in this time. The bars stand on top of each other, while an alert looks at each kind by itself.`,
      KINDS_TEXT,
    ],
    unit: PLAIN,
    targets: [
      { query: influxSeries(question, panelScope(definition), window), alias: `$tag_kind ${SERIES}` },
    ],
    alerts,
    unshaded: true,
  });
  for (const [index, kind] of inOrderOfColours(definition).entries()) {
    const colour = { mode: FieldColorModeId.Fixed, fixedColor: seriesColour(index) };
    panel.overrideByRegexp(`/^${kind.replaceAll('.', '\\.')} /`, [{ id: 'color', value: colour }]);
  }
  return panel.legend(
    new VizLegendOptionsBuilder()
      .displayMode(LegendDisplayMode.Table)
      .placement(LegendPlacement.Right)
      .showLegend(true)
      .calcs(['sum']),
  );
}

/** The kinds that every sensor has keep their colours, whatever metrics there are. */
function inOrderOfColours({ metrics }: Definition): ErrorKind[] {
  return [...RUNNER_ERROR_KINDS, ...metrics.map(({ name }) => `error.${name}` as const)];
}

const KINDS_TEXT =
  '`error.<metric>`: a value that is no number of its type. `error.line`: a line that does not fit at all. `error.sensor_exit` and `error.sensor_stuck`: the sensor ended or hung, and was started again. `connectivity_error`: the database could not be reached, readings wait. `batch_sending_error`: the database refused lines, see `rejected/`. `error.buffer_overflow`: readings were given up for want of room.';

function byKind(definition: Definition) {
  const question = ask(errors(errorKinds(definition)), ['sum'], []);
  const about = {
    key: 'errors.by-kind',
    title: 'Errors by kind',
    texts: [
      'How many errors of each kind in the whole time range, of all that is selected. All should be 0.',
      KINDS_TEXT,
    ],
    unit: PLAIN,
  };
  const targets = [{ query: influxValue(question, panelScope(definition)), alias: '$tag_kind' }];
  return dataPanel(new BarGauge(), about, targets)
    .min(0)
    .noValue('0')
    .displayMode(BarGaugeDisplayMode.Basic)
    .orientation(VizOrientation.Horizontal)
    .reduceOptions(reduced('lastNotNull'))
    .thresholds(
      absolute([
        { value: null, color: COLOURS.good },
        { value: 1, color: COLOURS.warning },
      ]),
    );
}

function defectLines(definition: Definition) {
  const alerts = alertsOn(DEFECTS_KEY, definition);
  const question = defectCount(definition);
  return stairs({
    key: DEFECTS_KEY,
    title: 'Defect lines over time',
    texts: [
      'How many lines had only zeros. A few may be usual for a sensor; many mean that it fails.',
      windowText(question, alerts),
    ],
    unit: PLAIN,
    targets: windowTargets(question, panelScope(definition), alerts),
    alerts,
    counts: true,
  });
}
