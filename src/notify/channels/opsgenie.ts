import { secretVariable } from '../../alerting/receivers.js';
import type { Keyed, ReceiverBase, Severity } from '../../definition.js';
import type { Channel, Means } from '../channel.js';
import { groupId, type Message, plainText, shortened, statusOf, titleOf } from '../message.js';

const PRIORITIES: Record<Severity, string> = { critical: 'P1', warning: 'P3', info: 'P5' };
/** Opsgenie's own limits. */
const MESSAGE_LENGTH = 130;
const DESCRIPTION_LENGTH = 15_000;

/** Opsgenie's Alert API: one alert for a group, known by its alias, which ends with the last of the group's. */
export function opsgenie(receiver: ReceiverBase & Keyed, { secrets, endpoints, post }: Means): Channel {
  const variable = secretVariable('OPSGENIE_API_KEY', receiver);
  const [key] = secrets.keys(variable);
  const headers = { authorization: `GenieKey ${key}` };
  const mend = `set ${variable} to the key of an Opsgenie integration (API) that may create alerts`;
  return {
    send(message, signal) {
      const closes = statusOf(message) === 'resolved';
      const path = closes ? `/${groupId(message)}/close?identifierType=alias` : '';
      const body = closes ? { source: 'Visualizer', note: titleOf(message) } : opsgenieAlert(message);
      return post({ url: `${endpoints.opsgenie}${path}`, headers, body, mend }, signal);
    },
  };
}

function opsgenieAlert(message: Message) {
  const { severity = 'critical', groupLabels } = message;
  return {
    message: shortened(titleOf(message), MESSAGE_LENGTH),
    alias: groupId(message),
    description: shortened(plainText(message), DESCRIPTION_LENGTH),
    priority: PRIORITIES[severity],
    source: 'Visualizer',
    entity: groupLabels.sensor,
    details: { ...groupLabels, severity },
  };
}
