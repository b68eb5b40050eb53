import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorKinds, type Metric } from '../../src/definition.js';
import { askValue } from '../../src/queries/answers.js';
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
  increases,
  MEASURES,
  type Numbers,
  runner,
  values,
} from '../../src/queries/query.js';
import { sqlValue } from '../../src/queries/sql.js';
import type { Value } from '../../src/reading.js';
import { hasInfluxd } from '../servers/influxd.js';
import { DEFINITION, ENVS, packed, type Rows, rowsOf, SECONDS, START_MS } from './data.js';
import { type Engines, startEngines } from './engines.js';

const [gauge, , counter, big] = DEFINITION.metrics as [Metric, Metric, Metric, Metric];
const TIME = { fromMs: START_MS, toMs: START_MS + SECONDS * 1_000 };
const INFLUX = { measurement: DEFINITION.measurement, time: TIME };

function lines(...lines: (readonly (Value | null)[])[]): Rows {
  const readings = lines.map((line, second) => ({
    timestamp: BigInt(START_MS + second * 1_000) * 1_000_000n,
    values: line,
    defect: line.every((value) => value === 0 || value === 0n),
  }));
  return packed(readings);
}

describe.skipIf(!hasInfluxd)('numbers that were worked out by hand', () => {
  let engines: Engines;
  beforeAll(async () => {
    engines = await startEngines(DEFINITION);
    const data = lines(
      [1, 0n, 10n, 2n ** 63n - 1n],
      [2, 0n, 12n, null],
      [0, 0n, 0n, 0n],
      [2, 0n, 15n, null],
      [null, 0n, 3n, -(2n ** 63n)],
      [4, 0n, 4n, null],
    );
    await engines.store(new Map([['dev', data]]));
    const { readings } = lines([100, 0n, 1_000n, null], [100, 0n, 1_002n, null]);
    const other = Array.from(readings, (reading) => ({ ...reading, timestamp: reading.timestamp + 1n }));
    await engines.store(new Map([['dev', packed(other)]]), 'other');
  });
  afterAll(() => engines?.stop());

  it.each<[string, Numbers, (number | null)[]]>([
    ['values', values(gauge), [2.25, 1, 4, 3, Math.sqrt(4.75 / 3), 4, 1, 4, 9]],
    [
      'values with defects',
      values(gauge, { defects: 'included' }),
      [1.8, 0, 4, 4, Math.sqrt(2.2), 5, 1, 4, 9],
    ],
    ['defects', values(gauge, { defects: 'only' }), [0, 0, 0, 0, null, 1, 0, 0, 0]],
    ['values above 2', values(gauge, { above: 2 }), [4, 4, 4, 0, null, 1, 0, 4, 4]],
    ['differences', differences(values(counter)), [-1.5, -12, 3, 15, Math.sqrt(149 / 3), 4, 0, 1, -6]],
    ['increases', increases(values(counter)), [2, 1, 3, 2, 1, 3, 0, 1, 6]],
    [
      'differences with defects, which no defect is part of',
      differences(values(counter, { defects: 'included' })),
      [-1.5, -12, 3, 15, Math.sqrt(149 / 3), 4, 0, 1, -6],
    ],
  ])('%s', async (_, numbers, expected) => {
    const question = ask(numbers, MEASURES);
    const [sql] = await askValue(engines.rows, question, { time: TIME });
    const [influx] = await engines.influx([influxValue(question, { ...INFLUX, sensor: 'demo' })]);
    const close = expected.map((value) => (value === null ? null : expect.closeTo(value, 12)));
    expect(MEASURES.map((measure) => sql?.values[measure])).toEqual(close);
    expect(influx?.map(({ rows: [row] }) => row)).toEqual([close]);
  });

  it('takes no difference between the lines of two sensors, even where their answers are one', async () => {
    const question = ask(differences(values(counter)), ['min', 'max', 'count'], []);
    const [[answer] = []] = await engines.influx([influxValue(question, INFLUX)]);
    expect(answer?.rows).toEqual([[-12, 3, 5]]);
  });

  it('takes no difference to the line before the window', async () => {
    const time = { fromMs: START_MS + 3_000, toMs: START_MS + 5_000 };
    const question = ask(differences(values(counter)), ['sum', 'count']);
    const [[answer] = []] = await engines.influx([
      influxValue(question, { ...INFLUX, sensor: 'demo', time }),
    ]);
    expect(answer?.rows).toEqual([[-11, 2]]);
    expect((await askValue(engines.rows, question, { time }))[0]?.values).toEqual({ sum: -11, count: 2 });
  });

  it('does not overflow in SQL, where InfluxQL wraps at 64 bits', async () => {
    const measures = ['spread', 'sum', 'mean', 'last'] as const;
    const [sql] = await askValue(engines.rows, ask(values(big), measures), { time: TIME });
    const spread = 2n ** 64n - 1n;
    expect(sql?.values).toEqual({ spread, sum: -1, mean: -0.5, last: -(2n ** 63n) });
    const [change] = await engines.rows(sqlValue(ask(differences(values(big)), ['min'], []), { time: TIME }));
    expect(change).toEqual([-spread]);
    const scope = { ...INFLUX, sensor: 'demo' };
    const [[influx] = []] = await engines.influx([influxValue(ask(values(big), ['spread']), scope)]);
    expect(influx?.rows).toEqual([[-1]]);
  });
});

