import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readDefinition } from '../src/definition-file.js';
import { Reloads } from '../src/reloads.js';
import { temporaryFolder } from './visualizer.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = temporaryFolder();
  file = join(folder, 'sensor.yaml');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = (metric: string) =>
  writeFileSync(
    file,
    `name: mine\nmeasurement: m\nmetrics: [{ name: ${metric}, type: float, kind: gauge }]\n`,
  );

it('the newest definition that was right comes into force, however fast they follow each other', () => {
  write('a');
  const inForce = readDefinition(file);
  const reloads = new Reloads(file, () => inForce, pino({ level: 'silent' }));
  reloads.read();
  expect(reloads.signal.aborted).toBe(false);
  expect(reloads.take()).toBeUndefined();

  write('b');
  reloads.read();
  expect(reloads.signal.aborted).toBe(true);
  write('a');
  reloads.read();
  writeFileSync(file, 'name: mine');
  reloads.read();
  expect(reloads.take()?.metrics[0]?.name).toBe('a');
  expect(reloads.signal.aborted).toBe(false);
  expect(reloads.take()).toBeUndefined();
});
