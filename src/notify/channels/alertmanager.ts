import { ALERTMANAGER_TIMING } from '../../alerting/timing.js';
import type { Addressed, ReceiverBase } from '../../definition.js';
import type { Channel, Means } from '../channel.js';
import type { Message } from '../message.js';

/** As Prometheus does: an alert that is not told again so often is over. */
const REPEATS_MISSED = 4;

/** Prometheus Alertmanager, which groups, routes and silences by itself. */
export function alertmanager(receiver: ReceiverBase & Addressed, { post }: Means): Channel {
  const url = `${receiver.url.replace(/\/+$/, '')}/api/v2/alerts`;
  const mend = "check the receiver's url in the definition: the Alertmanager's, without /api/v2/alerts";
  return { send: (message, signal) => post({ url, body: alertmanagerAlerts(message), mend }, signal) };
}

/**
 * An Alertmanager goes by its own clock: an end that is yet to come, by the clock of readings that was ahead, would
 * leave the alert firing until then. One that ends before it starts would be refused, and the rest with it.
 */
function alertmanagerAlerts({ alerts, externalUrl, at }: Message) {
  const lastsUntil = at + REPEATS_MISSED * ALERTMANAGER_TIMING.repeatMs;
  return alerts.map(({ labels, annotations, startsAt, endsAt }) => ({
    labels,
    annotations,
    startsAt: new Date(Math.min(startsAt, at)).toISOString(),
    endsAt: new Date(endsAt === null ? lastsUntil : Math.min(endsAt, at)).toISOString(),
    ...(externalUrl === '' ? {} : { generatorURL: externalUrl }),
  }));
}
