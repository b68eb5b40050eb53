import { isFiring } from './alerting/state.js';
import type { Definition } from './definition.js';
import type { Destination } from './destination.js';
import type { Ledger } from './ledger.js';
import { Actions } from './local/actions.js';
import type { Transition } from './local/alert-watch.js';
import type { LocalAlerts } from './local/alerts.js';
import type { LivePage } from './local/live-page.js';
import { leavePageAddress } from './local/page-address.js';
import type { Log } from './log.js';
import type { Notice } from './notify/notice.js';
import type { Notifications } from './notify/notifications.js';
import type { Batch } from './reading.js';
import { BUNDLED, type Settings } from './settings.js';
import type { StateDirectory } from './state-directory.js';

export interface MonitoringOptions {
  readonly settings: Settings;
  readonly environment: NodeJS.ProcessEnv;
  readonly definition: Definition;
  readonly destination: Destination;
  readonly ledger: Ledger;
  readonly state: StateDirectory;
  /** Milliseconds of the clock by which readings are stamped. */
  readonly now: () => number;
  /** Absent where there is no sensor that could be started again. */
  readonly restartSensor?: ((alert: string) => void) | undefined;
  readonly log: Log;
}

/**
 * What watches over a run: the page, and where readings are stored here, the alerts, who is told of them, and what
 * they set off. With an InfluxDB it is Grafana that evaluates the alerts, and that may set off the same actions.
 */
export class Monitoring {
  readonly #options: MonitoringOptions;
  readonly #actions: Actions;
  #page: LivePage | undefined;
  #alerts: LocalAlerts | undefined;
  #notifications: Notifications | undefined;
  /** Whoever is told by now is yet to hear what still fires, and what has ended meanwhile. */
  #reconcileDue = false;
  #definition: Definition;
  #forgetAddress: (() => void) | undefined;

  private constructor(options: MonitoringOptions) {
    this.#options = options;
    this.#definition = options.definition;
    const { definition, restartSensor, log } = options;
    this.#actions = new Actions({ definition, restartSensor, log });
  }

  static async open(options: MonitoringOptions): Promise<Monitoring> {
    const monitoring = new Monitoring(options);
    try {
      await monitoring.#openAlerts();
      await monitoring.#openPage();
      await monitoring.#openNotifications();
      monitoring.#alerts?.start();
      return monitoring;
    } catch (error) {
      await monitoring.close();
      throw error;
    }
  }

  /** Takes what was handed to the destination just now. */
  add(batch: Pick<Batch, 'readings' | 'points'>): void {
    this.#page?.add(batch);
  }

  async redefine(definition: Definition): Promise<void> {
    this.#definition = definition;
    this.#actions.redefine(definition);
    this.#alerts?.redefine(definition);
    await this.#page?.redefine(definition);
    // Who is told may have changed, and how. What changes until it is known is told by the next evaluation.
    const before = this.#notifications;
    this.#notifications = undefined;
    await before?.close();
    await this.#openNotifications();
  }

  async close(): Promise<void> {
    await this.#alerts?.close();
    await this.#notifications?.close();
    this.#forgetAddress?.();
    await this.#page?.close();
  }

  async #openAlerts(): Promise<void> {
    const { settings, definition, destination, state, now, log } = this.#options;
    if (destination.rows === undefined) {
      if (definition.alerts.length > 0) log.info(ALERTS_ELSEWHERE);
      return;
    }
    const { LocalAlerts } = await import('./local/alerts.js');
    this.#alerts = await LocalAlerts.open({
      definition,
      env: settings.env,
      rows: destination.rows,
      stateFile: state.alerts,
      log,
      now,
      onChange: (transitions) => this.#takeTransitions(transitions),
      onEvaluated: () => this.#reconcile(),
    });
  }

  async #openPage(): Promise<void> {
    const { settings, definition, destination, log } = this.#options;
    if (!settings.page) return;
    const { LivePage } = await import('./local/live-page.js');
    this.#page = await LivePage.open({
      host: settings.pageHost,
      port: settings.pagePort,
      names: settings.pageNames,
      pageToken: settings.pageToken,
      hookToken: settings.hookToken,
      definition,
      env: settings.env,
      destination: destination.name,
      rows: destination.rows,
      retentionMs: settings.retention,
      recording: this.#recording(),
      alerts: this.#alerts,
      actions: this.#actions,
      log,
      assets: BUNDLED.page,
    });
    this.#forgetAddress = leavePageAddress(this.#options.state.path, this.#page.url);
    log.info(`The live page is at ${this.#page.url}`);
  }

  #recording() {
    const { destination, ledger } = this.#options;
    const since = Date.now();
    return () => ({
      since,
      state: destination.state(),
      counters: { ...ledger.counters, stored: ledger.totals.delivered },
    });
  }

  async #openNotifications(): Promise<void> {
    const { settings, environment, state, log } = this.#options;
    const definition = this.#definition;
    if (this.#alerts === undefined || definition.notify.length === 0) return;
    const { Notifications } = await import('./notify/notifications.js');
    this.#notifications = await Notifications.open({
      definition,
      environment,
      stateFile: state.notifications,
      env: settings.env,
      externalUrl: this.#page?.url,
      log,
    });
    this.#reconcileDue = true;
  }

  #reconcile(): void {
    if (!this.#reconcileDue) return;
    this.#reconcileDue = false;
    const firing = this.#alerts?.states().filter(isFiring) ?? [];
    const notices = firing.flatMap(({ alert: id, labels, since, value }): Notice[] => {
      const alert = this.#definition.alerts.find((each) => each.id === id);
      return alert === undefined ? [] : [{ alert, labels, state: 'firing', since, value }];
    });
    this.#notifications?.reconcile(notices);
  }

  #takeTransitions(transitions: readonly Transition[]): void {
    this.#page?.alert(transitions.map((each) => ({ ...each, alert: each.alert.id })));
    this.#notifications?.take(transitions.flatMap(noticeOf));
    for (const { alert, from, to } of transitions) {
      if (to === 'firing' && from !== 'recovering') this.#actions.take(alert.id, 'this run');
    }
  }
}

const ALERTS_ELSEWHERE =
  'Alerts are left to Grafana, as the readings go to an InfluxDB; `visualizer grafana` writes its rules';

/** An alert that is recovering fires all the same. */
function noticeOf({ alert, labels, from, to, at, value }: Transition): Notice[] {
  if (isFiring({ state: from }) === isFiring({ state: to })) return [];
  return [{ alert, labels, state: isFiring({ state: to }) ? 'firing' : 'resolved', since: at, value }];
}
