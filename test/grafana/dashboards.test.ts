import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Alert, type Definition, errorKinds } from '../../src/definition.js';
import { dashboardOf } from '../../src/grafana/dashboards.js';
import { DATA_SOURCE, dashboardUid, panelId, panelKey } from '../../src/grafana/names.js';
import { CASES } from '../cases/cases.js';
import { linesOf, SECONDS } from '../cases/lines.js';
import { hasInfluxd, type Influxd, type Series, startInfluxd } from '../servers/influxd.js';
import { asPanel, type Chosen, seriesName } from './interpolate.js';

interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: Panel[];
  readonly templating: { list: Variable[] };
  readonly [key: string]: unknown;
}

interface Variable {
  readonly name: string;
  readonly query: string;
  readonly multi: boolean;
  readonly includeAll: boolean;
  readonly allValue: string;
  readonly current: { value: string[] };
  readonly datasource: unknown;
}

interface Panel {
  readonly type: string;
  readonly id: number;
  readonly title: string;
  readonly description: string;
  readonly datasource: unknown;
  readonly gridPos: { x: number; y: number; w: number; h: number };
  readonly targets: Target[];
  readonly options: Record<string, unknown>;
  readonly fieldConfig: {
    defaults: {
      unit: string;
      noValue?: string;
      thresholds?: { steps: { value: number | null; color: string }[] };
    };
    overrides: { matcher: unknown; properties: { id: string; value: unknown }[] }[];
  };
}

interface Target {
  readonly refId: string;
  readonly datasource: unknown;
  readonly query: string;
  readonly rawQuery: boolean;
  readonly resultFormat: string;
  readonly alias?: string;
}

const bundled = CASES.get('the bundled sensor') as Definition;

function built(definition: Definition): Dashboard {
  return JSON.parse(JSON.stringify(dashboardOf(definition)));
}

function dataPanels({ panels }: Dashboard): Panel[] {
  return panels.filter(({ type }) => type !== 'row' && type !== 'alertlist');
}

function panelOf(key: string, { panels }: Dashboard): Panel {
  const panel = panels.find(({ id }) => id === panelId(key));
  if (panel === undefined) throw new Error(`There is no panel ${key}`);
  return panel;
}

const KIND_PANELS = {
  gauge: ['level', 'spread', 'current'],
  random: ['points', 'histogram', 'stddev', 'repeats'],
  counter: ['difference', 'value'],
} as const;

