/** What one has to know of a receiver to tell it of alerts, be it Grafana or the run itself that does. */
import type { Receiver } from '../definition.js';

/** Where the services are that have one address for all. */
export interface Endpoints {
  /** What SLACK_WEBHOOK follows. */
  readonly slack: string;
  readonly pagerduty: string;
  readonly opsgenie: string;
  /** What the API key and the routing key follow. */
  readonly victorops: string;
}

export const ENDPOINTS: Endpoints = {
  slack: 'https://hooks.slack.com/services/',
  pagerduty: 'https://events.pagerduty.com/v2/enqueue',
  opsgenie: 'https://api.opsgenie.com/v2/alerts',
  victorops: 'https://alert.victorops.com/integrations/generic/20131114/alert/',
};

/** What the environment must give for each type of receiver. Only what follows a URL's fixed part is secret. */
const SECRETS = {
  webhook: ['WEBHOOK_TOKEN'],
  slack: ['SLACK_WEBHOOK'],
  pagerduty: ['PAGERDUTY_INTEGRATION_KEY'],
  opsgenie: ['OPSGENIE_API_KEY'],
  victorops: ['VICTOROPS_API_KEY', 'VICTOROPS_ROUTING_KEY'],
  alertmanager: [],
  email: [],
} as const satisfies Record<Receiver['type'], readonly string[]>;

export type Secret = (typeof SECRETS)[keyof typeof SECRETS][number];

/** A receiver with a name of its own has variables of its own: those of the slack receiver `ops` end in `_OPS`. */
export function secretVariable(secret: Secret, { name, type }: Receiver): string {
  if (name === type) return secret;
  return `${secret}_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
}

/** All that a receiver needs. */
export function secretVariables(receiver: Receiver): string[] {
  return SECRETS[receiver.type].map((secret) => secretVariable(secret, receiver));
}
