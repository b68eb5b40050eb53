import { setMaxListeners } from 'node:events';
import type { Definition, Receiver } from '../definition.js';
import type { Log } from '../log.js';
import { type Channel, type ChannelOptions, openChannel } from './channel.js';
import { type Clock, REAL_CLOCK } from './clock.js';
import { describe, keyOf, type Notice } from './notice.js';
import { NotSetUp } from './secrets.js';
import { type SavedGroup, StateFile } from './state-file.js';
import { Subscription } from './subscription.js';

export interface NotificationsOptions extends ChannelOptions {
  readonly definition: Definition;
  /** Those of the definition unless given. */
  readonly receivers?: readonly Receiver[];
  /** Keeps what was told over a restart; without it nothing is kept. */
  readonly stateFile?: string | undefined;
  readonly log: Log;
  /** The label env of an alert that has none, as one about missing data. */
  readonly env?: string | undefined;
  /** Where people see more: the page. */
  readonly externalUrl?: string | undefined;
  readonly clock?: Clock;
}

/** How long a message that is on its way may take when all is stopped. */
const CLOSE_MS = 2_000;

/**
 * Tells the receivers of alerts that begin and end, each at its own pace: none waits for another, and whoever gives
 * a notice waits for none of them. A message arrives at least once: again only where the process was killed, or the
 * receiver took it without an answer.
 */
export class Notifications {
  readonly #options: NotificationsOptions;
  readonly #clock: Clock;
  readonly #state: StateFile;
  readonly #subscriptions: readonly Subscription[];
  /** Of receivers that are not told now: when they are again, what they were told is not forgotten. */
  readonly #dormant: readonly SavedGroup[];
  readonly #stop = new AbortController();
  readonly #force = new AbortController();

  private constructor(options: NotificationsOptions, state: StateFile, saved: readonly SavedGroup[]) {
    const { definition, receivers = definition.notify, log, clock = REAL_CLOCK, externalUrl = '' } = options;
    this.#options = options;
    this.#clock = clock;
    this.#state = state;
    // Every group listens to them, however many there are.
    setMaxListeners(0, this.#stop.signal, this.#force.signal);
    const signals = { stop: this.#stop.signal, force: this.#force.signal };
    const save = () => this.#save();
    const told = new Set<string>();
    this.#subscriptions = receivers.flatMap((receiver) => {
      const channel = tryChannel(receiver, options);
      if (channel === undefined) return [];
      told.add(receiver.name);
      return [new Subscription({ receiver, channel, definition, clock, log, externalUrl, save, ...signals })];
    });
    this.#dormant = saved.filter(({ receiver }) => !told.has(receiver));
    for (const subscription of this.#subscriptions) subscription.restore(saved);
    this.#save();
  }

  /** Goes on where the run before stopped. A receiver that is not set up is named, and left out. */
  static async open(options: NotificationsOptions): Promise<Notifications> {
    const state = new StateFile(options.stateFile, options.log);
    return new Notifications(options, state, await state.read());
  }

  /** At once, and in order; what is known already changes nothing. Not after `close`. */
  take(notices: readonly Notice[]): void {
    const { definition, env } = this.#options;
    const now = this.#clock.now();
    let changed = false;
    for (const notice of notices) {
      const { alert, state, since, value } = notice;
      const change = {
        key: keyOf(notice, env),
        alert: alert.id,
        ...describe(notice, definition, env),
        startsAt: since,
        endsAt: state === 'firing' ? null : since,
        value: value !== null && Number.isFinite(value) ? value : null,
      };
      for (const subscription of this.#subscriptions) {
        changed = subscription.take(change, alert.severity, now) || changed;
      }
    }
    if (changed) this.#save();
  }

  /** All that fires now: whatever else was told as firing is over. For the beginning, once all was evaluated. */
  reconcile(firing: readonly Notice[]): void {
    const keys = new Set(firing.map((notice) => keyOf(notice, this.#options.env)));
    const now = this.#clock.now();
    for (const subscription of this.#subscriptions) subscription.endAllBut(keys, now);
    this.take(firing);
    this.#save();
  }

  /** Waits a little for what is on its way; the rest is kept for the next run. */
  async close(timeoutMs = CLOSE_MS): Promise<void> {
    this.#stop.abort();
    const timer = setTimeout(() => this.#force.abort(), timeoutMs);
    await Promise.all(this.#subscriptions.map((subscription) => subscription.ended()));
    clearTimeout(timer);
    this.#save();
    await this.#state.settled();
  }

  #save(): void {
    this.#state.save(() => [
      ...this.#dormant,
      ...this.#subscriptions.flatMap((subscription) => subscription.saved(this.#clock.now())),
    ]);
  }
}

/** Said once, and loudly: who is not told of alerts has to know it before there are any. */
function tryChannel(receiver: Receiver, options: NotificationsOptions): Channel | undefined {
  try {
    return openChannel(receiver, options);
  } catch (error) {
    if (!(error instanceof NotSetUp)) throw error;
    const { name, type } = receiver;
    options.log.error({ receiver: name, type }, `${name} is not told of alerts: ${error.message}`);
    return undefined;
  }
}
