import { fileURLToPath } from 'node:url';
import type { Definition } from '../../src/definition.js';
import { readDefinition } from '../../src/definition-file.js';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Definitions of every shape: whatever is derived from a definition has to be right for all of them. */
export const CASES: ReadonlyMap<string, Definition> = new Map([
  ['the bundled sensor', readDefinition(file('../../sensor_runner/sensor.yaml'))],
  ['one metric', readDefinition(file('one.yaml'))],
  ['three metrics', readDefinition(file('three.yaml'))],
  ['twelve metrics', readDefinition(file('twelve.yaml'))],
]);
