import { randomUUID } from 'node:crypto';
import { conditionText, queryText, unitOf } from '../alerting/texts.js';
import type { Alert, Definition, Metric } from '../definition.js';
import type {
  About,
  AlertAbout,
  AlertChange,
  AlertInstance,
  Alerts,
  MetricAbout,
  Recording,
  Status,
} from './api.js';
import type { Data } from './data.js';

/** Who evaluates the alerts; `changes` as in {@link Alerts}. */
export interface AlertSource {
  states(): readonly AlertInstance[];
  changes(from: number, to: number): Promise<readonly AlertChange[]>;
}

/** What the page is about. */
export interface Subject {
  readonly definition: Definition;
  readonly env: string;
  /** In words: `embedded store` or `InfluxDB at host:port`. */
  readonly destination: string;
  /** How far back can be asked, ms. */
  readonly reachMs: number;
  readonly data: Data;
  /** Absent where nothing is being recorded. */
  readonly recording?: (() => Recording) | undefined;
  /** Absent where others evaluate the alerts. */
  readonly alerts?: AlertSource | undefined;
  /** A token is asked for. */
  readonly login: boolean;
}

/** A subject as it is told to the page, from when it is shown until another one is. */
export class Shown {
  readonly subject: Subject;
  readonly #run = randomUUID();
  readonly #about: About;

  constructor(subject: Subject) {
    this.subject = subject;
    this.#about = aboutOf(subject);
  }

  status(now = Date.now()): Status {
    const { data, recording } = this.subject;
    return {
      run: this.#run,
      about: this.#about,
      now,
      ...(recording && { recording: recording() }),
      newest: data.newest,
      oldest: data.oldest,
      latest: data.latest,
    };
  }

  async alerts(from: number, to: number): Promise<Alerts> {
    const { alerts, recording } = this.subject;
    if (alerts === undefined) return { evaluated: 'elsewhere', instances: [], changes: [] };
    const changes = await alerts.changes(from, to);
    const evaluated = recording === undefined ? 'nowhere' : 'here';
    return { evaluated, instances: alerts.states(), changes };
  }
}

function aboutOf({ definition, env, destination, reachMs, login }: Subject): About {
  return {
    sensor: definition.name,
    env,
    destination,
    reachMs,
    metrics: definition.metrics.map(metricAbout),
    alerts: definition.alerts.map((alert) => alertAbout(alert, definition)),
    defects: definition.defect !== 'none',
    login,
  };
}

function metricAbout(metric: Metric): MetricAbout {
  const { name, kind, type, unit } = metric;
  return {
    name,
    kind,
    type,
    unit,
    ...(metric.kind === 'gauge' && { capacity: metric.capacity }),
    ...(metric.kind === 'random' && { range: metric.range }),
    ...(metric.kind === 'counter' && { rate: metric.rate }),
  };
}

function alertAbout(
  { id, severity, summary, query, condition, forMs }: Alert,
  definition: Definition,
): AlertAbout {
  return {
    id,
    severity,
    summary,
    question: queryText(query),
    limit: conditionText(condition, unitOf(query, definition)),
    condition,
    metric: query.aggregate === 'errors' ? undefined : query.of,
    aggregate: query.aggregate,
    counts: countsOf(query, definition),
    overMs: query.overMs,
    forMs,
  };
}

function countsOf({ aggregate, of, defects }: Alert['query'], { defect }: Definition): string | undefined {
  if (aggregate === 'errors') return of;
  return aggregate === 'count' && defects === 'only' && defect !== 'none' ? 'defects' : undefined;
}
