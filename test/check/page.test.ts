import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { freePort } from '../servers/server.js';
import { shellSensor, temporaryFolder, untilLogged, visualizer } from '../visualizer.js';
import { definitionFile, diagnose } from './doctor.js';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('a port of the page that is free is said to be free', async () => {
  const port = await freePort();
  const { exitCode, about } = await diagnose(folder, ['--page-port', String(port)]);
  expect([exitCode, about('page')]).toEqual([0, `page        ok    port ${port} at 127.0.0.1 is free`]);
});

it('a port of the page that another program uses is named, with how to find that program', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const { exitCode, about } = await diagnose(folder, ['--page-port', String(port)]);
  other.close();
  expect(exitCode).toBe(78);
  expect(about('page')).toMatch(
    /fail .*another program uses this port\n +-> .*ss -ltnp 'sport = :\d+'.*--page-port/,
  );
});

it('a page that everybody could see is refused', async () => {
  const args = ['--page-port', '0', '--page-host', '0.0.0.0'];
  const { exitCode, about } = await diagnose(folder, args);
  expect(exitCode).toBe(78);
  expect(about('page')).toMatch(/fail .*beyond this machine.*\n +-> export PAGE_TOKEN=/);
});

it('a run that serves the page already is no mistake', async () => {
  const port = String(await freePort());
  const sensor = shellSensor(folder, 'while :; do echo 1 2; sleep 0.1; done');
  const shared = ['--path-executable', sensor, '--page-port', port];
  const own = ['--sensor', definitionFile(folder), '--state-dir', join(folder, 'state')];
  const run = visualizer(['run', ...own, ...shared, '--log-format', 'json']);
  try {
    await untilLogged(run, `http://127.0.0.1:${port}/`);
    const { exitCode, about } = await diagnose(folder, shared);
    expect(about('page')).toBe(
      `page        ok    the run, process ${run.pid}, serves it: http://127.0.0.1:${port}/`,
    );
    expect(about('state')).toContain(`held by a run: process ${run.pid}`);
    // A second one could get in the way of the first.
    expect(about('sensor')).toBe(
      `sensor      ok    process ${run.pid} runs it: it is not started a second time`,
    );
    expect(exitCode).toBe(0);
  } finally {
    run.kill('SIGTERM');
    await run;
  }
});
