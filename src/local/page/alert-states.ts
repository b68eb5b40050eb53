/** When which alert was not normal, from its changes of state. */
import type { AlertChange, AlertState, Alerts } from '../api.js';
import type { Span } from './view.js';

export type Active = Exclude<AlertState, 'normal'>;

export interface Stretch extends Span {
  readonly alert: string;
  readonly state: Active;
}

/** From the mildest to the worst, which is drawn over the others. */
const ACTIVE: readonly Active[] = ['pending', 'recovering', 'firing'];

/** A shape and a word for each, so that none is told by its colour alone. */
export const STATES: Readonly<Record<AlertState, { readonly shape: string; readonly rank: number }>> = {
  firing: { shape: '▲', rank: 0 },
  recovering: { shape: '▽', rank: 1 },
  pending: { shape: '◆', rank: 2 },
  normal: { shape: '✓', rank: 3 },
};

/** The last change of each instance holds until then. */
export function stretchesOf(
  { changes }: Pick<Alerts, 'changes'>,
  { from, to }: Span,
  evaluatedUntil: number,
): Stretch[] {
  const stretches: Stretch[] = [];
  const open = new Map<string, AlertChange>();
  const close = (key: string, until: number) => {
    const begun = open.get(key);
    const stretch = begun && { alert: begun.alert, from: Math.max(from, begun.at), to: Math.min(to, until) };
    if (stretch && begun.to !== 'normal' && stretch.from < stretch.to) {
      stretches.push({ ...stretch, state: begun.to });
    }
  };
  for (const change of changes) {
    const key = `${change.alert} ${JSON.stringify(Object.entries(change.labels).sort())}`;
    close(key, change.at);
    open.set(key, change);
  }
  for (const key of open.keys()) close(key, evaluatedUntil);
  return stretches.sort((one, other) => ACTIVE.indexOf(one.state) - ACTIVE.indexOf(other.state));
}

/** The worst at a time. */
export function stateAt(stretches: readonly Stretch[], time: number): Stretch | undefined {
  return stretches.findLast(({ from, to }) => from <= time && time < to);
}