describe.each([...CASES])('the dashboard of %s', (_, definition) => {
  const dashboard = built(definition);

  it('is the same each time, without anything that JSON cannot hold', () => {
    expect(JSON.stringify(dashboardOf(definition))).toBe(JSON.stringify(dashboardOf(definition)));
    expect(dashboardOf(definition)).toEqual(dashboard);
    expect(dashboard.uid).toBe(dashboardUid(definition));
  });

  it('has a title and a description for every panel, each title and id once', () => {
    const { panels } = dashboard;
    for (const { type, title, description } of panels) {
      expect(title).not.toBe('');
      if (type !== 'row') expect(description, title).toMatch(/^\S[\s\S]{20,}\.$/);
    }
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  });

  it('asks our data source for both variables and the time range in every target', () => {
    for (const { title, datasource, targets, fieldConfig } of dataPanels(dashboard)) {
      expect(datasource, title).toEqual(DATA_SOURCE);
      expect(fieldConfig.defaults.unit, title).toMatch(/\S/);
      expect(targets.length, title).toBeGreaterThan(0);
      expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
      for (const target of targets) {
        expect(target).toMatchObject({ datasource: DATA_SOURCE, rawQuery: true });
        expect(target.query).toContain('"env" =~ /^$env$/ AND "sensor" =~ /^$sensor$/');
        expect(target.query.split('$timeFilter')).toHaveLength(2);
      }
    }
  });

  it('fills the grid without a hole or an overlap', () => {
    const cells = new Map<string, string>();
    let height = 0;
    for (const { title, gridPos } of dashboard.panels) {
      const { x, y, w, h } = gridPos;
      expect([x, y, w, h].every(Number.isInteger), title).toBe(true);
      height = Math.max(height, y + h);
      for (let row = y; row < y + h; row += 1) {
        for (let column = x; column < x + w; column += 1) {
          const cell = `${column},${row}`;
          expect(cells.get(cell), `${title} on top of`).toBeUndefined();
          expect(column).toBeLessThan(24);
          cells.set(cell, title);
        }
      }
    }
    expect(cells.size).toBe(24 * height);
  });

  it('shows each metric by its kind, in a section of its own', () => {
    for (const { name, kind } of definition.metrics) {
      const { gridPos } = panelOf(`row.metric.${name}`, dashboard);
      for (const key of KIND_PANELS[kind]) {
        const { title, gridPos: place } = panelOf(`${name}.${key}`, dashboard);
        expect(title).toMatch(new RegExp(`^${name}: `));
        expect(place.y).toBeGreaterThan(gridPos.y);
      }
      const section = dashboard.panels.filter(({ title }) => title.startsWith(`${name}: `));
      expect(section.slice(0, KIND_PANELS[kind].length).map(({ id }) => id)).toEqual(
        KIND_PANELS[kind].map((key) => panelId(`${name}.${key}`)),
      );
    }
  });

  it('has a panel for every alert, which names it, draws its limits and asks its window', () => {
    for (const { id, query } of definition.alerts) {
      const key = panelKey(query, definition);
      const panel = panelOf(key, dashboard);
      expect(panel.type).toBe('timeseries');
      expect(panel.description).toContain(`Alert "${id}"`);
      const onPanel = definition.alerts.filter(({ query }) => panelKey(query, definition) === key);
      expect(drawn(panel)).toEqual(
        sorted(onPanel.flatMap(({ condition }) => Object.values(condition).flat())),
      );
      const bucket = bucketOf(key, Math.min(...onPanel.map(({ query }) => query.overMs)), query.overMs);
      if (bucket === undefined) continue;
      expect(panel.targets.map((target) => target.query).join('\n')).toContain(`time(${bucket})`);
    }
  });

  it('draws no limits where there is no alert', () => {
    const keys = definition.alerts.map(({ query }) => panelId(panelKey(query, definition)));
    for (const panel of dataPanels(dashboard)) {
      if (panel.type !== 'timeseries' || keys.includes(panel.id)) continue;
      expect(panel.fieldConfig.defaults.thresholds, panel.title).toBeUndefined();
    }
  });

  it('draws a band between two columns that are there', () => {
    for (const { name, kind } of definition.metrics) {
      if (kind !== 'gauge') continue;
      const { fieldConfig, targets } = panelOf(`${name}.level`, dashboard);
      const fill = fieldConfig.overrides.find(({ properties }) =>
        properties.some(({ id, value }) => id === 'custom.fillBelowTo' && value === 'min'),
      );
      expect(fill?.matcher).toEqual({ id: 'byName', options: 'max' });
      expect(targets[0]).toMatchObject({ alias: '$col' });
      expect(targets[0]?.query).toMatch(/^SELECT min\(.*\) AS "min", max\(.*\) AS "max" FROM/);
    }
  });

  it('says that nothing was counted where Grafana would say that there is no data', () => {
    for (const { id, query } of definition.alerts) {
      if (query.aggregate !== 'count') continue;
      const { fieldConfig } = panelOf(panelKey(query, definition), dashboard);
      expect(fieldConfig.defaults.noValue, id).toBe('none in this time range');
    }
  });

  it('gives every kind of error a colour of its own rule', () => {
    const patterns = panelOf('errors', dashboard).fieldConfig.overrides.flatMap(({ matcher }) => {
      const { id, options } = matcher as { id: string; options: string };
      return id === 'byRegexp' ? [new RegExp(options.slice(1, -1))] : [];
    });
    for (const kind of errorKinds(definition)) {
      expect(
        patterns.filter((pattern) => pattern.test(`${kind} dev ${definition.name}`)),
        kind,
      ).toHaveLength(1);
    }
  });

  it('has a histogram of ten equal buckets over the range', () => {
    for (const metric of definition.metrics) {
      if (metric.kind !== 'random') continue;
      const { options } = panelOf(`${metric.name}.histogram`, dashboard);
      const [low, high] = metric.range;
      expect(options).toMatchObject({ bucketOffset: low, bucketSize: (high - low) / 10 });
    }
  });

  it('shows only Error occurring and Runner besides its metrics', () => {
    const rows = dashboard.panels.filter(({ type }) => type === 'row');
    expect(rows).toHaveLength(definition.metrics.length + 2);
    expect(rows.slice(-2).map(({ title }) => title)).toEqual(['Error occurring', 'Runner']);
  });
});

