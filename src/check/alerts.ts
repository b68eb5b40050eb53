import type { Definition, Receiver } from '../definition.js';
import { type ChannelOptions, openChannel } from '../notify/channel.js';
import { NotSetUp } from '../notify/secrets.js';
import { type Finding, ok, warn } from './finding.js';

/** Who evaluates the alerts, and whether the receivers have what they ask of the environment; nobody is told anything. */
export function checkAlerts(
  { alerts, notify }: Definition,
  { host, environment }: ChannelOptions & { readonly host: string | undefined },
): Finding[] {
  if (alerts.length === 0) return [];
  if (host !== undefined) {
    const text = 'left to Grafana, as the readings go to an InfluxDB; `visualizer grafana` writes its rules';
    return [ok('alerts', text)];
  }
  const findings = notify.flatMap((receiver) => whyNotTold(receiver, { environment }));
  if (findings.length > 0) return findings;
  const told = notify.map(({ name }) => name).join(', ');
  return [
    ok(
      'alerts',
      `evaluated by the run; ${told === '' ? 'shown on its page and in its log' : `told: ${told}`}`,
    ),
  ];
}

function whyNotTold(receiver: Receiver, options: ChannelOptions): Finding[] {
  try {
    openChannel(receiver, options);
    return [];
  } catch (error) {
    if (!(error instanceof NotSetUp)) throw error;
    return [warn('alerts', `${receiver.name} will not be told of any`, error.message)];
  }
}