describe.skipIf(!hasInfluxd)('floats near the end of their range', () => {
  it('have an unknown measure in SQL, not a failed query', async () => {
    const engines = await startEngines(DEFINITION);
    await engines.store(new Map([['dev', lines([1e308, 0n, 0n, 1n], [-1e308, 0n, 0n, 1n])]]));
    const question = ask(values(gauge), ['stddev', 'spread', 'min']);
    const [answer] = await askValue(engines.rows, question, { time: TIME });
    expect(answer?.values).toEqual({ stddev: null, spread: null, min: -1e308 });
    await engines.stop();
  });
});

describe.skipIf(!hasInfluxd)("InfluxQL with Grafana's macros", () => {
  const ENV = { variable: 'env' };
  let engines: Engines;
  beforeAll(async () => {
    engines = await startEngines(DEFINITION);
    await engines.store(new Map(ENVS.map((env) => [env, rowsOf(env)])));
  });
  afterAll(() => engines?.stop());

  it.each<[string, Numbers]>([
    ['values', values(gauge, { above: 1.5 })],
    ['differences', differences(values(counter, { defects: 'included' }))],
    ['errors', errors(errorKinds(DEFINITION))],
    ['the runner', runner('read')],
    ['increases of the runner', increases(runner('delivered'))],
  ])('asks for %s as with literals', async (_, numbers) => {
    const question = ask(numbers, ['count', 'mean', 'last']);
    const texts = (scope: InfluxScope, every: number | 'grafana') => [
      influxValue(question, scope),
      influxSeries(question, scope, every),
      influxPoints(question, scope),
      influxNewest({ metrics: DEFINITION.metrics, defects: 'excluded' }, scope),
    ];
    const grafana = { ...INFLUX, env: ENV, sensor: { variable: 'sensor' }, time: 'grafana' } as const;
    const asked = texts(grafana, 'grafana');
    for (const env of ENVS) {
      const literal = await engines.influx(texts({ ...INFLUX, env, sensor: 'demo' }, 10_000));
      expect(await engines.influx(asked.map((text) => interpolated(text, [env])))).toEqual(literal);
    }
    const all = await engines.influx(texts(INFLUX, 10_000));
    expect(await engines.influx(asked.map((text) => interpolated(text, ENVS)))).toEqual(all);
    expect(all[0]?.length).toBeGreaterThanOrEqual(2);
  });
});

/**
 * As Grafana fills in a query: the variables, escaped and as alternatives, by `interpolateQueryExpr`, the macros by
 * the backend's `models/model_parser.go`, both of its InfluxDB data source.
 */
function interpolated(query: string, envs: readonly string[]): string {
  const escaped = envs.map((env) => env.replace(/[\\^$*+?.()|[\]{}/]/g, '\\$&'));
  const alternatives = escaped.length === 1 ? (escaped[0] as string) : `(${escaped.join('|')})`;
  return query
    .replaceAll('/^$env$/', () => `/^${alternatives}$/`)
    .replaceAll('/^$sensor$/', '/^(demo|nix)$/')
    .replaceAll('$timeFilter', `time >= ${TIME.fromMs}ms and time <= ${TIME.toMs}ms`)
    .replaceAll('$__interval_ms', '10000')
    .replaceAll('$__interval', '10s');
}