describe('the limits of alerts', () => {
  const LOAD = { of: 'cpu_load', overMs: 60_000, defects: 'excluded' } as const;
  const alert = (
    aggregate: 'mean' | 'spread',
    severity: Alert['severity'],
    condition: Alert['condition'],
  ) => ({
    ...{ id: JSON.stringify(condition), summary: 'odd', forMs: 0, keepFiringMs: 0, cooldownMs: 300_000 },
    ...{ query: { ...LOAD, aggregate }, severity, condition },
  });
  const steps = (...alerts: Alert[]) => {
    const key = panelKey(alerts[0]?.query as Alert['query'], bundled);
    const panel = panelOf(key, built({ ...bundled, alerts }));
    return panel.fieldConfig.defaults.thresholds?.steps.map(
      ({ value, color }) => `${value} ${COLOUR_WORDS[color] ?? color}`,
    );
  };

  it('are shaded in the colour of the severity on the side where the alert fires', () => {
    expect(steps(alert('mean', 'warning', { above: 7 }), alert('mean', 'critical', { below: 4.5 }))).toEqual([
      'null critical',
      '4.5 critical',
      '4.5 transparent',
      '7 warning',
    ]);
    expect(steps(alert('mean', 'info', { outside: [-1, 1] }))).toEqual([
      'null info',
      '-1 info',
      '-1 transparent',
      '1 info',
    ]);
  });

  it('are a line where only the limit itself is met', () => {
    expect(
      steps(alert('spread', 'warning', { equals: 0 }), alert('spread', 'critical', { above: 4 })),
    ).toEqual(['null transparent', '0 warning', '0 transparent', '4 critical']);
  });

  it('are shaded in the colour of the worst alert where several are met', () => {
    expect(
      steps(
        alert('mean', 'warning', { outside: [1, 3] }),
        alert('mean', 'critical', { below: 0 }),
        alert('mean', 'info', { above: 3 }),
      ),
    ).toEqual(['null critical', '0 critical', '0 warning', '1 warning', '1 transparent', '3 warning']);
  });
});

describe('the dashboard of the bundled sensor', () => {
  const dashboard = built(bundled);

  it('is called Sensor monitoring, others by their names', () => {
    expect(dashboard.title).toBe('Sensor monitoring');
    expect(built({ ...bundled, name: 'other' }).title).toBe('Sensor monitoring: other');
  });

  it('has the count of defects at the top left', () => {
    const first = panelOf('overview.defects', dashboard);
    expect(first).toMatchObject({ type: 'stat', title: 'Defects' });
    expect(first.gridPos).toMatchObject({ x: 0, y: 0 });
    expect(first.targets[0]?.query).toContain(`count("cpu_load") AS "count" FROM "sensor"`);
    expect(first.targets[0]?.query).toContain(`"defect" = 'true'`);
  });

  it('leaves the defects out where the definition knows none', () => {
    const titles = built({ ...bundled, defect: 'none', alerts: [] }).panels.map(({ title }) => title);
    expect(titles.filter((title) => title.startsWith('Defect'))).toEqual([]);
  });

  it('keeps the number of every panel when another metric comes first', () => {
    const metric = { name: 'first', type: 'float', kind: 'gauge' } as const;
    const ids = built({ ...bundled, metrics: [metric, ...bundled.metrics] }).panels.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(dashboard.panels.map(({ id }) => id)));
  });

  it('has variables of several values, for all environments and this sensor', () => {
    expect(dashboard.templating.list).toMatchObject([
      { name: 'env', multi: true, includeAll: true, datasource: DATA_SOURCE, current: { value: ['$__all'] } },
      {
        name: 'sensor',
        multi: true,
        includeAll: true,
        datasource: DATA_SOURCE,
        current: { value: ['demo'] },
      },
    ]);
  });

  it('is refreshed every 5 s, shares the crosshair, and shows when alerts changed', () => {
    expect(dashboard).toMatchObject({
      refresh: '5s',
      graphTooltip: 1,
      time: { from: 'now-15m', to: 'now' },
      annotations: { list: [{ builtIn: 1, enable: true, type: 'dashboard' }] },
    });
    expect(panelOf('overview.alerts', dashboard).options).toMatchObject({ dashboardAlerts: true });
  });

  it('names units that Grafana knows, and writes others as they are', () => {
    const unit = (of: string | undefined) => {
      const metrics = [{ name: 'm', type: 'float', kind: 'gauge', unit: of }] as const;
      return panelOf('m.level', built({ ...bundled, metrics, alerts: [] })).fieldConfig.defaults.unit;
    };
    const units = ['cores', '°C', '%', 'bytes', 's', 'ms', 'constructor', undefined].map(unit);
    expect(units).toEqual([
      'suffix:cores',
      'celsius',
      'percent',
      'bytes',
      's',
      'ms',
      'suffix:constructor',
      'locale',
    ]);
  });
});

