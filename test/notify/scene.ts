import { pino } from 'pino';
import type { Alert, Definition, Receiver, Severity } from '../../src/definition.js';
import type { Notice } from '../../src/notify/notice.js';
import { Notifications, type NotificationsOptions } from '../../src/notify/notifications.js';
import { ManualClock } from './manual-clock.js';

const ALL = ['info', 'warning', 'critical'] as const;

export function alert(id: string, severity: Severity = 'critical'): Alert {
  return {
    id,
    severity,
    query: { aggregate: 'mean', of: 'cpu_load', overMs: 60_000, defects: 'excluded' },
    condition: { above: 7 },
    forMs: 60_000,
    keepFiringMs: 0,
    cooldownMs: 300_000,
    summary: `${id} is too high`,
  };
}

export const HIGH = alert('load-high');
export const WIDE = alert('load-wide');
export const SLOW = alert('slow', 'warning');

export const DEFINITION: Definition = {
  name: 'demo',
  measurement: 'sensor',
  separator: 'whitespace',
  metrics: [{ name: 'cpu_load', type: 'float', kind: 'gauge', unit: 'cores' }],
  defect: 'none',
  alerts: [HIGH, WIDE, SLOW],
  notify: [],
};

export function webhookTo(url: string, name = 'webhook', severities: readonly Severity[] = ALL): Receiver {
  return { type: 'webhook', name, severities, url };
}

export function keyed(type: 'slack' | 'pagerduty' | 'opsgenie' | 'victorops', name: string = type): Receiver {
  return { type, name, severities: ALL };
}

/** Notifications with a clock, whose log and notices a test can look at. */
export async function openScene(options: Partial<NotificationsOptions> & { clock?: ManualClock }) {
  const clock = options.clock ?? new ManualClock();
  const log: Record<string, unknown>[] = [];
  const logger = pino({ base: null, level: 'trace' }, { write: (line) => log.push(JSON.parse(line)) });
  const notifications = await Notifications.open({
    definition: DEFINITION,
    environment: {},
    log: logger,
    env: 'lab',
    ...options,
    clock,
  });
  const notice = (state: Notice['state'], of: Alert, labels: Record<string, string> = {}): Notice => ({
    alert: of,
    labels: { env: 'lab', ...labels },
    state,
    since: clock.now(),
    value: 7.34812,
  });
  return {
    clock,
    log,
    notifications,
    notice,
    /** Now, for the alert of the env `lab`. */
    fire: (of: Alert, labels?: Record<string, string>) => notifications.take([notice('firing', of, labels)]),
    end: (of: Alert, labels?: Record<string, string>) => notifications.take([notice('resolved', of, labels)]),
    said: (level: number) => log.filter((line) => line.level === level).map(({ msg }) => msg),
  };
}

export type Scene = Awaited<ReturnType<typeof openScene>>;
export const WARN = 40;
export const ERROR = 50;
