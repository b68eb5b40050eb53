import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readDefinition } from '../../src/definition-file.js';
import { influxNewest, influxPoints, influxSeries, influxValue } from '../../src/queries/influxql.js';
import {
  alertQuestion,
  ask,
  defectCount,
  errors,
  histogramEdges,
  increases,
  runner,
  values,
} from '../../src/queries/query.js';
import { sqlHistogram, sqlNewest, sqlPoints, sqlSeries, sqlValue } from '../../src/queries/sql.js';

const definition = readDefinition(fileURLToPath(new URL('../../sensor_runner/sensor.yaml', import.meta.url)));
const [load, randomValue, counter] = definition.metrics as [never, never, never];
const alert = (id: string) => {
  const found = definition.alerts.find((entry) => entry.id === id);
  return alertQuestion((found as (typeof definition.alerts)[number]).query, definition);
};

describe('the bundled definition in InfluxQL', () => {
  const rule = { measurement: definition.measurement, time: 'grafana' } as const;
  const panel = { ...rule, env: { variable: 'env' }, sensor: { variable: 'sensor' } };

  it('asks each alert of its rule as', () => {
    const texts = definition.alerts.map(({ id, query }) => [
      id,
      influxValue(alertQuestion(query, definition), rule),
    ]);
    expect(texts.map((text) => text.join(': ')).join('\n')).toMatchInlineSnapshot(`
      "cpu-load-high: SELECT mean("cpu_load") AS "mean" FROM "sensor" WHERE "defect" = 'false' AND $timeFilter GROUP BY "env", "sensor"
      cpu-load-low: SELECT mean("cpu_load") AS "mean" FROM "sensor" WHERE "defect" = 'false' AND $timeFilter GROUP BY "env", "sensor"
      cpu-load-spread-wide: SELECT spread("cpu_load") AS "spread" FROM "sensor" WHERE "defect" = 'false' AND $timeFilter GROUP BY "env", "sensor"
      cpu-load-spread-zero: SELECT spread("cpu_load") AS "spread" FROM "sensor" WHERE "defect" = 'false' AND $timeFilter GROUP BY "env", "sensor"
      cpu-load-overload: SELECT count("cpu_load") AS "count" FROM "sensor" WHERE "defect" = 'false' AND "cpu_load" > 12 AND $timeFilter GROUP BY "env", "sensor"
      random-value-repeats: SELECT count("random_value") - count(distinct("random_value")) AS "repeats" FROM "sensor" WHERE "defect" = 'false' AND $timeFilter GROUP BY "env", "sensor"
      random-value-narrow: SELECT stddev("random_value") AS "stddev" FROM "sensor" WHERE "defect" = 'false' AND $timeFilter GROUP BY "env", "sensor"
      counter-rate: SELECT mean("difference") AS "mean" FROM (SELECT non_negative_difference("counter") AS "difference" FROM "sensor" WHERE "defect" = 'false' GROUP BY "env", "sensor", "defect") WHERE $timeFilter GROUP BY "env", "sensor"
      counter-decreasing: SELECT min("difference") AS "min" FROM (SELECT difference("counter") AS "difference" FROM "sensor" WHERE "defect" = 'false' GROUP BY "env", "sensor", "defect") WHERE $timeFilter GROUP BY "env", "sensor"
      defects: SELECT count("cpu_load") AS "count" FROM "sensor" WHERE "defect" = 'true' AND $timeFilter GROUP BY "env", "sensor"
      errors: SELECT sum("value") AS "sum" FROM "error.cpu_load", "error.random_value", "error.counter", "error.line", "error.sensor_exit", "error.sensor_stuck", "batch_sending_error", "connectivity_error", "error.buffer_overflow" WHERE $timeFilter GROUP BY "env", "sensor", "kind"
      connectivity-errors: SELECT sum("value") AS "sum" FROM "connectivity_error" WHERE $timeFilter GROUP BY "env", "sensor", "kind"
      batch-sending-errors: SELECT sum("value") AS "sum" FROM "batch_sending_error" WHERE $timeFilter GROUP BY "env", "sensor", "kind"
      no-data: SELECT count("cpu_load") AS "count" FROM "sensor" WHERE $timeFilter GROUP BY "env", "sensor""
    `);
  });

  it('asks a panel as', () => {
    expect(
      [
        influxValue(defectCount(definition), panel),
        influxSeries(ask(values(load), ['mean', 'min', 'max']), panel, 'grafana'),
        influxSeries(ask(errors(['error.line']), ['sum']), panel, 'grafana'),
        influxSeries(ask(increases(runner('read')), ['sum']), panel, 10_000),
        influxPoints(ask(values(randomValue), []), panel),
        influxNewest({ metrics: definition.metrics, defects: 'included' }, panel),
      ].join('\n'),
    ).toMatchInlineSnapshot(`
      "SELECT count("cpu_load") AS "count" FROM "sensor" WHERE "env" =~ /^$env$/ AND "sensor" =~ /^$sensor$/ AND "defect" = 'true' AND $timeFilter GROUP BY "env", "sensor"
      SELECT mean("cpu_load") AS "mean", min("cpu_load") AS "min", max("cpu_load") AS "max" FROM "sensor" WHERE "env" =~ /^$env$/ AND "sensor" =~ /^$sensor$/ AND "defect" = 'false' AND $timeFilter GROUP BY time($__interval), "env", "sensor" fill(null)
      SELECT sum("value") AS "sum" FROM "error.line" WHERE "env" =~ /^$env$/ AND "sensor" =~ /^$sensor$/ AND $timeFilter GROUP BY time($__interval), "env", "sensor", "kind" fill(0)
      SELECT sum("difference") AS "sum" FROM (SELECT non_negative_difference("read") AS "difference" FROM "runner" WHERE "env" =~ /^$env$/ AND "sensor" =~ /^$sensor$/ GROUP BY "env", "sensor") WHERE $timeFilter GROUP BY time(10000ms), "env", "sensor" fill(null)
      SELECT "random_value" AS "value" FROM "sensor" WHERE "env" =~ /^$env$/ AND "sensor" =~ /^$sensor$/ AND "defect" = 'false' AND $timeFilter GROUP BY "env", "sensor"
      SELECT "cpu_load", "random_value", "counter" FROM "sensor" WHERE "env" =~ /^$env$/ AND "sensor" =~ /^$sensor$/ AND $timeFilter GROUP BY "env", "sensor" ORDER BY time DESC LIMIT 1"
    `);
  });
});

