import { createHash } from 'node:crypto';
import type { Labels } from '../alerting/labels.js';
import { ALERTMANAGER_TIMING, PEOPLE_TIMING } from '../alerting/timing.js';
import type { Definition, Receiver, Severity } from '../definition.js';
import type { Log } from '../log.js';
import type { Channel } from './channel.js';
import type { Clock } from './clock.js';
import { Courier } from './courier.js';
import { type Change, type Entry, Group, type GroupState } from './group.js';
import { ReceiverLog } from './receiver-log.js';
import type { SavedGroup } from './state-file.js';

export interface SubscriptionOptions {
  readonly receiver: Receiver;
  readonly channel: Channel;
  readonly definition: Definition;
  readonly clock: Clock;
  readonly log: Log;
  readonly externalUrl: string;
  readonly save: () => void;
  readonly stop: AbortSignal;
  readonly force: AbortSignal;
}

interface Told {
  readonly severity: Severity | undefined;
  readonly labels: Labels;
  readonly group: Group;
  readonly courier: Courier;
  readonly ended: Promise<void>;
}

/** More than people could read; what is beyond is not told. */
const MAX_ALERTS = 1_000;
const MAX_GROUPS = 100;

/** All that one receiver is told: a group for each severity of each env, as Grafana's policies have it. */
export class Subscription {
  readonly #options: SubscriptionOptions;
  readonly #receiverLog: ReceiverLog;
  readonly #address: string;
  readonly #groups = new Map<string, Told>();
  #full = false;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    this.#address = addressOf(options.receiver);
    this.#receiverLog = new ReceiverLog(options.receiver.name, options.log);
  }

  /**
   * What is no more asked for, as an alert that is gone from the definition or a sensor that has another name, is
   * over. A receiver that is somewhere else now is owed all that the one before it was told.
   */
  restore(saved: readonly SavedGroup[]): void {
    const { receiver, clock } = this.#options;
    const now = clock.now();
    const own = saved.filter((group) => group.receiver === receiver.name);
    for (const { severity, labels, address = this.#address, ...state } of own) {
      if ((severity === undefined) !== (receiver.type === 'alertmanager')) continue;
      const refused = state.refused || address !== this.#address;
      const { group } = this.#group(severity, labels, { ...state, refused });
      for (const entry of group.firing().filter((entry) => !this.#wants(entry))) {
        group.take({ ...entry, endsAt: now }, now);
      }
    }
  }

  /** Whether there is anything new in it. */
  take(change: Change, severity: Severity, now: number): boolean {
    const { receiver } = this.#options;
    if (!receiver.severities.includes(severity)) return false;
    const told = this.#find(change, severity);
    if (told === undefined || !told.group.take(change, now)) return false;
    told.courier.wake();
    return true;
  }

  endAllBut(keys: ReadonlySet<string>, now: number): void {
    for (const { group, courier } of this.#groups.values()) {
      for (const entry of group.firing().filter(({ key }) => !keys.has(key))) {
        group.take({ ...entry, endsAt: now }, now);
      }
      courier.wake();
    }
  }

  /** Without those that have nothing to tell any more. */
  saved(now: number): SavedGroup[] {
    return [...this.#groups.values()].flatMap(({ severity, labels, group }) => {
      const { entries, lastAt, refused } = group.state;
      const isOver = entries.length === 0 && now - (lastAt ?? 0) >= group.intervalMs;
      if (isOver) return [];
      const { name } = this.#options.receiver;
      const state = { lastAt, refused, entries: [...entries] };
      return [{ receiver: name, address: this.#address, severity, labels, ...state }];
    });
  }

  async ended(): Promise<void> {
    await Promise.all([...this.#groups.values()].map(({ ended }) => ended));
  }

  #wants({ alert: id, labels }: Entry): boolean {
    const { receiver, definition } = this.#options;
    const severity = definition.alerts.find((known) => known.id === id)?.severity;
    if (severity === undefined || severity !== labels.severity) return false;
    return labels.sensor === definition.name && receiver.severities.includes(severity);
  }

  /** Where it belongs; undefined where it is beyond the bounds. */
  #find(change: Change, severity: Severity): Told | undefined {
    const { receiver, log } = this.#options;
    const forPeople = receiver.type !== 'alertmanager';
    const labels = forPeople ? groupLabels(change.labels) : {};
    const known = this.#groups.get(groupKey(forPeople ? severity : undefined, labels));
    if (known?.group.has(change.key)) return known;
    if (change.endsAt !== null) return undefined;
    const alerts = [...this.#groups.values()].reduce((sum, { group }) => sum + group.size, 0);
    if (alerts < MAX_ALERTS && (known !== undefined || this.#groups.size < MAX_GROUPS)) {
      return known ?? this.#group(forPeople ? severity : undefined, labels);
    }
    if (!this.#full)
      log.error({ receiver: receiver.name }, `Too many alerts for ${receiver.name}: not all are told`);
    this.#full = true;
    return undefined;
  }

  #group(severity: Severity | undefined, labels: Labels, saved?: GroupState): Told {
    const { receiver, channel, clock, log, externalUrl, save, stop, force } = this.#options;
    const timing = severity === undefined ? ALERTMANAGER_TIMING : PEOPLE_TIMING[severity];
    const key = groupKey(severity, labels);
    const group = new Group(timing, saved, clock.now());
    const about = { receiver: receiver.name, groupKey: key, groupLabels: labels, severity, externalUrl };
    const courier = new Courier({ group, about, channel, clock, log, save, receiverLog: this.#receiverLog });
    const told = { severity, labels, group, courier, ended: courier.run(stop, force) };
    this.#groups.set(key, told);
    return told;
  }
}

/** A digest, since a URL may hold a password. */
function addressOf(receiver: Receiver): string {
  const where = 'url' in receiver ? receiver.url : 'to' in receiver ? receiver.to : null;
  const text = JSON.stringify([receiver.type, where]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function groupLabels({ sensor, env }: Labels): Labels {
  return Object.fromEntries(
    Object.entries({ env, sensor }).filter(([, value]) => value !== undefined),
  ) as Labels;
}

/** As an Alertmanager writes it: `{}/{severity="critical"}:{env="dev", sensor="demo"}`. */
function groupKey(severity: Severity | undefined, labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const route = severity === undefined ? '{}' : `{}/{severity="${severity}"}`;
  return `${route}:{${pairs.join(', ')}}`;
}
