import { describe, expect, it } from 'vitest';
import { type Standing, type State, step, stepBlind } from '../../src/alerting/state.js';

/** A column for each evaluation, 10 s apart: `1` met, `0` not met, `?` could not be asked; and the states then. */
const CASES: [name: string, forMs: number, keepFiringMs: number, met: string, states: string][] = [
  ['without for it fires and ends at once', 0, 0, '0110', 'nffn'],
  ['it is pending until the condition has held for all of the time', 20_000, 0, '01111', 'nppff'],
  ['a break starts the time again', 20_000, 0, '0110111', 'nppnppf'],
  ['a `for` that is no multiple of the interval is rounded up', 15_000, 0, '1111', 'ppff'],
  ['for shorter than the interval: one more evaluation', 1_000, 0, '11', 'pf'],
  ['what kept its pending state short never fired, and does not recover', 20_000, 30_000, '0110', 'nppn'],
  ['it recovers for a while', 0, 20_000, '10000', 'frrnn'],
  ['a relapse while recovering fires at once, without for', 20_000, 20_000, '111001', 'ppfrrf'],
  ['a relapse starts the recovery again', 0, 20_000, '1001000', 'frrfrrn'],
  ['after the recovery it is pending again', 10_000, 10_000, '1100011', 'pfrnnpf'],
  ['a failed evaluation neither begins ...', 0, 0, '0??1', 'nnnf'],
  ['... nor ends anything', 0, 0, '1??0', 'fffn'],
  ['but the times go on: pending becomes firing', 20_000, 0, '1???', 'ppff'],
  ['and a recovery ends', 0, 20_000, '10??', 'frrn'],
];
const STATES: Record<string, State> = { n: 'normal', p: 'pending', f: 'firing', r: 'recovering' };

describe('the states of an alert', () => {
  it.each(CASES)('%s', (_, forMs, keepFiringMs, met, states) => {
    let standing: Standing = { state: 'normal', since: 0 };
    const seen = [...met].map((answer, index) => {
      const at = 1_000_000 + index * 10_000;
      const times = { forMs, keepFiringMs };
      standing = answer === '?' ? stepBlind(standing, at, times) : step(standing, answer === '1', at, times);
      return standing.state;
    });
    expect(seen).toEqual([...states].map((letter) => STATES[letter]));
  });

  it('since tells when the state began, not when it was last seen', () => {
    const times = { forMs: 10_000, keepFiringMs: 10_000 };
    let standing: Standing = { state: 'normal', since: 5 };
    const since = [false, true, true, true, false, false, false].map((met, index) => {
      standing = step(standing, met, index * 10_000, times);
      return [standing.state, standing.since];
    });
    expect(since).toEqual([
      ['normal', 5],
      ['pending', 10_000],
      ['firing', 20_000],
      ['firing', 20_000],
      ['recovering', 40_000],
      ['normal', 50_000],
      ['normal', 50_000],
    ]);
  });
});