describe('the bundled definition in SQL', () => {
  const scope = { env: "o'dev", time: { fromMs: 1_700_000_000_000, toMs: 1_700_000_060_000 } };

  it('asks alerts as', () => {
    const texts = ['cpu-load-overload', 'random-value-narrow', 'counter-rate', 'connectivity-errors'];
    expect(texts.map((id) => sqlValue(alert(id), scope)).join(';\n')).toMatchInlineSnapshot(`
      "SELECT env, count(value) FROM (SELECT env, defect, epoch_ns(time) AS ns, readings."cpu_load" AS value FROM readings
      WHERE time >= make_timestamp_ns(1700000000000000000) AND time <= make_timestamp_ns(1700000060000000000) AND env = 'o''dev' AND NOT defect AND readings."cpu_load" IS NOT NULL AND readings."cpu_load" > 12)
      GROUP BY env HAVING count(value) > 0 ORDER BY env;
      SELECT env, stddev_samp(value) FROM (SELECT env, defect, epoch_ns(time) AS ns, readings."random_value" AS value FROM readings
      WHERE time >= make_timestamp_ns(1700000000000000000) AND time <= make_timestamp_ns(1700000060000000000) AND env = 'o''dev' AND NOT defect AND readings."random_value" IS NOT NULL)
      GROUP BY env HAVING count(value) > 0 ORDER BY env;
      SELECT env, avg(value) FROM (SELECT * FROM (SELECT * REPLACE (value::HUGEINT - lag(value) OVER () AS value)
      FROM (SELECT env, defect, epoch_ns(time) AS ns, readings."counter" AS value FROM readings
      WHERE time >= make_timestamp_ns(1700000000000000000) AND time <= make_timestamp_ns(1700000060000000000) AND env = 'o''dev' AND NOT defect AND readings."counter" IS NOT NULL)) WHERE value >= 0)
      GROUP BY env HAVING count(value) > 0 ORDER BY env;
      SELECT env, kind, sum(value) FROM (SELECT env, kind, epoch_ns(time) AS ns, value FROM errors
      WHERE time >= make_timestamp_ns(1700000000000000000) AND time <= make_timestamp_ns(1700000060000000000) AND env = 'o''dev' AND kind IN ('connectivity_error'))
      GROUP BY env, kind HAVING count(value) > 0 ORDER BY env, kind"
    `);
  });

  it('asks the page as', () => {
    const edges = histogramEdges({ range: [0, 1] });
    expect(
      [
        sqlSeries(ask(values(load), ['mean', 'min', 'max', 'count']), scope, 2_500),
        sqlPoints(ask(increases(values(counter)), []), { time: scope.time }),
        sqlHistogram(ask(values(randomValue), [], []), edges.slice(0, 3), scope),
        sqlNewest({ metrics: definition.metrics, defects: 'included' }, scope),
      ].join(';\n'),
    ).toMatchInlineSnapshot(`
      "SELECT env, ns // 2500000000 * 2500 AS start, avg(value), min(value), max(value), count(value) FROM (SELECT env, defect, epoch_ns(time) AS ns, readings."cpu_load" AS value FROM readings
      WHERE time >= make_timestamp_ns(1700000000000000000) AND time <= make_timestamp_ns(1700000060000000000) AND env = 'o''dev' AND NOT defect AND readings."cpu_load" IS NOT NULL)
      GROUP BY env, start ORDER BY env, start;
      SELECT env, ns, value FROM (SELECT * FROM (SELECT * REPLACE (value::HUGEINT - lag(value) OVER (PARTITION BY env ORDER BY ns) AS value)
      FROM (SELECT env, defect, epoch_ns(time) AS ns, readings."counter" AS value FROM readings
      WHERE time >= make_timestamp_ns(1700000000000000000) AND time <= make_timestamp_ns(1700000060000000000) AND NOT defect AND readings."counter" IS NOT NULL)) WHERE value >= 0) ORDER BY env, ns;
      SELECT count(*) FILTER (value < 0), count(*) FILTER (value >= 0 AND value < 1e-1), count(*) FILTER (value >= 1e-1 AND value <= 2e-1), count(*) FILTER (value > 2e-1) FROM (SELECT env, defect, epoch_ns(time) AS ns, readings."random_value" AS value FROM readings
      WHERE time >= make_timestamp_ns(1700000000000000000) AND time <= make_timestamp_ns(1700000060000000000) AND env = 'o''dev' AND NOT defect AND readings."random_value" IS NOT NULL)
       HAVING count(value) > 0;
      SELECT env, epoch_ns(max(time)) FROM readings WHERE time >= make_timestamp_ns(1700000000000000000) AND time <= make_timestamp_ns(1700000060000000000) AND env = 'o''dev' AND (readings."cpu_load" IS NOT NULL OR readings."random_value" IS NOT NULL OR readings."counter" IS NOT NULL)
      GROUP BY env ORDER BY env"
    `);
  });
});

describe('a question', () => {
  it('about a metric that is not there is a fault of ours', () => {
    const query = { aggregate: 'mean', of: 'nix', overMs: 1_000, defects: 'excluded' } as const;
    expect(() => alertQuestion(query, definition)).toThrow('nix is no metric of demo');
  });

  it('about a histogram has edges without rounding at both ends', () => {
    expect(histogramEdges({ range: [4_000_000, 8_000_000] })).toEqual(
      Array.from({ length: 11 }, (_, edge) => 4_000_000 + edge * 400_000),
    );
    expect(histogramEdges({ range: [-0.1, 0.2] }).at(-1)).toBe(0.2);
  });
});
