import { readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../servers/server.js';
import { temporaryFolder } from '../visualizer.js';
import { definitionFile, diagnose } from './doctor.js';

const ALERTS = `alerts:
  - { id: high, query: { mean: load, over: 1m }, above: 7, severity: warning, summary: High }
`;
const NOTIFY = `notify:
  - { type: slack }
  - { type: email, to: [ops@example.org] }
`;
const SMTP = { SMTP_HOST: 'mail.example.org', SMTP_FROM: 'lab@example.org' };

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** With a definition that goes on like this. */
async function alerts(more: string, environment: Record<string, string> = {}, ...args: string[]) {
  const file = join(folder, 'alerts.yaml');
  writeFileSync(file, readFileSync(definitionFile(folder), 'utf8') + more);
  const { exitCode, about } = await diagnose(folder, ['--sensor', file, ...args], environment);
  return { exitCode, said: about('alerts') };
}

describe('a check of the alerts', () => {
  it('says which receivers lack something of the environment, and what', async () => {
    const { exitCode, said } = await alerts(ALERTS + NOTIFY, SMTP);
    expect(exitCode).toBe(0);
    expect(said).toMatch(/^alerts +warn +slack will not be told of any\n +-> set SLACK_WEBHOOK \(or .*$/);
  });

  it('says who will be told', async () => {
    const environment = { ...SMTP, SLACK_WEBHOOK: 'T0/B0/canary' };
    const { said } = await alerts(ALERTS + NOTIFY, environment);
    expect(said).toMatch(/^alerts +ok +evaluated by the run; told: slack, email$/);
  });

  it('says where to look where nobody is told', async () => {
    const { said } = await alerts(ALERTS);
    expect(said).toMatch(/^alerts +ok .*shown on its page and in its log$/);
  });

  it('says that they are left to Grafana where readings go to an InfluxDB', async () => {
    const { said } = await alerts(
      ALERTS + NOTIFY,
      {},
      '--host',
      '127.0.0.1',
      '--port',
      `${await freePort()}`,
    );
    expect(said).toMatch(/^alerts +ok +left to Grafana/);
  });

  it('says nothing where there are none', async () => {
    expect((await alerts('')).said).toBe('');
  });
});
