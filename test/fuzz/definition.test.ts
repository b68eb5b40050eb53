import { deepStrictEqual, match, ok } from 'node:assert';
import { readFileSync } from 'node:fs';
import { describe, it } from 'vitest';
import { errorKinds } from '../../src/definition.js';
import { parseDefinition } from '../../src/definition-file.js';
import { VisualizerError } from '../../src/errors.js';
import { lineParser } from '../../src/parse.js';
import { BUNDLED } from '../../src/settings.js';
import { FUZZ_TIMEOUT_MS, fuzz, type Lot } from './fuzz.js';

/** Without its comments: what is drawn is to hit something. */
const SAMPLE = readFileSync(BUNDLED.sensor, 'utf8')
  .split('\n')
  .filter((line) => !/^\s*(#|$)/.test(line))
  .slice(0, 20)
  .concat('notify: [{ type: slack, send_resolved: true }, { type: email, to: [ops@example.org] }]')
  .join('\n');

const NASTY = [
  ...[
    'null',
    '~',
    '.inf',
    '-.inf',
    '.nan',
    '-1',
    '0',
    '1e999',
    '9007199254740993',
    'true',
    "''",
    '""',
    '"\\0"',
  ],
  ...[
    '[]',
    '{}',
    '[[]]',
    '{ a: 1 }',
    '&a',
    '*a',
    '&a [*a]',
    '!!binary x',
    '!!js/function x',
    '<<: *a',
    '? ',
    '---',
  ],
  ...[
    '...',
    '%YAML 9',
    '|',
    '>',
    '\t',
    '\uFEFF',
    '\0',
    '#',
    '- ',
    ': ',
    '"',
    "'",
    '__proto__',
    'constructor',
    '😀',
  ],
  ...['{ <<: { type: float } }', '2026-11-22', '1m', '0s', '99999999999d', 'x'.repeat(300)],
];

describe('a definition that is damaged by lot', () => {
  it('is read, or every mistake in it is named with its line', { timeout: FUZZ_TIMEOUT_MS }, () =>
    fuzz(0.002, (lot) => {
      let text = SAMPLE;
      for (let change = 1 + lot.below(3); change > 0; change -= 1) text = changed(lot, text);
      try {
        const definition = parseDefinition(text, 'sensor.yaml');
        lineParser(definition)('1 2 3');
        ok(definition.metrics.length > 0 && errorKinds(definition).length > 0);
      } catch (error) {
        ok(error instanceof VisualizerError, `${text}\n${(error as Error).stack}`);
        deepStrictEqual(error.code, 'BAD_DEFINITION');
        match(
          error.message,
          /^The sensor definition has (a mistake|\d+ mistakes):(\n {2}sensor\.yaml:\d+: .+)+/s,
        );
      }
    }),
  );
});

function changed(lot: Lot, text: string): string {
  const tokens = [...text.matchAll(/[^\s,:{}[\]]+/g)];
  const token = lot.one(tokens);
  const lines = text.split('\n');
  const line = lot.below(lines.length);
  const place = lot.below(text.length);
  return lot.one([
    () =>
      `${text.slice(0, token?.index)}${lot.one(NASTY)}${text.slice((token?.index ?? 0) + (token?.[0].length ?? 0))}`,
    () =>
      `${text.slice(0, token?.index)}${lot.one(tokens)}${text.slice((token?.index ?? 0) + (token?.[0].length ?? 0))}`,
    () => text.slice(0, place) + lot.one(NASTY) + text.slice(place),
    () => text.slice(0, place) + text.slice(place + 1 + lot.below(8)),
    () => lines.toSpliced(line, 1).join('\n'),
    () => lines.toSpliced(line, 0, lot.one(lines)).join('\n'),
    () => lines.with(line, `  ${lines[line]}`).join('\n'),
    () => text.slice(0, place),
  ])();
}
