import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readDefinition } from '../../src/definition-file.js';
import { temporaryFolder } from '../visualizer.js';
import { duckdbEngine } from './duckdb.js';
import { findTruth, tableOf } from './table.js';

/** The table was written from the answers of a real influxd to Grafana's own statements (`truth.test.ts`). */
const TABLE = new URL('truth-table.md', import.meta.url);
const definition = readDefinition(new URL('../../sensor_runner/sensor.yaml', import.meta.url).pathname);

let folder: string;
beforeAll(() => {
  folder = temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('the alerts over the embedded store tell the same truth as those in Grafana', {
  timeout: 900_000,
}, async () => {
  const truth = await findTruth(definition, () => duckdbEngine(folder, definition));
  expect(tableOf(truth, definition)).toBe(readFileSync(TABLE, 'utf8'));
});
