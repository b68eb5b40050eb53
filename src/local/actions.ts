import type { Definition } from '../definition.js';
import { messageOf } from '../errors.js';

export interface ActionsOptions {
  readonly definition: Pick<Definition, 'alerts'>;
  /** Absent where there is no sensor to restart: lines come from a file or from stdin. */
  readonly restartSensor?: ((alert: string) => void) | undefined;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
  /** Monotonic, ms. */
  readonly now?: () => number;
}

/** `unknown`: no such alert is defined; `none`: it asks for no action; `unavailable`: there is no sensor to restart. */
export type Outcome = 'restarted' | 'cooling down' | 'unknown' | 'none' | 'unavailable' | 'failed';

/**
 * What is done when an alert fires, whoever says that it does: Grafana, Alertmanager, or this run. An alert acts at
 * most once in its cooldown, which therefore outlives a new definition.
 */
export class Actions {
  #options: ActionsOptions;
  readonly #actedAt = new Map<string, number>();
  /** Why an alert did nothing the last time, since a flapping one asks again and again. */
  readonly #said = new Map<string, Outcome>();
  #restarts = 0;

  constructor(options: ActionsOptions) {
    this.#options = options;
  }

  redefine(definition: Pick<Definition, 'alerts'>): void {
    this.#options = { ...this.#options, definition };
  }

  /** @param from who says that it fires, for the log */
  take(id: string, from: string): Outcome {
    const { definition, restartSensor, log, now = () => performance.now() } = this.#options;
    const alert = definition.alerts.find((each) => each.id === id);
    if (alert === undefined) return 'unknown';
    if (alert.action === undefined) return 'none';
    if (restartSensor === undefined) {
      if (this.#isNews(id, 'unavailable')) log.warn({ alert: id, from }, NO_SENSOR);
      return 'unavailable';
    }
    const last = this.#actedAt.get(id);
    if (last !== undefined && now() - last < alert.cooldownMs) {
      const secondsLeft = Math.ceil((alert.cooldownMs - (now() - last)) / 1_000);
      const text = 'The alert fires again; the sensor was restarted not long ago';
      if (this.#isNews(id, 'cooling down')) log.info({ alert: id, from, secondsLeft }, text);
      return 'cooling down';
    }
    try {
      restartSensor(id);
    } catch (error) {
      const cause = messageOf(error);
      const text = 'The sensor could not be restarted';
      if (this.#isNews(id, 'failed')) log.warn({ alert: id, from, cause }, text);
      return 'failed';
    }
    this.#actedAt.set(id, now());
    this.#restarts += 1;
    this.#said.delete(id);
    log.warn({ alert: id, from, restarts: this.#restarts }, 'The sensor is restarted: the alert fires');
    return 'restarted';
  }

  #isNews(id: string, outcome: Outcome): boolean {
    const isNews = this.#said.get(id) !== outcome;
    this.#said.set(id, outcome);
    return isNews;
  }
}

const NO_SENSOR =
  'The alert asks to restart the sensor, but there is none: the lines come from a file or from stdin';
