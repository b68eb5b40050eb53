import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDefinition } from '../../src/definition-file.js';
import { hasInfluxd, type Influxd, startInfluxd } from '../servers/influxd.js';
import { FAULTS, healthy } from './faults.js';
import { type Event, Replay, store } from './replay.js';
import {
  afterSeconds,
  allowedSeconds,
  type Engine,
  type Firings,
  findTruth,
  tableOf,
  WARM_UP,
} from './table.js';
import { storedBySecond } from './timeline.js';

/**
 * Simulated time on a real influxd: the bundled sensor and definition, each fault of the sensor and of its
 * surroundings, every rule's own query every 10 s. UPDATE_TRUTH=true writes the table; TRUTH_DAYS=7 takes that long
 * a time of health (default: 3 hours).
 */
const definition = readDefinition(new URL('../../sensor_runner/sensor.yaml', import.meta.url).pathname);
const TABLE = new URL('truth-table.md', import.meta.url);
const DOCS = new URL('../../docs/alerts.md', import.meta.url);
const HEALTHY_SECONDS = Math.round(Number(process.env.TRUTH_DAYS ?? 3 / 24) * 86_400);
/** Of the healthy sensor: its load's sine. */
const PERIOD = 300;
const HEALTHY_SEED = 1;
const BEGIN = '<!-- truth table: written by UPDATE_TRUTH=true -->';
const END_MARK = '<!-- end of truth table -->';

describe.skipIf(!hasInfluxd)('the truth about alerts', { timeout: 3_600_000 }, () => {
  let influxd: Influxd;
  /** By fault, what it sets off. */
  let truth: ReadonlyMap<string, Firings>;

  beforeAll(async () => {
    influxd = await startInfluxd();
    truth = await findTruth(definition, influxEngine);
  }, 600_000);
  afterAll(() => influxd?.stop());

  it('a healthy sensor raises no alert but that of its high load, once in each period', async () => {
    await influxd.query('', 'CREATE DATABASE healthy');
    const seconds = await healthy(HEALTHY_SECONDS, HEALTHY_SEED);
    await store(influxd, 'healthy', definition, storedBySecond(definition, seconds));
    const run = new Replay(influxd, 'healthy', definition);
    await run.over([WARM_UP, HEALTHY_SECONDS]);

    if (process.env.TRUTH_DAYS !== undefined) tell(run.events);
    const fired = run.events.filter(({ to }) => to === 'firing');
    expect(fired.filter(({ alert }) => alert !== 'cpu-load-high')).toEqual([]);
    expect(fired.length).toBe(Math.floor((HEALTHY_SECONDS - WARM_UP) / PERIOD));
    const ended = run.events.filter(({ from, to }) => from === 'firing' && to === 'normal');
    const lengths = ended.map(({ second }, index) => second - (fired[index]?.second ?? 0));
    expect(Math.min(...lengths)).toBeGreaterThanOrEqual(90);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(130);
  });

  it.each(FAULTS)('$name sets off $alert in time', ({ name, alert }) => {
    expect(afterSeconds(truth.get(name)?.get(alert))).toBeLessThanOrEqual(allowedSeconds(alert, definition));
  });

  it('the table of faults and alerts is the committed one; UPDATE_TRUTH=true writes it', () => {
    const table = tableOf(truth, definition);
    if (process.env.UPDATE_TRUTH === 'true') writeFileSync(TABLE, table);
    expect(table).toBe(readFileSync(TABLE, 'utf8'));
  });

  async function influxEngine(name: string): Promise<Engine> {
    const database = name.replaceAll(/\W+/g, '_');
    await influxd.query('', `CREATE DATABASE ${database}`);
    const replay = new Replay(influxd, database, definition);
    return {
      events: replay.events,
      over: (span, options) => replay.over(span, options),
      store: (batches) => store(influxd, database, definition, batches),
    };
  }
});

it('every alert of the definition is that of a fault', () => {
  const meant = new Set(FAULTS.map(({ alert }) => alert));
  expect(definition.alerts.map(({ id }) => id).filter((id) => !meant.has(id))).toEqual([]);
});

it('the documentation shows that table; UPDATE_TRUTH=true writes it', () => {
  const table = readFileSync(TABLE, 'utf8');
  const text = readFileSync(DOCS, 'utf8');
  const [before, rest] = text.split(BEGIN) as [string, string];
  const [, after] = rest.split(END_MARK) as [string, string];
  const current = `${before}${BEGIN}\n\n${table}\n${END_MARK}${after}`;
  if (process.env.UPDATE_TRUTH === 'true') writeFileSync(DOCS, current);
  expect(readFileSync(DOCS, 'utf8')).toBe(current);
});

function tell(events: readonly Event[]): void {
  const counts = new Map<string, number>();
  for (const { alert, to } of events) counts.set(`${alert} ${to}`, (counts.get(`${alert} ${to}`) ?? 0) + 1);
  const lines = [...counts].map(([what, count]) => `${what}: ${count}`).sort();
  process.stderr.write(`${HEALTHY_SECONDS} s of health\n${lines.join('\n')}\n`);
}
