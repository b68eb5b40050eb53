import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { meets } from '../../src/alerting/condition.js';
import { AGGREGATES, type Alert, type Condition, type Definition, errorKinds } from '../../src/definition.js';
import { parseDefinition, readDefinition } from '../../src/definition-file.js';
import { type GrafanaRule, rulesOf } from '../../src/grafana/alerts.js';
import { contactPointsOf, policiesOf } from '../../src/grafana/contact-points.js';
import { DATA_SOURCE, dashboardUid, FOLDER, panelId, panelKey } from '../../src/grafana/names.js';
import { hasInfluxd, type Influxd, startInfluxd } from '../servers/influxd.js';
import { healthy } from '../truth/faults.js';
import { askInflux, statementAt } from '../truth/grafana.js';
import { store } from '../truth/replay.js';
import { START_MS, storedBySecond } from '../truth/timeline.js';

const bundled = readDefinition(new URL('../../sensor_runner/sensor.yaml', import.meta.url).pathname);
/** Every question that an alert can ask, every condition, and texts that mean something to Grafana. */
const all: Definition = { ...bundled, name: 'all.of-them', alerts: everyAlert() };
const DEFINITIONS = [bundled, all];

function everyAlert(): Alert[] {
  const base = {
    forMs: 90_000,
    keepFiringMs: 0,
    cooldownMs: 300_000,
    severity: 'info',
    summary: `costs $5 in \${HOME} {{ $x }}`,
  } as const;
  const defects = ['excluded', 'only', 'included'] as const;
  const ofMetrics = AGGREGATES.filter((aggregate) => aggregate !== 'errors').flatMap((aggregate) =>
    bundled.metrics.flatMap(({ name }) =>
      defects.map((rows) => ({ aggregate, of: name, overMs: 90_000, defects: rows })),
    ),
  );
  const ofErrors = ['any', ...errorKinds(bundled)].map((of) => {
    return { aggregate: 'errors', of, overMs: 60_000, defects: 'excluded' } as const;
  });
  const above = {
    aggregate: 'count',
    of: 'cpu_load',
    overMs: 60_000,
    defects: 'excluded',
    above: -0.5,
  } as const;
  const conditions: Condition[] = [{ above: 1 }, { below: -2.5 }, { equals: 0 }, { outside: [-1, 1] }];
  return [...ofMetrics, ...ofErrors, above].map((query, index) => ({
    ...base,
    id: `alert-with-a-name-of-some-length-${index}`,
    query,
    condition: conditions[index % conditions.length] as Condition,
    keepFiringMs: index % 2 === 0 ? 0 : 60_000,
  }));
}

function rules(definition: Definition): GrafanaRule[] {
  return rulesOf(definition).groups.flatMap((group) => group.rules);
}

function modelOf({ data }: GrafanaRule, refId: string) {
  return data.find((step) => step.refId === refId)?.model as Record<string, unknown>;
}

