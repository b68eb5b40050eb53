import { ENDPOINTS, type Secret, secretVariable } from '../alerting/receivers.js';
import { PEOPLE_TIMING } from '../alerting/timing.js';
import type { Definition, Receiver, Severity } from '../definition.js';
import { formatDuration } from '../quantity.js';
import { uidOf } from './names.js';

/**
 * Who is told of alerts, as Grafana's provisioning files: the runner's own hook always, and whom the definition's
 * `notify` names. Secrets are `${VARIABLES}` of Grafana's environment.
 *
 * Grafana does not start with a required secret that is unset, nor with one that looks like a number, since it reads
 * `"123"` as 123. Text around the variable spares it both: a URL's fixed part, or a blank behind what is sent in an
 * HTTP header, from where Go's net/http takes it off. A PagerDuty key is sent in the body and has to stand alone.
 */
export interface ContactPointsFile {
  readonly apiVersion: 1;
  readonly contactPoints: readonly ContactPoint[];
}

export interface ContactPoint {
  readonly orgId: 1;
  readonly name: string;
  readonly receivers: readonly {
    readonly uid: string;
    readonly type: string;
    readonly settings: Readonly<Record<string, unknown>>;
  }[];
}

export interface PoliciesFile {
  readonly apiVersion: 1;
  readonly policies: readonly Policy[];
}

export interface Policy extends Route {
  readonly orgId: 1;
  readonly routes: readonly Route[];
}

export interface Route {
  readonly receiver: string;
  readonly object_matchers?: readonly (readonly [label: string, operator: '=', value: string])[];
  /** Whether the routes after it are looked at as well. */
  readonly continue?: true;
  readonly group_by: readonly string[];
  readonly group_wait: string;
  readonly group_interval: string;
  readonly repeat_interval: string;
}

export interface HookOptions {
  /** Where the runner takes alerts. */
  readonly hookUrl?: string;
}

const HOOK_URL = 'http://sensor-runner:8087/hooks/alerts';

export function contactPointsOf(
  definition: Definition,
  { hookUrl = HOOK_URL }: HookOptions = {},
): ContactPointsFile {
  const hook = contactPoint(hookName(definition), uidOf(definition.name, 'hook'), 'webhook', {
    url: interpolated(hookUrl),
    ...bearer('HOOK_TOKEN'),
  });
  const receivers = definition.notify.flatMap((receiver) => {
    const settings = settingsOf(receiver);
    if (settings === undefined) return [];
    const uid = uidOf(definition.name, 'notify', receiver.name);
    return [contactPoint(receiverName(receiver, definition), uid, receiver.type, settings)];
  });
  return { apiVersion: 1, contactPoints: [hook, ...receivers] };
}

/**
 * Grafana has one tree of policies. Every route goes on to the next, so each receiver gets all that it is to be told
 * of; what no route takes, alerts of others, goes to the hook as well, which acts upon none it does not know.
 */
export function policiesOf(definition: Definition): PoliciesFile {
  const hook = { receiver: hookName(definition), ...HOOK_TIMING };
  const ofSensor = ['sensor', '=', definition.name] as const;
  const routes = toldByGrafana(definition).flatMap((receiver) =>
    receiver.severities.map((severity): Route => {
      const matchers = [ofSensor, ['severity', '=', severity]] as const;
      const name = receiverName(receiver, definition);
      return { receiver: name, object_matchers: matchers, continue: true, ...peopleTiming(severity) };
    }),
  );
  const hookRoute: Route = { ...hook, object_matchers: [ofSensor], continue: true };
  return { apiVersion: 1, policies: [{ orgId: 1, ...hook, routes: [hookRoute, ...routes] }] };
}

type Timing = Pick<Route, 'group_by' | 'group_wait' | 'group_interval' | 'repeat_interval'>;

/** The hook acts: each alert on its own (`...`), and at once. */
const HOOK_TIMING = {
  group_by: ['...'],
  group_wait: '0s',
  group_interval: '10s',
  repeat_interval: '1h',
} as const satisfies Timing;

function peopleTiming(severity: Severity): Timing {
  const { waitMs, intervalMs, repeatMs } = PEOPLE_TIMING[severity];
  return {
    group_by: ['sensor', 'env'],
    group_wait: formatDuration(waitMs),
    group_interval: formatDuration(intervalMs),
    repeat_interval: formatDuration(repeatMs),
  };
}

type Settings = Readonly<Record<string, unknown>>;

/** Undefined where Grafana does not tell such a receiver. */
function settingsOf(receiver: Receiver): Settings | undefined {
  switch (receiver.type) {
    case 'email':
      return { addresses: interpolated(receiver.to.join(';')) };
    case 'webhook':
      return { url: interpolated(receiver.url), ...bearer(secretVariable('WEBHOOK_TOKEN', receiver)) };
    case 'slack':
      return { url: `${ENDPOINTS.slack}${secret('SLACK_WEBHOOK', receiver)}` };
    case 'pagerduty': {
      const severity = '{{ .CommonLabels.severity }}';
      return { integrationKey: secret('PAGERDUTY_INTEGRATION_KEY', receiver), severity };
    }
    case 'opsgenie':
      return { apiKey: `${secret('OPSGENIE_API_KEY', receiver)} ` };
    case 'victorops': {
      const keys = [secret('VICTOROPS_API_KEY', receiver), secret('VICTOROPS_ROUTING_KEY', receiver)];
      return { url: `${ENDPOINTS.victorops}${keys.join('/')}` };
    }
    case 'alertmanager':
      return undefined;
  }
}

function bearer(variable: string): Settings {
  return { authorization_scheme: 'Bearer', authorization_credentials: `\${${variable}} ` };
}

function secret(name: Secret, receiver: Receiver): string {
  return `\${${secretVariable(name, receiver)}}`;
}

/** Grafana reads a single `$` as the begin of a variable. */
function interpolated(text: string): string {
  return text.replaceAll('$', '$$$$');
}

function contactPoint(name: string, uid: string, type: string, settings: Settings): ContactPoint {
  return { orgId: 1, name, receivers: [{ uid, type, settings }] };
}

function toldByGrafana({ notify }: Definition): Receiver[] {
  return notify.filter((receiver) => settingsOf(receiver) !== undefined);
}

function receiverName({ name }: Receiver, definition: Definition): string {
  return `${name} (${definition.name})`;
}

/** No receiver's name holds a blank. */
function hookName(definition: Definition): string {
  return `Visualizer runner (${definition.name})`;
}
