import { type Change, evaluate, type Instance } from '../../src/alerting/evaluate.js';
import { EVALUATION_MS, ruleOf } from '../../src/alerting/rule.js';
import type { Definition } from '../../src/definition.js';
import { type GrafanaRule, rulesOf } from '../../src/grafana/alerts.js';
import { LineProtocol } from '../../src/influx/line-protocol.js';
import { packReadings } from '../../src/readings-builder.js';
import type { Influxd } from '../servers/influxd.js';
import type { Span } from './faults.js';
import { askInflux, statementAt } from './grafana.js';
import { START_MS, type Stored } from './timeline.js';

/** An alert's change of state; `second` of the timeline. */
export interface Event extends Change {
  readonly alert: string;
  readonly second: number;
}

/** Of one request, in characters. */
const WRITE_LENGTH = 1_000_000;
/** Statements in one request; each evaluation has one for each rule. */
const STATEMENTS = 350;

export async function store(
  { port }: Influxd,
  database: string,
  definition: Definition,
  batches: Iterable<Stored>,
): Promise<void> {
  const url = `http://127.0.0.1:${port}/write?db=${database}`;
  const protocol = new LineProtocol(definition, 'dev');
  let body = '';
  const send = async () => {
    const { status } = await fetch(url, { method: 'POST', body });
    if (status !== 204) throw new Error(`influxd answered ${status}`);
    body = '';
  };
  for (const { readings, points } of batches) {
    body += protocol.encode({ readings: packReadings(definition.metrics, readings), points });
    if (body.length > WRITE_LENGTH) await send();
  }
  await send();
}

/** All alerts of a definition, evaluated over what a database holds, in the order of time. */
export class Replay {
  readonly events: Event[] = [];
  readonly #influxd: Influxd;
  readonly #database: string;
  readonly #watched;

  constructor(influxd: Influxd, database: string, definition: Definition) {
    this.#influxd = influxd;
    this.#database = database;
    const written = rulesOf(definition).groups.flatMap(({ rules }) => rules);
    this.#watched = definition.alerts.map((alert, index) => ({
      rule: ruleOf(alert, definition),
      written: written[index] as GrafanaRule,
      instances: [] as readonly Instance[],
    }));
  }

  /** Evaluates at every full ten seconds of the span; `failing`: nothing is answered. */
  async over([from, to]: Span, { failing = false } = {}): Promise<void> {
    const ticks: number[] = [];
    for (let at = START_MS + from * 1_000; at < START_MS + to * 1_000; at += EVALUATION_MS) ticks.push(at);
    const chunk = Math.max(1, Math.floor(STATEMENTS / this.#watched.length));
    for (let first = 0; first < ticks.length; first += chunk) {
      const some = ticks.slice(first, first + chunk);
      const statements = some.flatMap((at) => this.#watched.map(({ written }) => statementAt(written, at)));
      const answers = failing ? undefined : await askInflux(this.#influxd, this.#database, statements);
      for (const [index, at] of some.entries()) {
        for (const [number, watched] of this.#watched.entries()) {
          const answered = answers?.[index * this.#watched.length + number] ?? 'failed';
          const { instances, changes } = evaluate(watched.rule, watched.instances, answered, at);
          watched.instances = instances;
          const second = (at - START_MS) / 1_000;
          this.events.push(...changes.map((change) => ({ ...change, alert: watched.rule.alert.id, second })));
        }
      }
    }
  }
}
