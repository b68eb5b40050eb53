import type { Severity } from '../../definition.js';

/** Told apart with every kind of colour vision: https://jfly.uni-koeln.de/color/ */
export const COLOURS = {
  good: '#009E73',
  info: '#56B4E9',
  warning: '#E69F00',
  critical: '#D55E00',
  band: '#999999',
  none: 'transparent',
} as const;

/** For what is drawn side by side in a panel, in this order. */
export const SERIES_COLOURS = [
  '#56B4E9',
  '#CC79A7',
  '#009E73',
  '#0072B2',
  '#E69F00',
  '#D55E00',
  '#F0E442',
  '#999999',
] as const;

export function seriesColour(index: number): string {
  return SERIES_COLOURS[index % SERIES_COLOURS.length] as string;
}

export function severityColour(severity: Severity): string {
  return COLOURS[severity];
}
