import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { errorKinds } from '../src/definition.js';
import { parseDefinition, readDefinition } from '../src/definition-file.js';
import { VisualizerError } from '../src/errors.js';

const BUNDLED = fileURLToPath(new URL('../sensor_runner/sensor.yaml', import.meta.url));

/** A sound definition, to be broken by a test in one place. */
const SOUND = `
name: test
measurement: sensor
metrics:
  - { name: load, type: float, kind: gauge }
  - { name: value, type: integer, kind: random, range: [0, 10] }
alerts:
  - id: load-high
    query: { mean: load, over: 1m }
    above: 7
    severity: warning
    summary: "too high"
`;

/** Each of ten lists holds the one before nine times. */
function bomb(): string {
  const names = 'abcdefghijk';
  const lists = Array.from({ length: 10 }, (_, index) => {
    return `${names[index + 1]}${index}: &${names[index + 1]} [${`*${names[index]},`.repeat(9)}]`;
  });
  return `${lists.join('\n')}\n`;
}

function mistakesIn(text: string): string[] {
  try {
    parseDefinition(text, 'sensor.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(VisualizerError);
    expect((error as VisualizerError).exitCode).toBe(78);
    const [, ...lines] = (error as VisualizerError).message.split('\n');
    return lines.map((line) => line.trim());
  }
  return [];
}

/** SOUND with one text replaced by another. */
function broken(text: string, replacement: string): string {
  expect(SOUND).toContain(text);
  return SOUND.replace(text, replacement);
}

describe('the bundled definition', () => {
  const definition = readDefinition(BUNDLED);

  it('names the three values in the order of the columns', () => {
    expect(definition.metrics.map(({ name, type, kind }) => [name, type, kind])).toEqual([
      ['cpu_load', 'float', 'gauge'],
      ['random_value', 'integer', 'random'],
      ['counter', 'integer', 'counter'],
    ]);
    expect(definition).toMatchObject({ name: 'demo', measurement: 'sensor', defect: 'all-zero' });
  });

  it('has the alerts of the list', () => {
    expect(definition.alerts.map(({ id }) => id)).toEqual([
      'cpu-load-high',
      'cpu-load-low',
      'cpu-load-spread-wide',
      'cpu-load-spread-zero',
      'cpu-load-overload',
      'random-value-repeats',
      'random-value-narrow',
      'counter-rate',
      'counter-decreasing',
      'defects',
      'errors',
      'connectivity-errors',
      'batch-sending-errors',
      'no-data',
    ]);
    expect(definition.alerts[0]).toEqual({
      id: 'cpu-load-high',
      query: { aggregate: 'mean', of: 'cpu_load', overMs: 60_000, defects: 'excluded' },
      condition: { above: 7 },
      forMs: 60_000,
      keepFiringMs: 0,
      cooldownMs: 300_000,
      severity: 'warning',
      summary: expect.any(String),
    });
  });

  it('has an error kind for each metric and for everything else that can go wrong', () => {
    expect(errorKinds(definition)).toEqual([
      'error.cpu_load',
      'error.random_value',
      'error.counter',
      'error.line',
      'error.sensor_exit',
      'error.sensor_stuck',
      'batch_sending_error',
      'connectivity_error',
      'error.buffer_overflow',
    ]);
  });
});

describe('a sound definition', () => {
  it('has no mistakes', () => {
    expect(mistakesIn(SOUND)).toEqual([]);
  });

  it('may write zero without a unit', () => {
    const text = broken(
      'above: 7',
      'above: 7, for: 0, keep_firing_for: 0, cooldown: 0'.replaceAll(', ', '\n    '),
    );
    expect(parseDefinition(text, 'x').alerts[0]).toMatchObject({ forMs: 0, keepFiringMs: 0, cooldownMs: 0 });
  });

  it('may have one metric, or twelve, and any separator', () => {
    const metrics = Array.from(
      { length: 12 },
      (_, index) => `  - { name: m${index}, type: float, kind: counter }`,
    );
    const text = `name: many\nmeasurement: many\nseparator: ";"\nmetrics:\n${metrics.join('\n')}\n`;
    expect(parseDefinition(text, 'x').metrics).toHaveLength(12);
    expect(parseDefinition(text, 'x')).toMatchObject({ separator: ';', defect: 'none', alerts: [] });
  });
});

describe('a mistake is named with file, line, field, value and what was expected', () => {
  it.each([
    [
      'an unknown key',
      broken('kind: gauge', 'kind: gauge, capcity: 8'),
      '5: metrics[0].capcity: is no key known here',
    ],
    [
      'a key of another kind',
      broken('kind: gauge', 'kind: gauge, rate: 1'),
      '5: metrics[0].rate: is no key known here',
    ],
    ['a wrong type', broken('above: 7', 'above: high'), '10: alerts[0].above: "high" must be a number'],
    [
      'a wrong choice',
      broken('type: float', 'type: double'),
      '5: metrics[0].type: "double" must be one of float, integer',
    ],
    [
      'a wrong kind',
      broken('kind: gauge', 'kind: gage'),
      '5: metrics[0].kind: "gage" must be one of gauge, random, counter',
    ],
    [
      'a missing kind',
      broken('kind: gauge', ''),
      '5: metrics[0].kind: is missing, and must be one of gauge, random, counter',
    ],
    ['a missing key', broken('severity: warning', ''), '8: alerts[0].severity: is missing'],
    ['a missing range', broken(', range: [0, 10]', ''), '6: metrics[1].range: is missing'],
    [
      'a range upside down',
      broken('[0, 10]', '[10, 0]'),
      '6: metrics[1].range: [10,0] must be two numbers, the lower one first',
    ],
    ['a duplicate name', broken('name: value', 'name: Load'), '6: metrics[1].name: "Load" is already taken'],
    [
      'a name of ours',
      broken('name: value', 'name: line'),
      '6: metrics[1].name: "line" is a name that Visualizer uses itself; take another one',
    ],
    [
      'a column of ours',
      broken('name: value', 'name: time'),
      '6: metrics[1].name: "time" is a name that Visualizer uses itself; take another one',
    ],
    [
      'a measurement of ours',
      broken('measurement: sensor', 'measurement: runner'),
      '3: measurement: "runner" is a measurement that Visualizer writes itself; take another name',
    ],
    [
      'an unknown metric',
      broken('mean: load', 'mean: laod'),
      '9: alerts[0].query.mean: "laod" is no metric of this definition; known: load, value',
    ],
    [
      'two questions',
      broken('mean: load', 'mean: load, max: load'),
      '9: alerts[0].query: must ask for exactly one of mean, min, max, spread, stddev, count, repeats, rate, min_difference, last, errors; found mean, max',
    ],
    [
      'no condition',
      broken('above: 7', ''),
      '8: alerts[0]: must have exactly one of above, below, equals, outside; found none',
    ],
    [
      'a wrong duration',
      broken('over: 1m', 'over: 1 minute'),
      '9: alerts[0].query.over: "1 minute" is no duration such as 30s, 1m or 1h30m',
    ],
    [
      'a window that is too short',
      broken('over: 1m', 'over: 10ms'),
      '9: alerts[0].query.over: must be 1s or more',
    ],
    [
      'a threshold on a mean',
      broken('mean: load', 'mean: load, above: 3'),
      '9: alerts[0].query.above: goes with count only',
    ],
    [
      'a duration without a unit',
      broken('over: 1m', 'over: 60'),
      '9: alerts[0].query.over: "60" is no duration such as 30s, 1m or 1h30m',
    ],
    [
      'one that is to be a list',
      broken('summary: "too high"', 'summary: "too high"\nnotify: [{ type: email, to: a@b.example }]'),
      '13: notify[0].to: "a@b.example" must be a list',
    ],
    [
      'a list of nobody',
      broken('summary: "too high"', 'summary: "too high"\nnotify: [{ type: email, to: [] }]'),
      '13: notify[0].to: must not be empty',
    ],
    [
      'a receiver that is a word',
      broken('summary: "too high"', 'summary: "too high"\nnotify: [slack]'),
      '13: notify[0]: "slack" must be a mapping',
    ],
    ['an empty list', 'name: a\nmeasurement: b\nmetrics: []\n', '3: metrics: must name at least one metric'],
  ])('%s', (_, text, mistake) => {
    expect(mistakesIn(text)).toEqual([`sensor.yaml:${mistake}`]);
  });

  it.each([
    ['an alias of nothing', broken('kind: gauge', 'kind: *none'), 5, 'Unresolved alias'],
    ['aliases without end', SOUND.replace('test', `&a [${'x,'.repeat(9)}]`) + bomb(), 22, 'alias count'],
    ['an alias of what it stands in', broken('kind: gauge', 'kind: &a [*a]'), 5, 'circular'],
  ])('%s', (_, text, line, message) => {
    expect(mistakesIn(text)).toEqual([expect.stringContaining(message)]);
    expect(mistakesIn(text)[0]).toMatch(`sensor.yaml:${line}: `);
  });

  it('all of them at once, in the order of the file', () => {
    const text = broken('type: float', 'type: double')
      .replace('above: 7', 'above: high')
      .replace('test', 'a b');
    expect(mistakesIn(text).map((line) => line.split(':')[1])).toEqual(['2', '5', '10']);
  });

  it('a text that is no YAML', () => {
    expect(mistakesIn('name: a\n  b: [\n')[0]).toMatch(/^sensor\.yaml:1: /);
  });

  it('a list of error kinds for an unknown one', () => {
    const [mistake] = mistakesIn(broken('mean: load', 'errors: error.nope'));
    expect(mistake).toContain(
      '"error.nope" is no error kind of this definition; known: any, error.load, error.value',
    );
  });

  it('a file that is not there', () => {
    expect(() => readDefinition('/nowhere/sensor.yaml')).toThrow(
      /\/nowhere\/sensor\.yaml cannot be read.*--sensor/,
    );
  });
});
