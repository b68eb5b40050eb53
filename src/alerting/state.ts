import type { Alert } from '../definition.js';

/** `recovering`: the condition has ended, but the alert goes on firing for a while, so that it does not flap. */
export const STATES = ['normal', 'pending', 'firing', 'recovering'] as const;
export type State = (typeof STATES)[number];

/** Where an instance of an alert stands, and since when. */
export interface Standing {
  readonly state: State;
  /** In ms. */
  readonly since: number;
}

type Times = Pick<Alert, 'forMs' | 'keepFiringMs'>;

/**
 * The step that an evaluation makes, as Grafana makes it (`pkg/services/ngalert/state/state.go`): times count from
 * one evaluation to another, and an evaluation makes one step, so that an alert with `for` is pending at least once.
 */
export function step(standing: Standing, met: boolean, at: number, times: Times): Standing {
  const state = met ? whenMet(standing, at, times) : whenNotMet(standing, at, times);
  return state === standing.state ? standing : { state, since: at };
}

/** The step of an evaluation that failed: nothing ends or begins by it, but the times go on. */
export function stepBlind(standing: Standing, at: number, times: Times): Standing {
  return step(standing, standing.state === 'firing' || standing.state === 'pending', at, times);
}

export function isFiring({ state }: Pick<Standing, 'state'>): boolean {
  return state === 'firing' || state === 'recovering';
}

function whenMet({ state, since }: Standing, at: number, { forMs }: Times): State {
  if (isFiring({ state })) return 'firing';
  const held = state === 'pending' ? at - since >= forMs : forMs === 0;
  return held ? 'firing' : 'pending';
}

function whenNotMet({ state, since }: Standing, at: number, { keepFiringMs }: Times): State {
  if (state === 'firing' && keepFiringMs > 0) return 'recovering';
  return state === 'recovering' && at - since < keepFiringMs ? 'recovering' : 'normal';
}
