import { type Labels, sortedLabels } from '../alerting/labels.js';
import { descriptionOf, titleOf } from '../alerting/texts.js';
import type { Alert, Definition } from '../definition.js';

/** An alert began or ended for one combination of labels. */
export interface Notice {
  readonly alert: Alert;
  readonly labels: Labels;
  readonly state: 'firing' | 'resolved';
  /** Since when it has been in that state, in ms. */
  readonly since: number;
  /** What the alert's query answered; null without data. */
  readonly value: number | null;
}

/** What is told of an instance of an alert. Plain data: it is kept over a restart. */
export interface Told {
  /** The alert's id. */
  readonly alert: string;
  readonly labels: Labels;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: number;
  /** Null while it fires. */
  readonly endsAt: number | null;
  readonly value: number | null;
}

/** An instance's identity among all of its sensor; two of an alert may differ in having an env of their own. */
export function keyOf({ alert, labels }: Pick<Notice, 'alert' | 'labels'>, env: string | undefined): string {
  return JSON.stringify([alert.id, sortedLabels(labels), labels.env ?? env ?? null]);
}

/** The labels and texts that `grafana/alerts.ts` gives to the same alert. `env`: where its labels have none. */
export function describe(
  { alert, labels, value }: Notice,
  definition: Definition,
  env: string | undefined,
): Pick<Told, 'labels' | 'annotations'> {
  const [before, after] = descriptionOf(alert, definition);
  const found = value === null ? 'no data' : numberText(value);
  return {
    labels: {
      ...(env === undefined ? {} : { env }),
      ...labels,
      alertname: titleOf(alert, definition),
      alert: alert.id,
      severity: alert.severity,
      sensor: definition.name,
    },
    annotations: { summary: alert.summary, description: `${before}${found}${after}` },
  };
}

/** Four digits, or all those before the point. */
function numberText(value: number): string {
  return Math.abs(value) < 1_000 ? String(Number(value.toPrecision(4))) : value.toFixed(0);
}
