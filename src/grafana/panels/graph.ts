import {
  BarAlignment,
  GraphDrawStyle,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  LineInterpolation,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { type DynamicConfigValue, FieldColorModeId } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries';
import type { Alert } from '../../definition.js';
import { formatDuration } from '../../quantity.js';
import { type InfluxScope, influxSeries } from '../../queries/influxql.js';
import { type Question, whenEmpty } from '../../queries/query.js';
import { seriesColour } from './colours.js';
import { limitsOf, limitTexts, steps, windowsOf } from './limits.js';
import { type About, absolute, dataPanel, refIdOf, SERIES, type Target } from './panel.js';

/** Time series in the one style of this dashboard, with the limits of the alerts that look at them. */
export interface Graph extends About {
  readonly targets: Target[];
  readonly alerts?: readonly Alert[];
  /** No row means that there was nothing to count; otherwise, that nothing is known. */
  readonly counts?: boolean;
  /** Limits as lines only: what is beyond them is not shaded. */
  readonly unshaded?: boolean;
  /** What the axis shows at least, beside the limits. */
  readonly axis?: readonly number[];
}

/** A line is drawn over a gap of this length; a longer one shows as a gap. */
const BRIDGED_MS = 60_000;

/** Grafana's `$__interval` is never shorter, so that a bucket holds several lines, and a heartbeat of the runner. */
const SHORTEST_INTERVAL = '10s';

export function lines(graph: Graph): TimeSeries {
  return base(graph).lineWidth(1).spanNulls(BRIDGED_MS).showPoints(VisibilityMode.Never);
}

/** Each value holds for the whole of its bucket. */
export function stairs(graph: Graph): TimeSeries {
  return lines(graph)
    .lineInterpolation(LineInterpolation.StepAfter)
    .spanNulls(false)
    .showPoints(VisibilityMode.Auto);
}

export function points(graph: Graph): TimeSeries {
  return base(graph).drawStyle(GraphDrawStyle.Points).pointSize(4).showPoints(VisibilityMode.Always);
}

/** Each bar is as wide as its bucket, and on top of the others: only for what may be added up. */
export function bars(graph: Graph): TimeSeries {
  return base(graph)
    .drawStyle(GraphDrawStyle.Bars)
    .barAlignment(BarAlignment.After)
    .fillOpacity(70)
    .lineWidth(0)
    .stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
}

/** Several series, such as those of two sensors, are shades of the one colour. */
export function inShadesOf(colour: string): DynamicConfigValue {
  return { id: 'color', value: { mode: FieldColorModeId.Shades, fixedColor: colour } };
}

/** A target for each window that an alert asks the question over. */
export function windowTargets(
  question: Question,
  scope: InfluxScope,
  alerts: readonly Alert[],
  name: string = SERIES,
): Target[] {
  const windows = windowsOf(alerts);
  return windows.map((window) => ({
    query: influxSeries(question, scope, window),
    alias: windows.length === 1 ? name : `${name} in ${formatDuration(window)}`,
  }));
}

/** What a reader should know of a measure over a window. */
export function windowText(question: Question, alerts: readonly Alert[]): string {
  const windows = windowsOf(alerts).map(formatDuration).join(' and ');
  const empty = whenEmpty(question) === 0 ? ' An empty one counts as 0.' : '';
  return `Over windows of ${windows}; the newest one is still filling.${empty}`;
}

function base({
  targets,
  alerts = [],
  axis = [],
  unshaded = false,
  counts = false,
  ...about
}: Graph): TimeSeries {
  const texts = [...about.texts, ...limitTexts(alerts)];
  const panel = dataPanel(new TimeSeries(), { ...about, texts }, targets)
    .interval(SHORTEST_INTERVAL)
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs([]),
    );
  for (const index of targets.keys())
    panel.overrideByQuery(refIdOf(index), [inShadesOf(seriesColour(index))]);
  if (counts) panel.noValue('none in this time range');
  return withLimits(withAxis(panel, [...axis, ...limitsOf(alerts)]), alerts, unshaded);
}

/** Grafana leaves limits out of sight that its axis does not reach by itself. */
function withAxis(panel: TimeSeries, shown: readonly number[]): TimeSeries {
  const [low, high] = [Math.min(...shown), Math.max(...shown)];
  const margin = (high - low || Math.abs(high)) / 10;
  if (shown.length === 0 || margin === 0) return panel;
  const rounded = (value: number) => Number(value.toPrecision(6));
  return panel.axisSoftMin(low === 0 ? 0 : rounded(low - margin)).axisSoftMax(rounded(high + margin));
}

function withLimits(panel: TimeSeries, alerts: readonly Alert[], unshaded: boolean): TimeSeries {
  if (alerts.length === 0) return panel;
  const mode = unshaded ? GraphThresholdsStyleMode.Dashed : GraphThresholdsStyleMode.DashedAndArea;
  return panel
    .thresholds(absolute(steps(alerts)))
    .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(mode));
}
