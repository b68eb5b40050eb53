import { secretVariable } from '../../alerting/receivers.js';
import type { Keyed, ReceiverBase } from '../../definition.js';
import type { Channel, Means } from '../channel.js';
import { groupId, type Message, plainText, shortened, statusOf, titleOf } from '../message.js';

/** PagerDuty's Events API v2: one incident for a group, which ends with the last of its alerts. */
export function pagerduty(receiver: ReceiverBase & Keyed, { secrets, endpoints, post }: Means): Channel {
  const variable = secretVariable('PAGERDUTY_INTEGRATION_KEY', receiver);
  const [key] = secrets.keys(variable);
  const mend = `set ${variable} to the integration key of a PagerDuty service (Events API v2)`;
  return {
    send: (message, signal) =>
      post(
        { url: endpoints.pagerduty, body: { routing_key: key, ...pagerdutyEvent(message) }, mend },
        signal,
      ),
  };
}

function pagerdutyEvent(message: Message) {
  const { severity = 'critical', groupLabels, alerts, externalUrl } = message;
  const dedup_key = groupId(message);
  if (statusOf(message) === 'resolved') return { event_action: 'resolve', dedup_key };
  return {
    event_action: 'trigger',
    dedup_key,
    client: 'Visualizer',
    ...(externalUrl === '' ? {} : { client_url: externalUrl }),
    payload: {
      summary: titleOf(message),
      source: [groupLabels.sensor, groupLabels.env].filter(Boolean).join(' '),
      severity,
      timestamp: new Date(Math.min(...alerts.map(({ startsAt }) => startsAt))).toISOString(),
      custom_details: { alerts: shortened(plainText(message), 10_000) },
    },
  };
}
