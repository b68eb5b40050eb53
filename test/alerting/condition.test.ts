import { describe, expect, it } from 'vitest';
import { meets } from '../../src/alerting/condition.js';
import { secretVariables } from '../../src/alerting/receivers.js';
import { ruleOf } from '../../src/alerting/rule.js';
import { conditionText, queryText } from '../../src/alerting/texts.js';
import type { Condition, Definition, Query } from '../../src/definition.js';

describe('a condition', () => {
  it.each<[string, Condition, number[], number[]]>([
    ['above 7 cores', { above: 7 }, [7.000001, 1e300], [7, 6, -8, Number.NaN]],
    ['below 0 cores', { below: 0 }, [-0.000001], [0, -0, 1, Number.NaN]],
    ['equal to 0 cores', { equals: 0 }, [0, -0], [1e-300, -1, Number.NaN]],
    ['outside 1 to 3 cores', { outside: [1, 3] }, [0.999999, 3.000001], [1, 2, 3, Number.NaN]],
  ])('%s', (text, condition, met, unmet) => {
    expect(met.filter((value) => !meets(condition, value))).toEqual([]);
    expect(unmet.filter((value) => meets(condition, value))).toEqual([]);
    expect(conditionText(condition, 'cores')).toBe(text);
  });
});

it('a query is told in words', () => {
  const query: Query = { aggregate: 'mean', of: 'load', overMs: 60_000, defects: 'excluded' };
  expect(queryText(query)).toBe('Mean of load over 1m');
  expect(queryText({ ...query, aggregate: 'count', above: 12 })).toBe('Values of load above 12 over 1m');
  expect(queryText({ ...query, aggregate: 'count', defects: 'only' })).toBe(
    'Values of load in defect lines over 1m',
  );
  expect(queryText({ ...query, aggregate: 'errors', of: 'any' })).toBe('Errors of any kind over 1m');
});

it('a window is rounded up to whole seconds, since Grafana knows no others', () => {
  const definition = { metrics: [{ name: 'load', type: 'float', kind: 'gauge' }] } as unknown as Definition;
  const query: Query = { aggregate: 'mean', of: 'load', overMs: 1_500, defects: 'excluded' };
  const alert = {
    id: 'a',
    query,
    condition: { above: 1 },
    forMs: 0,
    keepFiringMs: 0,
    cooldownMs: 300_000,
  } as const;
  expect(ruleOf({ ...alert, severity: 'info', summary: 's' }, definition).windowMs).toBe(2_000);
});

it('a receiver with a name of its own has secrets of its own', () => {
  const severities = ['critical'] as const;
  expect(secretVariables({ type: 'slack', name: 'slack', severities })).toEqual(['SLACK_WEBHOOK']);
  expect(secretVariables({ type: 'victorops', name: 'on-call.2', severities })).toEqual([
    'VICTOROPS_API_KEY_ON_CALL_2',
    'VICTOROPS_ROUTING_KEY_ON_CALL_2',
  ]);
});