describe.each(DEFINITIONS)('the rules of $name', (definition) => {
  it('have uids and titles of their own that Grafana takes', () => {
    const uids = rules(definition).map(({ uid }) => uid);
    const titles = DEFINITIONS.flatMap(rules).map(({ title }) => title);
    expect(uids.filter((uid) => !/^[A-Za-z0-9_-]{1,40}$/.test(uid))).toEqual([]);
    expect(new Set(DEFINITIONS.flatMap(rules).map(({ uid }) => uid)).size).toBe(titles.length);
    expect(new Set(titles).size).toBe(titles.length);
  });

  it('have one group in the folder, evaluated every 10 s', () => {
    const { apiVersion, groups } = rulesOf(definition);
    expect(apiVersion).toBe(1);
    expect(groups).toMatchObject([{ orgId: 1, name: definition.name, folder: FOLDER, interval: '10s' }]);
  });

  it('link to the panel that shows what they ask, in the file and in the annotations', () => {
    for (const [index, rule] of rules(definition).entries()) {
      const { query } = definition.alerts[index] as Alert;
      const panel = panelId(panelKey(query, definition));
      expect(rule).toMatchObject({ dashboardUid: dashboardUid(definition), panelId: panel });
      expect(rule.annotations.__dashboardUid__).toBe(rule.dashboardUid);
      expect(rule.annotations.__panelId__).toBe(String(panel));
    }
  });

  it('lead from the query over its value to the condition', () => {
    for (const [index, rule] of rules(definition).entries()) {
      const { overMs } = (definition.alerts[index] as Alert).query;
      expect(rule.data.map(({ refId }) => refId)).toEqual(['A', 'B', 'C']);
      expect(rule.data[0]).toMatchObject({
        datasourceUid: DATA_SOURCE.uid,
        relativeTimeRange: { from: overMs / 1_000, to: 0 },
        model: { rawQuery: true, resultFormat: 'time_series', datasource: DATA_SOURCE, intervalMs: 1_000 },
      });
      expect(modelOf(rule, 'A').query).toContain('$timeFilter');
      expect(modelOf(rule, 'A').query).toContain(`"sensor" = '${definition.name}'`);
      expect(modelOf(rule, 'A').query).not.toMatch(/time\(|\$(?!timeFilter)/);
      const reduce = { type: 'reduce', expression: 'A', reducer: 'last', settings: { mode: 'dropNN' } };
      expect(modelOf(rule, 'B')).toMatchObject(reduce);
      expect(rule.condition).toBe('C');
    }
  });

  it('have the condition of the alert, with the limits inside', () => {
    for (const [index, rule] of rules(definition).entries()) {
      const { condition } = definition.alerts[index] as Alert;
      const written = grafanaCondition(modelOf(rule, 'C'));
      const limits = Object.values(condition).flat() as number[];
      for (const value of limits.flatMap((limit) => [limit - 1e-7, limit, limit + 1e-7])) {
        expect([rule.title, value, written(value)]).toEqual([rule.title, value, meets(condition, value)]);
      }
    }
  });

  it('have no text that Grafana would take for a variable or a template by mistake', () => {
    for (const { title, labels, annotations } of rules(definition)) {
      const { summary = '', description = '' } = annotations;
      for (const text of [title, ...Object.values(labels)]) expect(text).not.toMatch(/\$|\{\{/);
      expect(summary.replaceAll('{{ "{{" }}', '')).not.toContain('{{');
      expect(description.match(/\{\{ (if|else|end)/g)).toHaveLength(6);
    }
  });
});

/** What Grafana makes of step C: pkg/expr/threshold.go, and the one expression that we write. */
function grafanaCondition(model: Record<string, unknown>): (value: number) => boolean {
  if (model.type === 'math') {
    const limit = Number(/^\$B == (-?[\d.]+)$/.exec(String(model.expression))?.[1]);
    return (value) => value === limit;
  }
  expect(model).toMatchObject({ type: 'threshold', expression: 'B' });
  const [{ evaluator }] = model.conditions as [{ evaluator: { type: string; params: [number, number] } }];
  const [low, high] = evaluator.params;
  if (evaluator.type === 'gt') return (value) => value > low;
  if (evaluator.type === 'lt') return (value) => value < low;
  expect(evaluator.type).toBe('outside_range');
  return (value) => value < low || value > high;
}

it('without data, or without a database, only the rule that watches for data fires', () => {
  const states = rules(bundled).map(({ labels, noDataState, execErrState }) => [
    labels.alert,
    noDataState,
    execErrState,
  ]);
  expect(states.filter(([, noData]) => noData !== 'OK')).toEqual([['no-data', 'Alerting', 'Alerting']]);
  expect(states.filter(([, , execErr]) => execErr !== 'KeepLast')).toHaveLength(1);
});

it('a rule looks like this', () => {
  const [alert] = bundled.alerts as [Alert];
  const description = 'Look at $HOME, {{ here }}.';
  const [rule] = rules({ ...bundled, alerts: [{ ...alert, keepFiringMs: 300_000, description }] });
  expect(rule).toMatchObject({
    uid: 'demo-alert-cpu-load-high',
    title: 'cpu-load-high (demo)',
    for: '1m',
    keepFiringFor: '5m',
    labels: { severity: 'warning', sensor: 'demo', alert: 'cpu-load-high' },
    annotations: {
      summary: 'The average load of the last minute is above 7 of 8 cores',
      description:
        'Look at $HOME, {{ "{{" }} here }}.\nMean of cpu_load over 1m: {{ if $values.B }}{{ $v := $values.B.Value }}' +
        '{{ if and (gt $v -1000.0) (lt $v 1000.0) }}{{ printf "%.4g" $v }}{{ else }}{{ printf "%.0f" $v }}{{ end }}' +
        '{{ else }}no data{{ end }} cores. Fires above 7 cores for 1m.',
    },
  });
  expect(modelOf(rule as GrafanaRule, 'A').query).toBe(
    `SELECT mean("cpu_load") AS "mean" FROM "sensor" WHERE "sensor" = 'demo' AND "defect" = 'false' AND $timeFilter ` +
      'GROUP BY "env"',
  );
  expect(rules(bundled)[0]).not.toHaveProperty('keepFiringFor');
});

it('a definition without alerts has no group', () => {
  expect(rulesOf({ ...bundled, alerts: [] }).groups).toEqual([]);
});

describe.skipIf(!hasInfluxd)('on a real influxd', () => {
  let influxd: Influxd;
  beforeAll(async () => {
    influxd = await startInfluxd();
    const lines = await healthy(300);
    for (const name of [bundled.name, 'other']) {
      await influxd.query('', 'CREATE DATABASE data');
      for (const definition of DEFINITIONS) {
        const stored = storedBySecond(definition, lines);
        await store(
          influxd,
          'data',
          { ...definition, name: name === 'other' ? name : definition.name },
          stored,
        );
      }
    }
  });
  afterAll(() => influxd?.stop());

  it.each(DEFINITIONS)(
    'every query of $name is answered, with labels of its own for each row',
    async (definition) => {
      const statements = rules(definition).map((rule) => statementAt(rule, START_MS + 300_000));
      const answers = await askInflux(influxd, 'data', statements);
      for (const [index, answered] of answers.entries()) {
        const labels = answered.map((answer) => JSON.stringify(answer.labels));
        expect([statements[index], new Set(labels).size]).toEqual([statements[index], answered.length]);
        const { aggregate, of, defects, above } = (definition.alerts[index] as Alert).query;
        const kinds =
          aggregate !== 'errors' ? [{ env: 'dev' }] : kindsOf(of).map((kind) => ({ env: 'dev', kind }));
        // The minute need not have defects, nor values above a limit.
        if (defects !== 'only' && (above ?? 0) <= 0)
          expect(answered.map((answer) => answer.labels)).toEqual(kinds);
      }
    },
  );

  function kindsOf(of: string): string[] {
    return of === 'any' ? errorKinds(bundled).toSorted() : [of];
  }
});

const NOTIFY = `
name: demo
measurement: sensor
metrics: [{ name: load, type: float, kind: gauge }]
notify:
  - { type: email, to: [a@example.org, $b@example.org], severities: [critical] }
  - { type: webhook, url: 'https://example.org/hook?price=$5' }
  - { type: slack }
  - { type: slack, name: ops-team, severities: [warning, critical] }
  - { type: pagerduty, severities: [critical] }
  - { type: opsgenie }
  - { type: victorops }
  - { type: alertmanager, url: 'http://alertmanager:9093' }
`;

describe('contact points', () => {
  const definition = parseDefinition(NOTIFY, 'notify.yaml');
  const points = contactPointsOf(definition).contactPoints;

  it('are the runner alone where nobody is named', () => {
    expect(contactPointsOf(bundled)).toEqual({
      apiVersion: 1,
      contactPoints: [
        {
          orgId: 1,
          name: 'Visualizer runner (demo)',
          receivers: [
            {
              uid: 'demo-hook',
              type: 'webhook',
              settings: {
                url: 'http://sensor-runner:8087/hooks/alerts',
                authorization_scheme: 'Bearer',
                authorization_credentials: `\${HOOK_TOKEN} `,
              },
            },
          ],
        },
      ],
    });
    const elsewhere = contactPointsOf(bundled, { hookUrl: 'http://host:1/$x' }).contactPoints;
    expect(elsewhere[0]?.receivers[0]?.settings.url).toBe('http://host:1/$$x');
  });

  it('are of every type that is named, with secrets by reference only', () => {
    const settings = points.slice(1).map(({ name, receivers: [receiver] }) => [name, receiver?.settings]);
    const victorops = 'https://alert.victorops.com/integrations/generic/20131114/alert';
    expect(Object.fromEntries(settings)).toEqual({
      'email (demo)': { addresses: 'a@example.org;$$b@example.org' },
      'webhook (demo)': {
        url: 'https://example.org/hook?price=$$5',
        authorization_scheme: 'Bearer',
        authorization_credentials: `\${WEBHOOK_TOKEN} `,
      },
      'slack (demo)': { url: `https://hooks.slack.com/services/\${SLACK_WEBHOOK}` },
      'ops-team (demo)': { url: `https://hooks.slack.com/services/\${SLACK_WEBHOOK_OPS_TEAM}` },
      'pagerduty (demo)': {
        integrationKey: `\${PAGERDUTY_INTEGRATION_KEY}`,
        severity: '{{ .CommonLabels.severity }}',
      },
      'opsgenie (demo)': { apiKey: `\${OPSGENIE_API_KEY} ` },
      'victorops (demo)': { url: `${victorops}/\${VICTOROPS_API_KEY}/\${VICTOROPS_ROUTING_KEY}` },
    });
  });

  it('have names and uids of their own', () => {
    const uids = points.flatMap(({ receivers }) => receivers.map(({ uid }) => uid));
    expect(new Set(uids).size).toBe(uids.length);
    expect(new Set(points.map(({ name }) => name)).size).toBe(points.length);
  });

  it.each([
    [
      'critical',
      ['Visualizer runner', 'email', 'webhook', 'slack', 'ops-team', 'pagerduty', 'opsgenie', 'victorops'],
    ],
    ['warning', ['Visualizer runner', 'webhook', 'slack', 'ops-team', 'opsgenie', 'victorops']],
    ['info', ['Visualizer runner', 'webhook', 'slack', 'opsgenie', 'victorops']],
  ])('are told of their severities: %s', (severity, expected) => {
    const told = toldOf(definition, { sensor: 'demo', severity, alertname: 'x' });
    expect(told).toEqual(expected.map((name) => `${name} (demo)`));
  });

  it('are not told of what is not of this sensor, but for the runner', () => {
    expect(toldOf(definition, { severity: 'critical' })).toEqual(['Visualizer runner (demo)']);
    expect(toldOf(definition, { sensor: 'x', severity: 'critical' })).toEqual(['Visualizer runner (demo)']);
  });

  it('exist for every policy, and are told of a critical alert first', () => {
    const [policy] = policiesOf(definition).policies;
    const names = points.map(({ name }) => name);
    const routes = policy?.routes ?? [];
    expect([policy, ...routes].filter((route) => !names.includes(route?.receiver ?? ''))).toEqual([]);
    const waits = routes.map(({ object_matchers, group_wait }) => [object_matchers?.[1]?.[2], group_wait]);
    expect(new Set(waits.map((wait) => wait.join(' ')))).toEqual(
      new Set([' 0s', 'critical 10s', 'warning 30s', 'info 1m']),
    );
  });
});

/** As the Alertmanager within Grafana routes: all that match, and the root where none does. */
function toldOf(definition: Definition, labels: Record<string, string>): string[] {
  const [root] = policiesOf(definition).policies;
  const told: string[] = [];
  for (const { receiver, object_matchers = [], continue: goesOn } of root?.routes ?? []) {
    if (!object_matchers.every(([label, , value]) => labels[label] === value)) continue;
    told.push(receiver);
    if (goesOn !== true) break;
  }
  return told.length === 0 ? [root?.receiver as string] : told;
}
