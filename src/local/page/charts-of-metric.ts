/** The charts of a metric, by its kind: the same that its Grafana dashboard has. */
import type { About, AlertAbout, MetricAbout } from '../api.js';
import type { Chart, Marks } from './chart.js';
import type { Data } from './data.js';
import { formatFloat, formatNumber } from './format.js';
import { marksOf } from './marks.js';
import { measured, measuredCoarse } from './rows.js';

/** Errors that cost a metric its values, whichever it is. */
const COMMON_ERRORS = ['error.line', 'error.sensor_exit', 'error.sensor_stuck'];

const format = (value: number | string) => formatFloat(Number(value));

export function chartsOfMetric(metric: MetricAbout, colour: number, { alerts }: About): Chart[] {
  const own = alerts.filter((alert) => alert.metric === metric.name && alert.counts === undefined);
  const charts = { gauge, random, counter }[metric.kind](metric);
  const shown = charts.map(({ measures, ...chart }) => ({ ...chart, limits: limitsOf(own, measures) }));
  return shown.map((chart, index) => ({
    ...chart,
    id: `${metric.name}.${chart.id}`,
    colour,
    watched:
      index === 0
        ? own.filter((alert) => !shown.slice(1).some(({ limits }) => limits.includes(alert)))
        : chart.limits,
    ...(index === 0 ? { marks: (data: Data) => marks(data, metric.name) } : {}),
  }));
}

/** What a kind says of a chart; the rest is the same for all. `measures` are those of alerts that it shows. */
type Draft = Omit<Chart, 'colour' | 'limits' | 'watched' | 'marks'> & {
  readonly measures: readonly string[];
};

function limitsOf(alerts: readonly AlertAbout[], measures: readonly string[]): AlertAbout[] {
  return alerts.filter(({ aggregate }) => measures.includes(aggregate));
}

function marks({ fine }: Data, metric: string): Marks {
  const errors = [`error.${metric}`, ...COMMON_ERRORS].map((kind) => fine.errors[kind]);
  return { defects: marksOf(fine.times, fine.defects), errors: marksOf(fine.times, ...errors) };
}

function gauge({ name, unit, capacity }: MetricAbout): Draft[] {
  return [
    {
      id: 'mean',
      title: 'mean',
      hint: 'The line is the mean, the band reaches from the lowest to the highest value.',
      width: 'main',
      unit,
      measures: ['mean', 'min', 'max', 'last'],
      columns: [
        { label: 'mean', style: 'line', format },
        { label: 'lowest', style: 'edge', format },
        { label: 'highest', style: 'edge', format },
      ],
      references: capacity === undefined ? [] : [{ value: capacity, label: 'capacity' }],
      rows: (data) => measured(data, name, 'mean', 'min', 'max'),
    },
    {
      id: 'spread',
      title: 'spread',
      hint: 'How far the lowest and the highest value of a bucket lie apart.',
      width: 'side',
      unit,
      measures: ['spread'],
      columns: [{ label: 'spread', style: 'stairs', format }],
      holds: 0,
      rows: (data) => measuredCoarse(data, name, 'spread'),
    },
  ];
}

function random({ name, unit, type }: MetricAbout): Draft[] {
  const exact = exactOf(type);
  return [
    {
      id: 'values',
      title: 'values',
      hint: 'Single values where there is room for them; else their mean, and a band from the lowest to the highest.',
      width: 'main',
      unit,
      measures: ['mean', 'min', 'max', 'last'],
      columns: [
        { label: 'mean', style: 'thin', format },
        { label: 'lowest', style: 'edge', format: exact },
        { label: 'highest', style: 'edge', format: exact },
      ],
      rows: (data) => measured(data, name, 'mean', 'min', 'max'),
    },
    {
      id: 'stddev',
      title: 'standard deviation',
      hint: 'It should stay about the same: less means that values are drawn together.',
      width: 'half',
      unit,
      measures: ['stddev'],
      columns: [{ label: 'deviation', style: 'stairs', format }],
      rows: (data) => measuredCoarse(data, name, 'stddev'),
    },
    {
      id: 'repeats',
      title: 'repeats',
      hint: 'How many values of a bucket had been in it before: a wide range seldom repeats.',
      width: 'half',
      measures: ['repeats'],
      columns: [{ label: 'repeats', style: 'bars', format: formatNumber }],
      holds: 1,
      rows: (data) => measuredCoarse(data, name, 'repeats'),
    },
  ];
}

function counter({ name, unit, rate, type }: MetricAbout): Draft[] {
  const exact = exactOf(type);
  return [
    {
      id: 'value',
      title: 'value',
      hint: 'Where the counter stands. A step down is a fall or a new start.',
      width: 'half',
      unit,
      measures: ['mean', 'min', 'max', 'last'],
      columns: [{ label: 'value', style: 'line', format: exact }],
      rows: (data) => measured(data, name, 'last'),
    },
    {
      id: 'increase',
      title: 'increase from line to line',
      hint: 'The average rise, falls left out, and the smallest change: below 0 the counter fell.',
      width: 'half',
      unit,
      measures: ['rate', 'min_difference'],
      columns: [
        { label: 'mean rise', style: 'stairs', format },
        { label: 'smallest', style: 'dashed', format: exact },
      ],
      holds: 0,
      references: rate === undefined ? [] : [{ value: rate, label: 'expected' }],
      rows: (data) => measuredCoarse(data, name, 'increase', 'min_difference'),
    },
  ];
}

function exactOf(type: MetricAbout['type']) {
  return type === 'integer' ? formatNumber : format;
}
