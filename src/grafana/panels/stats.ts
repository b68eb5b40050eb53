import {
  BigValueColorMode,
  BigValueGraphMode,
  ReduceDataOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { PanelBuilder as Gauge } from '@grafana/grafana-foundation-sdk/gauge';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { SERIES_COLOURS } from './colours.js';
import { type About, absolute, dataPanel, type Target } from './panel.js';

export interface Stat extends About {
  readonly targets: Target[];
  /** What stands there when nothing is stored. */
  readonly empty: string;
  /** How the rows of a series become one number. */
  readonly calc?: 'lastNotNull' | 'sum';
}

/** One number for each series, large, in the colour of what it means. */
export function stat({ targets, empty, calc = 'lastNotNull', ...about }: Stat): StatBuilder {
  return dataPanel(new StatBuilder(), about, targets)
    .noValue(empty)
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.None)
    .reduceOptions(reduced(calc))
    .thresholds(absolute([{ value: null, color: SERIES_COLOURS[0] }]));
}

/** The same as a dial from 0 to `full`. */
export function dial({ targets, empty, ...about }: Stat, full: number): Gauge {
  return dataPanel(new Gauge(), about, targets)
    .noValue(empty)
    .min(0)
    .max(full)
    .showThresholdLabels(false)
    .showThresholdMarkers(true)
    .reduceOptions(reduced('lastNotNull'))
    .thresholds(absolute([{ value: null, color: SERIES_COLOURS[0] }]));
}

export function reduced(calc: 'lastNotNull' | 'sum'): ReduceDataOptionsBuilder {
  return new ReduceDataOptionsBuilder().calcs([calc]).fields('').values(false);
}
