import { describe, expect, it } from 'vitest';
import { type Answer, evaluate, type Instance } from '../../src/alerting/evaluate.js';
import { ruleOf } from '../../src/alerting/rule.js';
import type { Alert, Condition, Definition, Query } from '../../src/definition.js';

const DEFINITION: Definition = {
  name: 'demo',
  measurement: 'sensor',
  separator: 'whitespace',
  metrics: [{ name: 'load', type: 'float', kind: 'gauge' }],
  defect: 'none',
  alerts: [],
  notify: [],
};
const DEV = { env: 'dev' };
const PROD = { env: 'prod' };

function rule(aggregate: Query['aggregate'], condition: Condition, times: Partial<Alert> = {}) {
  const of = aggregate === 'errors' ? 'any' : 'load';
  const query: Query = { aggregate, of, overMs: 60_000, defects: 'excluded' };
  const alert = {
    id: 'a',
    query,
    condition,
    forMs: 0,
    keepFiringMs: 0,
    cooldownMs: 300_000,
    severity: 'info',
    summary: 's',
  } as const;
  return ruleOf({ ...alert, ...times }, DEFINITION);
}

/** The states of each instance after each evaluation, as `dev firing, prod normal`; then all changes. */
function run(asked: ReturnType<typeof rule>, evaluations: readonly (readonly Answer[] | 'failed')[]) {
  let instances: readonly Instance[] = [];
  const changes: string[] = [];
  const states = evaluations.map((answers, index) => {
    const evaluation = evaluate(asked, instances, answers, index * 10_000);
    // As it is kept over a restart.
    instances = JSON.parse(JSON.stringify(evaluation.instances));
    for (const { labels, from, to, at, value } of evaluation.changes) {
      changes.push(`${at / 1_000}s ${labels.env ?? '-'} ${from}->${to} ${value}`);
    }
    return instances.map(({ labels, state }) => `${labels.env ?? '-'} ${state}`).join(', ');
  });
  return { states, changes };
}

const dev = (value: Answer['value']): Answer => ({ labels: DEV, value });
const prod = (value: Answer['value']): Answer => ({ labels: PROD, value });

describe('an evaluation', () => {
  it('has an instance for each combination of labels, and tells the changes of each', () => {
    const { states, changes } = run(rule('mean', { above: 7 }), [
      [dev(8), prod(1)],
      [dev(1), prod(9n)],
    ]);
    expect(states).toEqual(['dev firing, prod normal', 'dev normal, prod firing']);
    expect(changes).toEqual([
      '0s dev normal->firing 8',
      '10s dev firing->normal 1',
      '10s prod normal->firing 9',
    ]);
  });

  it('of labels in another order is of the same instance', () => {
    const asked = rule('errors', { above: 0 });
    const one = evaluate(asked, [], [{ labels: { env: 'dev', kind: 'x' }, value: 1 }], 0);
    const two = evaluate(asked, one.instances, [{ labels: { kind: 'x', env: 'dev' }, value: 1 }], 10_000);
    expect(two.instances).toHaveLength(1);
    expect(two.changes).toEqual([]);
  });

  it('without an answer ends what fires, through its recovery, but for the rule that fires on nothing', () => {
    expect(run(rule('mean', { above: 7 }), [[dev(8)], []]).states).toEqual(['dev firing', 'dev normal']);
    expect(run(rule('count', { above: 7 }), [[dev(8)], []]).states).toEqual(['dev firing', 'dev normal']);
    const kept = rule('mean', { above: 7 }, { keepFiringMs: 10_000 });
    expect(run(kept, [[dev(8)], [], []]).states).toEqual(['dev firing', 'dev recovering', 'dev normal']);
    expect(run(rule('count', { below: 1 }), [[dev(8)], []]).states).toEqual(['dev normal', 'dev firing']);
  });

  it('of a rule that fires on nothing needs no instance, and waits for its time', () => {
    const asked = rule('count', { below: 1 }, { forMs: 10_000 });
    const { states, changes } = run(asked, [[], [], [dev(60)], [dev(60)], [dev(60)]]);
    expect(states).toEqual(['- pending', '- firing', '- firing, dev normal', 'dev normal', 'dev normal']);
    expect(changes).toEqual([
      '0s - normal->pending null',
      '10s - pending->firing null',
      '30s - firing->normal null',
    ]);
  });

  it.each<[string, ReturnType<typeof rule>, boolean]>([
    ['a count below 1', rule('count', { below: 1 }), true],
    ['a count equal to 0', rule('count', { equals: 0 }), true],
    ['a count outside 1 to 9', rule('count', { outside: [1, 9] }), true],
    ['repeats below 1', rule('repeats', { below: 1 }), true],
    ['errors below 1', rule('errors', { below: 1 }), true],
    ['a count above 0', rule('count', { above: 0 }), false],
    ['a mean below 1', rule('mean', { below: 1 }), false],
    ['a rate equal to 0', rule('rate', { equals: 0 }), false],
  ])('%s: whether it fires on nothing', (_, { firesOnNothing }, expected) => {
    expect(firesOnNothing).toBe(expected);
  });

  it('of an unknown value is as if there were none', () => {
    expect(run(rule('stddev', { below: 7 }), [[dev(1)], [dev(null)]]).states).toEqual([
      'dev firing',
      'dev normal',
    ]);
  });

  it('forgets who is missing while others answer, after two evaluations', () => {
    const { states, changes } = run(rule('mean', { above: 7 }), [[dev(8), prod(1)], [prod(1)], [prod(1)]]);
    expect(states).toEqual(['dev firing, prod normal', 'dev firing, prod normal', 'prod normal']);
    expect(changes.at(-1)).toBe('20s dev firing->normal null');
  });

  it('takes back who was missing once', () => {
    const { states } = run(rule('mean', { above: 7 }), [[dev(8), prod(1)], [prod(1)], [dev(8), prod(1)]]);
    expect(states.at(-1)).toBe('dev firing, prod normal');
  });

  it('that failed leaves everything, and has the rule that fires on nothing tell', () => {
    expect(run(rule('mean', { above: 7 }), [[dev(8)], 'failed', 'failed', [dev(8)]])).toEqual({
      states: ['dev firing', 'dev firing', 'dev firing', 'dev firing'],
      changes: ['0s dev normal->firing 8'],
    });
    expect(run(rule('mean', { above: 7 }), ['failed']).states).toEqual(['']);
    const asked = rule('count', { below: 1 }, { forMs: 10_000 });
    expect(run(asked, [[dev(8)], 'failed', 'failed', [dev(8)]]).states).toEqual([
      'dev normal',
      'dev pending',
      'dev firing',
      'dev normal',
    ]);
  });
});
