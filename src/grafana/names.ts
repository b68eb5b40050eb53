import { createHash } from 'node:crypto';
import type { Definition, Query } from '../definition.js';

/** The names by which the provisioned files refer to each other; they are the same at each generation. */

export const DATA_SOURCE = { type: 'influxdb', uid: 'visualizer-influxdb' } as const;
export const FOLDER = 'Visualizer';

const UID_LENGTH = 40;

/** Grafana takes uids of at most 40 letters, digits, - and _; what does not fit is told apart by a digest. */
export function uidOf(...parts: readonly string[]): string {
  const text = parts.join('-');
  const plain = text.replace(/[^A-Za-z0-9_-]/g, '-');
  if (plain === text && text.length <= UID_LENGTH) return text;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 8);
  return `${plain.slice(0, UID_LENGTH - 9)}-${digest}`;
}

export function dashboardUid({ name }: Definition): string {
  return uidOf('visualizer', name);
}

/** A panel's number, by what it shows, so that moving panels or adding metrics leaves every link intact. */
export function panelId(key: string): number {
  return (createHash('sha256').update(key).digest().readUInt32BE(0) % 2_000_000_000) + 1;
}

/** Which panel shows what an alert's query asks: `cpu_load.level`, `errors`, ... */
export function panelKey(query: Query, { metrics }: Definition): string {
  const { aggregate, of, above, defects } = query;
  if (aggregate === 'errors') return 'errors';
  if (aggregate === 'count' && defects === 'only' && above === undefined) return 'defects';
  const kind = metrics.find(({ name }) => name === of)?.kind;
  const panel = kind === undefined || defects !== 'excluded' ? undefined : KIND_PANELS[kind][aggregate];
  if (panel !== undefined) return `${of}.${panel}`;
  const suffix = [
    ...(above === undefined ? [] : [`above-${above}`]),
    ...(defects === 'excluded' ? [] : [defects]),
  ];
  return [of, aggregate, ...suffix].join('.');
}

/** What the panels of a kind answer, by the question. */
const KIND_PANELS: Record<'gauge' | 'random' | 'counter', Partial<Record<Query['aggregate'], string>>> = {
  gauge: { mean: 'level', min: 'level', max: 'level', last: 'level', spread: 'spread' },
  random: {
    mean: 'points',
    min: 'points',
    max: 'points',
    last: 'points',
    stddev: 'stddev',
    repeats: 'repeats',
  },
  counter: { rate: 'difference', min_difference: 'difference', min: 'value', max: 'value', last: 'value' },
};
