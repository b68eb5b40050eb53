import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';
import {
  type Panel,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { Definition } from '../../definition.js';
import type { InfluxScope } from '../../queries/influxql.js';
import { DATA_SOURCE, panelId } from '../names.js';

/** A panel and how much of the 24 columns it would like to have. */
export interface Placed {
  readonly panel: Builder<Panel>;
  readonly width: number;
}

/** What every panel says of itself. */
export interface About {
  /** By which it is found again: {@link panelId}. */
  readonly key: string;
  readonly title: string;
  /** What a reader should conclude, and do; one sentence or paragraph each. */
  readonly texts: readonly string[];
  readonly unit: string;
}

/** An InfluxQL statement of a panel; the SDK has no type for it. */
export interface Target {
  readonly query: string;
  /** What its series are called; `$tag_env` and `$col` are the tag's value and the column. */
  readonly alias?: string;
  readonly resultFormat?: 'time_series' | 'table';
}

/** Tells series apart where nothing else does. */
export const SERIES = '$tag_env $tag_sensor';

export const VARIABLES = ['env', 'sensor'] as const;

export function panelScope({ measurement }: Definition): InfluxScope {
  return { measurement, env: { variable: 'env' }, sensor: { variable: 'sensor' }, time: 'grafana' };
}

/** The methods that the SDK's builders of all panels with data share. */
interface DataPanelBuilder extends Builder<Panel> {
  id(id: number): this;
  title(title: string): this;
  description(description: string): this;
  unit(unit: string): this;
  datasource(source: DataSourceRef): this;
  targets(targets: Builder<Dataquery>[]): this;
}

export function dataPanel<B extends DataPanelBuilder>(builder: B, about: About, targets: Target[]): B {
  return builder
    .id(panelId(about.key))
    .title(about.title)
    .description(about.texts.join('\n\n'))
    .unit(about.unit)
    .datasource(DATA_SOURCE)
    .targets(targets.map(targetBuilder));
}

function targetBuilder({ query, alias, resultFormat = 'time_series' }: Target, index: number) {
  const target = {
    refId: refIdOf(index),
    datasource: DATA_SOURCE,
    query,
    rawQuery: true,
    resultFormat,
    ...(alias === undefined ? {} : { alias }),
  };
  return { build: () => target as unknown as Dataquery };
}

/** Targets are named by letters: `A`, `B`, ... */
export function refIdOf(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index);
}

export function absolute(steps: Threshold[]): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps);
}
