import { ruleOf } from '../../src/alerting/rule.js';
import type { Alert, Definition } from '../../src/definition.js';
import { END, FAULT_AT, FAULTS, type Fault, healthy, type Span } from './faults.js';
import type { Event } from './replay.js';
import { type Stored, storedBySecond } from './timeline.js';

/** The truth table, of whatever engine evaluates the alerts. */

/** An engine over a database of its own. */
export interface Engine {
  store(batches: readonly Stored[]): Promise<void>;
  /** Evaluates at every full ten seconds of the span; `failing`: nothing is answered. */
  over(span: Span, options?: { failing?: boolean }): Promise<void>;
  readonly events: readonly Event[];
  close?(): Promise<void>;
}

export type EngineOf = (name: string) => Promise<Engine>;

/** By alert, when it began to fire. */
export type Firings = ReadonlyMap<string, readonly Event[]>;

/** What a fault has beyond the window and `for`: the evaluations' interval, and what comes in between. */
const GRACE_SECONDS = 20;
export const WARM_UP = 300;
const HEAD = [
  '| fault | its alert | after | at most | others that it sets off |',
  '| --- | --- | --- | --- | --- |',
];

/** By fault, what it sets off. */
export async function findTruth(
  definition: Definition,
  engineOf: EngineOf,
): Promise<ReadonlyMap<string, Firings>> {
  const usual = firings(await replay(definition, { name: 'usual', timeline: () => healthy(END) }, engineOf));
  const truth = new Map<string, Firings>();
  for (const fault of FAULTS)
    truth.set(fault.name, firings(await replay(definition, fault, engineOf), usual));
  return truth;
}

export function tableOf(truth: ReadonlyMap<string, Firings>, definition: Definition): string {
  const rows = FAULTS.map((fault) => row(fault, truth.get(fault.name) as Firings, definition));
  return `${[...HEAD, ...rows].join('\n')}\n`;
}

/** What happens from the fault on. */
async function replay(
  definition: Definition,
  { name, timeline, late = [END, END], unanswered }: Pick<Fault, 'name' | 'timeline' | 'late' | 'unanswered'>,
  engineOf: EngineOf,
): Promise<Event[]> {
  const engine = await engineOf(name);
  const batches = [...storedBySecond(definition, await timeline())];
  await engine.store(batches.slice(0, late[0]));
  await engine.over([FAULT_AT - WARM_UP, late[0]]);
  await engine.over(late, { failing: unanswered !== undefined });
  await engine.store(batches.slice(late[0]));
  await engine.over([late[1], END]);
  await engine.close?.();
  return engine.events.filter(({ second }) => second >= FAULT_AT);
}

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

export function afterSeconds(fired: readonly Event[] | undefined): number {
  return (fired?.[0]?.second ?? Number.POSITIVE_INFINITY) - FAULT_AT;
}

export function allowedSeconds(id: string, definition: Definition): number {
  const alert = definition.alerts.find((other) => other.id === id) as Alert;
  return (ruleOf(alert, definition).windowMs + alert.forMs) / 1_000 + GRACE_SECONDS;
}

function row({ name, help, alert }: Fault, fired: Firings, definition: Definition): string {
  const told = (id: string) => {
    const kinds = new Set(fired.get(id)?.flatMap(({ labels: { kind } }) => kind ?? []));
    return `\`${id}\`${id === 'errors' ? ` (${[...kinds].sort().join(', ')})` : ''}`;
  };
  const others = definition.alerts
    .filter(({ id }) => id !== alert && fired.has(id))
    .map(({ id }) => `${told(id)} ${afterSeconds(fired.get(id))} s`);
  const after = `${afterSeconds(fired.get(alert))} s`;
  const allowed = `${allowedSeconds(alert, definition)} s`;
  return `| ${[`**${name}**: ${help}`, told(alert), after, allowed, others.join(', ')].join(' | ')} |`;
}
