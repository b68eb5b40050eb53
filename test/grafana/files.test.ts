import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder, visualizer } from '../visualizer.js';

const COMMITTED = fileURLToPath(new URL('../../grafana/', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The text of every file of a folder, by its path in it. */
function filesIn(root: string): Record<string, string> {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
  const files = names.map((name) => join(root, name)).filter((file) => statSync(file).isFile());
  return Object.fromEntries(files.map((file) => [relative(root, file), readFileSync(file, 'utf8')]));
}

async function generate(...args: string[]): Promise<Record<string, string>> {
  const out = join(folder, 'grafana');
  const { exitCode, stderr } = await visualizer(['grafana', '--out', out, ...args]);
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  return filesIn(out);
}

function define(name: string, alerts: string[]): string {
  const file = join(folder, `${name}.yaml`);
  const rules = alerts.map(
    (id) => `  - { id: ${id}, query: { mean: a, over: 1m }, above: 1, severity: info, summary: "${id}" }\n`,
  );
  const metrics = 'metrics: [{ name: a, type: float, kind: gauge }]';
  writeFileSync(file, `name: ${name}\nmeasurement: m\n${metrics}\nalerts:\n${rules.join('')}`);
  return file;
}

const removedIn = (files: Record<string, string>) =>
  JSON.parse(files['provisioning/alerting/00-removed-rules.json'] ?? '{"deleteRules":[]}').deleteRules.map(
    ({ uid }: { uid: string }) => uid,
  );

describe('visualizer grafana', () => {
  it('writes what is in the repository: `npm run grafana` has nothing to change', async () => {
    expect(await generate()).toEqual(filesIn(COMMITTED));
  });

  it('leaves no secret and no path of this machine in a file', async () => {
    for (const text of Object.values(await generate())) {
      expect(text).not.toContain(folder);
      expect(text).not.toMatch(/change-me/);
    }
  });

  it('has Grafana delete the rules that are gone, until they come back', async () => {
    await generate('--sensor', define('mine', ['one', 'two']));
    expect(removedIn(await generate('--sensor', define('mine', ['two'])))).toEqual(['mine-alert-one']);
    expect(removedIn(await generate('--sensor', define('mine', ['two'])))).toEqual(['mine-alert-one']);
    expect(removedIn(await generate('--sensor', define('yours', ['two'])))).toEqual([
      'mine-alert-one',
      'mine-alert-two',
    ]);
    expect(removedIn(await generate('--sensor', define('mine', ['one'])))).toEqual([
      'mine-alert-two',
      'yours-alert-two',
    ]);
  });

  it('names the folder that it cannot write to', async () => {
    const out = join(folder, 'file');
    writeFileSync(out, '');
    mkdirSync(join(folder, 'other'));
    const { exitCode, stderr } = await visualizer(['grafana', '--out', out]);
    expect(exitCode).toBe(73);
    expect(stderr).toContain(`${out}/provisioning`);
    expect(stderr).toContain('--out');
  });
});
