import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorKinds, type Metric, type RandomValue } from '../../src/definition.js';
import { askHistogram, askNewest, askPoints, askSeries, askValue } from '../../src/queries/answers.js';
import {
  type InfluxScope,
  influxNewest,
  influxPoints,
  influxSeries,
  influxValue,
} from '../../src/queries/influxql.js';
import {
  ask,
  differences,
  errors,
  histogramEdges,
  increases,
  MEASURES,
  type Numbers,
  type Question,
  runner,
  type SeriesLabel,
  values,
  type Window,
  whenEmpty,
} from '../../src/queries/query.js';
import type { SqlScope } from '../../src/queries/sql-rows.js';
import { seeded } from '../seeded.js';
import { hasInfluxd } from '../servers/influxd.js';
import { DEFINITION, ENVS, rowsOf, SECONDS, START_MS } from './data.js';
import { type Answer, type Engines, startEngines } from './engines.js';

const DEFECTS = ['excluded', 'only', 'included'] as const;
const [gauge, randomValue, counter, big] = DEFINITION.metrics as [Metric, RandomValue, Metric, Metric];

/** Everything that can be asked for, under the name of its test. */
const NUMBERS: [string, Numbers][] = [
  ...DEFINITION.metrics.flatMap((metric) =>
    DEFECTS.map((defects): [string, Numbers] => [
      `the values of ${metric.name}, defects ${defects}`,
      values(metric, { defects }),
    ]),
  ),
  ...[gauge, counter, big].map((metric): [string, Numbers] => [
    `the differences of ${metric.name}`,
    differences(values(metric)),
  ]),
  ...DEFECTS.map((defects): [string, Numbers] => [
    `the increases of the counter, defects ${defects}`,
    increases(values(counter, { defects })),
  ]),
  ['the differences of floats, defects included', differences(values(gauge, { defects: 'included' }))],
  ['the floats above 7.05', values(gauge, { above: 7.05 })],
  ['the floats above a tiny negative number', values(gauge, { above: -5e-7, defects: 'included' })],
  ['the integers above 4.5', values(counter, { above: 4.5 })],
  ['the integers above 1e21, of which there are none', values(big, { above: 1e21 })],
  ['the integers above -1.5e21', values(big, { above: -1.5e21 })],
  ['the differences of integers above 5', differences(values(counter, { above: 5 }))],
  ['the errors of any kind', errors(errorKinds(DEFINITION))],
  ['the errors of one kind', errors(['error.sensor_exit'])],
  ["the runner's lines read", runner('read')],
  ["the increases of the runner's lines read", increases(runner('read'))],
  ["the runner's buffer", runner('buffer_age_ms')],
];

const LABELS: SeriesLabel[][] = [['env', 'sensor'], ['env'], []];

describe.skipIf(!hasInfluxd)('InfluxQL and SQL', () => {
  let engines: Engines;
  beforeAll(async () => {
    engines = await startEngines(DEFINITION);
    await engines.store(new Map(ENVS.map((env) => [env, rowsOf(env)])));
    // Another sensor, which no answer may hold: the store has one sensor only.
    await engines.store(new Map([['dev', rowsOf(ENVS[1])]]), 'other');
  });
  afterAll(() => engines?.stop());

  describe.each(NUMBERS)('asked for %s', (name, numbers) => {
    const random = seeded(name.length * 31 + name.charCodeAt(4));
    const scopes = windows(random).map((time, index) => {
      const env = [undefined, ...ENVS][index % 4];
      return { sql: { env, time }, influx: { ...INFLUX, env, time } };
    });

    async function agreeOnValue(question: Question, where = scopes) {
      const answers = await engines.influx(where.map(({ influx }) => influxValue(question, influx)));
      for (const [index, { sql }] of where.entries()) {
        const answer = await askValue(engines.rows, question, sql);
        expectAgreement(answer, (answers[index] as Answer[]).map(asValue), sql);
      }
    }

    async function agreeOnSeries(question: Question, every: number) {
      const texts = scopes.map(({ influx }) => influxSeries(question, influx, every));
      const answers = await engines.influx(texts);
      for (const [index, { sql }] of scopes.entries()) {
        const answer = await askSeries(engines.rows, question, sql, every);
        expectAgreement(answer, (answers[index] as Answer[]).map(asSeries), { ...sql, every });
      }
    }

    it('agree on every measure of a window', async () => {
      await agreeOnValue(ask(numbers, MEASURES));
      await agreeOnValue(ask(numbers, MEASURES, []));
      for (const measure of MEASURES)
        await agreeOnValue(ask(numbers, [measure], ['env']), scopes.slice(0, 1));
    });

    it('agree on every bucket of a series', async () => {
      await agreeOnSeries(ask(numbers, MEASURES), 1_000);
      await agreeOnSeries(ask(numbers, ['mean', 'last'], []), 7_000);
      await agreeOnSeries(ask(numbers, ['count', 'repeats']), 60_000);
      await agreeOnSeries(ask(numbers, ['sum']), 10_000);
    });

    it('agree on every point', async () => {
      const question = ask(numbers, []);
      const answers = await engines.influx(scopes.map(({ influx }) => influxPoints(question, influx)));
      for (const [index, { sql }] of scopes.entries()) {
        const answer = await askPoints(engines.rows, question, sql);
        expectAgreement(answer, (answers[index] as Answer[]).map(asPoints), sql);
      }
    });
  });

  it.each(DEFECTS)('agree on the newest reading, defects %s', async (defects) => {
    const newest = { metrics: DEFINITION.metrics, defects };
    for (const time of windows(seeded(5))) {
      const [answers = []] = await engines.influx([influxNewest(newest, { ...INFLUX, time })]);
      const expected = answers.map(({ labels: { env }, times: [ns] }) => ({ env, time: Number(ns) / 1e6 }));
      expectAgreement(await askNewest(engines.rows, newest, { time }), expected, { time });
    }
  });

  it('agree on the histogram, which InfluxQL leaves to be counted from the points', async () => {
    const edges = histogramEdges(randomValue);
    const question = ask(values(randomValue), []);
    for (const time of windows(seeded(6))) {
      const [answers = []] = await engines.influx([influxPoints(question, { ...INFLUX, time })]);
      const expected = answers.map((answer) => {
        const points = asPoints(answer).values as number[];
        const counts = edges.slice(1).map((edge, bucket) => {
          const inside = (value: number) => value < edge || (bucket === 9 && value === edge);
          return points.filter((value) => value >= (edges[bucket] as number) && inside(value)).length;
        });
        const below = points.filter((value) => value < 4_000_000).length;
        const above = points.filter((value) => value > 8_000_000).length;
        return { ...answer.labels, edges, below, counts, above };
      });
      const histogram = await askHistogram(engines.rows, question, randomValue.range, { time });
      expectAgreement(histogram, expected, { time });
    }
  });

  it('have no answer where there is no row, and whenEmpty says what that means', async () => {
    const time = { fromMs: 0, toMs: 1_000 };
    for (const [, numbers] of NUMBERS) {
      for (const by of LABELS) {
        const question = ask(numbers, MEASURES, by);
        expect(await engines.influx([influxValue(question, { ...INFLUX, time })])).toEqual([[]]);
        expect(await askValue(engines.rows, question, { time })).toEqual([]);
        expect(await askSeries(engines.rows, question, { time }, 1_000)).toEqual([]);
      }
    }
    const meaning = (numbers: Numbers) =>
      MEASURES.map((measure) => whenEmpty({ numbers, measures: [measure] }));
    const counts = [null, null, null, null, null, 0, 0, null];
    expect(meaning(values(gauge))).toEqual([...counts, null]);
    expect(meaning(errors(['error.line']))).toEqual([...counts, 0]);
    expect(meaning(increases(runner('read')))).toEqual([...counts, null]);
    expect(whenEmpty(ask(values(gauge), ['count', 'mean']))).toBe(null);
  });
});

