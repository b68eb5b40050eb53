import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ruleOf } from '../../src/alerting/rule.js';
import type { Alert } from '../../src/definition.js';
import { readDefinition } from '../../src/definition-file.js';
import { hasInfluxd, type Influxd, startInfluxd } from '../servers/influxd.js';
import { END, FAULT_AT, FAULTS, type Fault, healthy } from './faults.js';
import { type Event, Replay, store } from './replay.js';
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
/** What a fault has beyond the window and `for`: the evaluations' interval, and what comes in between. */
const GRACE_SECONDS = 20;
const WARM_UP = 300;
const HEALTHY_SEED = 1;
const BEGIN = '<!-- truth table: written by UPDATE_TRUTH=true -->';
const END_MARK = '<!-- end of truth table -->';
const HEAD = [
  '| fault | its alert | after | at most | others that it sets off |',
  '| --- | --- | --- | --- | --- |',
];

describe.skipIf(!hasInfluxd)('the truth about alerts', { timeout: 3_600_000 }, () => {
  let influxd: Influxd;
  /** By fault, what it sets off. */
  const truth = new Map<string, Firings>();

  beforeAll(async () => {
    influxd = await startInfluxd();
    const usual = firings(await replay({ name: 'usual', timeline: () => healthy(END) }));
    for (const fault of FAULTS) truth.set(fault.name, firings(await replay(fault), usual));
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
    expect(afterSeconds(truth.get(name)?.get(alert))).toBeLessThanOrEqual(allowedSeconds(alert));
  });

  it('the table of faults and alerts is the committed one; UPDATE_TRUTH=true writes it', () => {
    const rows = FAULTS.map((fault) => row(fault, truth.get(fault.name) as Firings));
    const table = `${[...HEAD, ...rows].join('\n')}\n`;
    if (process.env.UPDATE_TRUTH === 'true') writeFileSync(TABLE, table);
    expect(table).toBe(readFileSync(TABLE, 'utf8'));
  });

  /** What happens from the fault on. */
  async function replay(fault: Pick<Fault, 'name' | 'timeline' | 'late' | 'unanswered'>): Promise<Event[]> {
    const { name, timeline, late = [END, END], unanswered } = fault;
    const database = name.replaceAll(/\W+/g, '_');
    await influxd.query('', `CREATE DATABASE ${database}`);
    const batches = [...storedBySecond(definition, await timeline())];
    await store(influxd, database, definition, batches.slice(0, late[0]));
    const run = new Replay(influxd, database, definition);
    await run.over([FAULT_AT - WARM_UP, late[0]]);
    await run.over(late, { failing: unanswered !== undefined });
    await store(influxd, database, definition, batches.slice(late[0]));
    await run.over([late[1], END]);
    return run.events.filter(({ second }) => second >= FAULT_AT);
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

/** By alert, when it began to fire. */
type Firings = ReadonlyMap<string, readonly Event[]>;

/** Without those that are usual at the same time. */
function firings(events: readonly Event[], usual: Firings = new Map()): Firings {
  const fired = new Map<string, Event[]>();
  for (const event of events) {
    const { alert, second, to } = event;
    const isUsual = usual.get(alert)?.some((other) => other.second === second) ?? false;
    if (to === 'firing' && !isUsual) fired.set(alert, [...(fired.get(alert) ?? []), event]);
  }
  return fired;
}

function afterSeconds(fired: readonly Event[] | undefined): number {
  return (fired?.[0]?.second ?? Number.POSITIVE_INFINITY) - FAULT_AT;
}

function allowedSeconds(id: string): number {
  const alert = definition.alerts.find((other) => other.id === id) as Alert;
  return (ruleOf(alert, definition).windowMs + alert.forMs) / 1_000 + GRACE_SECONDS;
}

function row({ name, help, alert }: Fault, fired: Firings): string {
  const told = (id: string) => {
    const kinds = new Set(fired.get(id)?.flatMap(({ labels: { kind } }) => kind ?? []));
    return `\`${id}\`${id === 'errors' ? ` (${[...kinds].sort().join(', ')})` : ''}`;
  };
  const others = definition.alerts
    .filter(({ id }) => id !== alert && fired.has(id))
    .map(({ id }) => `${told(id)} ${afterSeconds(fired.get(id))} s`);
  const after = `${afterSeconds(fired.get(alert))} s`;
  const cells = [`**${name}**: ${help}`, told(alert), after, `${allowedSeconds(alert)} s`, others.join(', ')];
  return `| ${cells.join(' | ')} |`;
}

function tell(events: readonly Event[]): void {
  const counts = new Map<string, number>();
  for (const { alert, to } of events) counts.set(`${alert} ${to}`, (counts.get(`${alert} ${to}`) ?? 0) + 1);
  const lines = [...counts].map(([what, count]) => `${what}: ${count}`).sort();
  process.stderr.write(`${HEALTHY_SECONDS} s of health\n${lines.join('\n')}\n`);
}