describe('a statement', () => {
  it('is filled in as Grafana does it', () => {
    const query = '"env" =~ /^$env$/ AND "sensor" =~ /^$sensor$/ AND $timeFilter GROUP BY time($__interval)';
    const range = { fromMs: 1_000, toMs: 61_000, intervalMs: 90_000 };
    expect(asPanel(query, range, { env: ['a.b', 'c/d'], sensor: { allValue: '.*' } })).toBe(
      '"env" =~ /^(a\\.b|c\\/d)$/ AND "sensor" =~ /^.*$/ AND time >= 1000ms and time <= 61000ms GROUP BY time(1m)',
    );
  });
});

const ENVS = ['dev', `it's a/b (c+d)|[e]`] as const;
const RANGE = { fromMs: 1_700_000_000_000, toMs: 1_700_000_000_000 + SECONDS * 1_000, intervalMs: 10_000 };

describe.skipIf(!hasInfluxd).each([...CASES])('every query of %s, on a real influxd', (_, definition) => {
  const dashboard = built(definition);
  const sensors = [definition.name, 'other.one'];
  const allValue = { allValue: '.*' };
  let influxd: Influxd;
  beforeAll(async () => {
    influxd = await startInfluxd();
    await influxd.query('', 'CREATE DATABASE data');
    for (const name of sensors) {
      for (const [index, env] of ENVS.entries()) {
        const lines = linesOf({ ...definition, name }, env, { fromMs: RANGE.fromMs, seed: index });
        const url = `http://127.0.0.1:${influxd.port}/write?db=data`;
        expect((await fetch(url, { method: 'POST', body: lines })).status).toBe(204);
      }
    }
  });
  afterAll(() => influxd?.stop());

  const answers = (panel: Panel, chosen: Chosen) =>
    Promise.all(
      panel.targets.map(async (target) => ({
        target,
        series: await influxd.query('data', asPanel(target.query, RANGE, chosen)),
      })),
    );

  it('answers for all, with a name for each series of a panel', async () => {
    for (const panel of dataPanels(dashboard)) {
      const answered = await answers(panel, { env: allValue, sensor: allValue });
      for (const { target, series } of answered) {
        expect(series.length, target.query).toBeGreaterThan(0);
        expect(numbers(series).length, target.query).toBeGreaterThan(0);
      }
      const names = answered.flatMap(({ target, series }) => namesOf(target, series));
      expect(new Set(names).size, `${panel.title}: ${names}`).toBe(names.length);
      expect(names.filter((name) => name.includes('$'))).toEqual([]);
    }
  });

  it('answers for what is chosen only, whatever it is called', async () => {
    for (const panel of dataPanels(dashboard)) {
      const chosen = { env: [ENVS[1], 'no.such'], sensor: [definition.name] };
      for (const { target, series } of await answers(panel, chosen)) {
        expect(series.length, target.query).toBeGreaterThan(0);
        for (const { tags = {} } of series) {
          expect(tags.env ?? ENVS[1], target.query).toBe(ENVS[1]);
          expect(tags.sensor ?? definition.name, target.query).toBe(definition.name);
        }
      }
      const nothing = await answers(panel, { env: ['de', 'dev.'], sensor: allValue });
      expect(
        nothing.flatMap(({ series }) => series),
        panel.title,
      ).toEqual([]);
    }
  });

  it('finds the values of the variables in a single series, since Grafana reads no more', async () => {
    const found = await Promise.all(
      dashboard.templating.list.map(async ({ query }) => {
        const series = await influxd.query('data', query);
        return series.map(({ values }) => values.map(([, value]) => value).sort());
      }),
    );
    expect(found).toEqual([[[...ENVS].sort()], [[...sensors].sort()]]);
  });
});

function namesOf({ alias, resultFormat }: Target, series: readonly Series[]): string[] {
  if (resultFormat === 'table') return [];
  return series.flatMap(({ tags, columns }) =>
    columns.slice(1).map((column) => seriesName(alias ?? '', column, tags)),
  );
}

function numbers(series: readonly Series[]): unknown[] {
  return series
    .flatMap(({ values }) => values.flatMap((row) => row.slice(1)))
    .filter((value) => typeof value === 'number');
}

/** What is the same over any window is drawn as fine as there is room for it. */
function bucketOf(key: string, shortestMs: number, overMs: number): string | undefined {
  if (key.endsWith('.points')) return undefined;
  if (key === 'errors') return `${shortestMs}ms`;
  return /\.(level|value|difference)$/.test(key) ? '$__interval' : `${overMs}ms`;
}

function drawn({ fieldConfig }: Panel): number[] {
  const values = fieldConfig.defaults.thresholds?.steps.map(({ value }) => value) ?? [];
  return sorted(values.filter((value) => value !== null));
}

function sorted(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

const COLOUR_WORDS: Readonly<Record<string, string>> = {
  '#56B4E9': 'info',
  '#E69F00': 'warning',
  '#D55E00': 'critical',
};
