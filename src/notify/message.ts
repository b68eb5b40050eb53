import { createHash } from 'node:crypto';
import { type Labels, sortedLabels } from '../alerting/labels.js';
import type { Severity } from '../definition.js';
import { formatDuration } from '../quantity.js';
import type { Told } from './notice.js';

/** What a receiver is told at once. */
export interface Message {
  /** The receiver's name. */
  readonly receiver: string;
  /** The same for all messages about the same group. */
  readonly groupKey: string;
  readonly groupLabels: Labels;
  /** Of all its alerts; absent where a receiver is told of all severities together. */
  readonly severity?: Severity | undefined;
  /** At least one; those that fire first. */
  readonly alerts: readonly Told[];
  /** Where people see more; empty for nowhere. */
  readonly externalUrl: string;
  /** When it is sent, in ms. */
  readonly at: number;
}

/** A group fires as long as one of its alerts does. */
export function statusOf({ alerts }: Pick<Message, 'alerts'>): 'firing' | 'resolved' {
  return alerts.some(isFiring) ? 'firing' : 'resolved';
}

export function isFiring({ endsAt }: Told): boolean {
  return endsAt === null;
}

/** A name for the group where a receiver limits its length. */
export function groupId({ receiver, groupKey }: Message): string {
  return `visualizer-${digest(`${receiver} ${groupKey}`)}`;
}

/** As an Alertmanager tells alerts apart, by their labels. */
export function fingerprint({ labels }: Told): string {
  return digest(JSON.stringify(sortedLabels(labels)));
}

/** `[FIRING:1, RESOLVED:1] demo dev critical: cpu-load-overload, no-data`, in one line. */
export function titleOf(message: Message): string {
  const { alerts, groupLabels, severity } = message;
  const firing = alerts.filter(isFiring).length;
  const resolved = alerts.length - firing;
  const counts = [
    ...(firing > 0 ? [`FIRING:${firing}`] : []),
    ...(resolved > 0 ? [firing > 0 ? `RESOLVED:${resolved}` : 'RESOLVED'] : []),
  ];
  const group = [groupLabels.sensor, groupLabels.env, severity].filter((part) => part !== undefined);
  const [first] = alerts;
  const subject =
    alerts.length === 1
      ? first?.annotations.summary
      : [...new Set(alerts.map(({ alert }) => alert))].join(', ');
  return shortened(`[${counts.join(', ')}] ${group.join(' ')}: ${subject}`.replace(/\s+/g, ' '), 250);
}

/** So many alerts are told to people in one message; the rest is counted. */
const ALERTS_TOLD = 20;

export interface Paragraph {
  readonly firing: boolean;
  readonly heading: string;
  readonly lines: readonly string[];
}

/** What a message says to people: a paragraph for each alert. */
export function paragraphsOf({ alerts }: Message): Paragraph[] {
  const paragraphs = alerts.slice(0, ALERTS_TOLD).map((alert): Paragraph => {
    const { annotations, labels } = alert;
    const state = isFiring(alert) ? 'Firing' : 'Resolved';
    return {
      firing: isFiring(alert),
      heading: `${state}: ${annotations.summary}`,
      lines: [
        ...(annotations.description ?? '').split('\n'),
        `${labels.alert}, ${labels.severity}, ${timeText(alert)}`,
        Object.entries(labels)
          .filter(([name]) => !['alert', 'alertname', 'severity'].includes(name))
          .map(([name, value]) => `${name}=${value}`)
          .join(' '),
      ],
    };
  });
  const rest = alerts.slice(ALERTS_TOLD);
  if (rest.length === 0) return paragraphs;
  const heading = `... and ${rest.length} more alerts`;
  return [...paragraphs, { firing: rest.some(isFiring), heading, lines: [] }];
}

export function plainText(message: Message): string {
  const paragraphs = paragraphsOf(message).map(({ heading, lines }) => [heading, ...lines].join('\n'));
  return [...paragraphs, ...(message.externalUrl === '' ? [] : [message.externalUrl])].join('\n\n');
}

export function shortened(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

function timeText({ startsAt, endsAt }: Told): string {
  if (endsAt === null) return `since ${dateText(startsAt)}`;
  const lasted = formatDuration(Math.round((endsAt - startsAt) / 1_000) * 1_000);
  return `from ${dateText(startsAt)} to ${dateText(endsAt)} (${lasted})`;
}

function dateText(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