const INFLUX: Omit<InfluxScope, 'time'> = { measurement: DEFINITION.measurement, sensor: DEFINITION.name };

/** Windows of whole seconds, which begin and end on a line's own time; of any ms; all; one line; none. */
function windows(random: () => number): Window[] {
  const between = (low: number, high: number) => low + Math.floor(random() * (high - low));
  const whole = START_MS + between(0, SECONDS) * 1_000;
  const any = START_MS + between(0, SECONDS * 1_000);
  return [
    { fromMs: whole, toMs: whole + between(1, 60) * 1_000 },
    { fromMs: any, toMs: any + between(0, 100_000) },
    { fromMs: START_MS, toMs: START_MS + SECONDS * 1_000 },
    { fromMs: START_MS, toMs: START_MS },
    { fromMs: whole, toMs: whole + between(0, 2_000) },
    { fromMs: START_MS - 5_000, toMs: START_MS - 1 },
    { fromMs: any - 30_000, toMs: any },
  ];
}

function asValue({ labels, columns, rows: [row = []] }: Answer) {
  return { ...labels, values: Object.fromEntries(columns.map((column, index) => [column, row[index]])) };
}

function asSeries({ labels, columns, times, rows }: Answer) {
  const column = (index: number) => rows.map((row) => row[index]);
  return {
    ...labels,
    times: times.map((ns) => Number(ns) / 1e6),
    values: Object.fromEntries(columns.map((name, index) => [name, column(index)])),
  };
}

function asPoints({ labels, times, rows }: Answer) {
  return { ...labels, times: times.map((ns) => Number(ns) / 1e6), values: rows.map(([value]) => value) };
}

/** Number by number: integers and what is taken from the data are equal, a mean may differ in its last digits. */
function expectAgreement(sql: unknown, influx: unknown, about: SqlScope | object): void {
  const found: string[] = [];
  compare(sql, influx, '', found);
  expect(found.slice(0, 5), JSON.stringify(about)).toEqual([]);
}

function compare(sql: unknown, influx: unknown, path: string, found: string[]): void {
  if (typeof sql === 'object' && typeof influx === 'object' && sql !== null && influx !== null) {
    for (const key of new Set([...Object.keys(sql), ...Object.keys(influx)])) {
      const of = (side: object) => (side as Record<string, unknown>)[key];
      compare(of(sql), of(influx), `${path}.${key}`, found);
    }
  } else if (!same(sql, influx, /mean|stddev|sum/.test(path) ? 1e-11 : 0)) {
    found.push(`${path}: SQL ${sql}, InfluxQL ${influx}`);
  }
}

function same(one: unknown, other: unknown, tolerance: number): boolean {
  if (one === other) return true;
  if (tolerance === 0 || one === null || other === null) return false;
  const [a, b] = [Number(one), Number(other)];
  return Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b));
}
