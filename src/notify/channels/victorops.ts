import { secretVariable } from '../../alerting/receivers.js';
import type { Keyed, ReceiverBase } from '../../definition.js';
import type { Channel, Means } from '../channel.js';
import { groupId, type Message, plainText, shortened, statusOf, titleOf } from '../message.js';

const STATE_LENGTH = 20_000;

/** The REST endpoint of VictorOps, now Splunk On-Call: one incident for a group. */
export function victorops(receiver: ReceiverBase & Keyed, { secrets, endpoints, post }: Means): Channel {
  const variables = [
    secretVariable('VICTOROPS_API_KEY', receiver),
    secretVariable('VICTOROPS_ROUTING_KEY', receiver),
  ] as const;
  const keys = secrets.keys(...variables);
  const url = `${endpoints.victorops}${keys.map(encodeURIComponent).join('/')}`;
  const mend = `check ${variables.join(' and ')}: the two last parts of the REST endpoint's URL`;
  return { send: (message, signal) => post({ url, body: victoropsAlert(message), mend }, signal) };
}

function victoropsAlert(message: Message) {
  const { severity = 'critical', alerts } = message;
  return {
    message_type: statusOf(message) === 'resolved' ? 'RECOVERY' : severity.toUpperCase(),
    entity_id: groupId(message),
    entity_display_name: titleOf(message),
    state_message: shortened(plainText(message), STATE_LENGTH),
    state_start_time: Math.floor(Math.min(...alerts.map(({ startsAt }) => startsAt)) / 1_000),
    monitoring_tool: 'Visualizer',
  };
}
