import type { Labels } from '../../alerting/labels.js';
import { secretVariable } from '../../alerting/receivers.js';
import type { Addressed, ReceiverBase } from '../../definition.js';
import type { Channel, Means } from '../channel.js';
import { fingerprint, isFiring, type Message, plainText, statusOf, titleOf } from '../message.js';
import type { Told } from '../notice.js';

/** More are counted in `truncatedAlerts`. */
const ALERTS_SENT = 500;
/** How Go writes that there is no time. */
const NO_TIME = '0001-01-01T00:00:00Z';

/** A POST of JSON as Grafana's webhook contact point and Alertmanager's webhook receiver send it. */
export function webhook(receiver: ReceiverBase & Addressed, { secrets, post }: Means): Channel {
  const variable = secretVariable('WEBHOOK_TOKEN', receiver);
  const token = secrets.key(variable);
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const mend = `check the receiver's url in the definition, and ${variable}`;
  return {
    send: (message, signal) => post({ url: receiver.url, headers, body: webhookBody(message), mend }, signal),
  };
}

/** Alertmanager's fields, and those that Grafana adds to them. */
function webhookBody(message: Message) {
  const { receiver, groupKey, groupLabels, externalUrl } = message;
  const alerts = message.alerts.slice(0, ALERTS_SENT);
  return {
    receiver,
    status: statusOf(message),
    alerts: alerts.map((alert) => alertBody(alert, externalUrl)),
    groupLabels,
    commonLabels: common(alerts.map(({ labels }) => labels)),
    commonAnnotations: common(alerts.map(({ annotations }) => annotations)),
    externalURL: externalUrl,
    version: '1',
    groupKey,
    truncatedAlerts: message.alerts.length - alerts.length,
    title: titleOf(message),
    state: statusOf(message) === 'firing' ? 'alerting' : 'ok',
    message: plainText(message),
  };
}

function alertBody(alert: Told, externalUrl: string) {
  const { labels, annotations, startsAt, endsAt, value } = alert;
  return {
    status: isFiring(alert) ? 'firing' : 'resolved',
    labels,
    annotations,
    startsAt: new Date(startsAt).toISOString(),
    endsAt: endsAt === null ? NO_TIME : new Date(endsAt).toISOString(),
    generatorURL: externalUrl,
    fingerprint: fingerprint(alert),
    // B is what the value is called in the rules that Grafana gets.
    values: value === null ? null : { B: value },
    valueString: value === null ? '' : `[ var='B' labels={${labelsText(labels)}} value=${value} ]`,
  };
}

/** Those that all of them have. */
function common(all: readonly Labels[]): Labels {
  const [first = {}, ...others] = all;
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => others.every((labels) => labels[name] === value)),
  );
}

function labelsText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}
