import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../until.js';
import {
  BUNDLED_SENSOR,
  logLines,
  shellSensor,
  temporaryFolder,
  untilLogged,
  visualizer,
} from '../visualizer.js';

let folder: string;
let server: Server | undefined;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  await rm(folder, { recursive: true, force: true });
});

const state = () => join(folder, 'state');

describe('a server that is no InfluxDB', () => {
  it.each([
    ['says yes to everything', 200, 'ok'],
    ['says yes to everything in JSON', 200, '{"status":"ok"}'],
    ['shows a page', 200, '<!doctype html><title>Router</title>'],
    ['knows nothing', 404, 'Not Found'],
    ['wants a log-in', 401, ''],
    ['is broken', 500, 'oops'],
  ])('and %s gets no reading: all of them wait', async (_, status, body) => {
    server = createServer((request, response) => {
      request.resume();
      response.writeHead(status).end(body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const sensor = shellSensor(folder, 'echo 1 2 3');
    const { exitCode, stderr } = await visualizer([
      ...['run', '--no-page', '--state-dir', state(), '--path-executable', sensor, '--restart', 'never'],
      ...['--host', '127.0.0.1', '--port', String((server.address() as AddressInfo).port)],
      ...['--drain-timeout', '300ms'],
    ]);
    expect(exitCode).toBe(0);
    expect(logLines(stderr).at(-1)).toMatchObject({
      read: 1,
      delivered: 0,
      queued: 1,
      rejected: 0,
      dropped: 0,
    });
    expect(stderr).not.toContain('takes the readings');
  });
});

describe('somebody who removes the state directory under a run', () => {
  function start(...args: string[]) {
    // Fast enough for every batch to hold readings.
    const sensor = shellSensor(folder, `exec ${BUNDLED_SENSOR} --interval 5`);
    return visualizer([
      ...['run', '--no-page', '--state-dir', state(), '--path-executable', sensor],
      ...['--flush-interval', '50ms', ...args],
    ]);
  }

  it('ends a run for InfluxDB at once, with an error: nothing that it read would be safe', async () => {
    const child = start('--host', '127.0.0.1', '--port', '1');
    await untilLogged(child, 'Recording');
    await rm(state(), { recursive: true });
    const { exitCode, stderr } = await child;
    expect(exitCode).toBe(73);
    expect(stderr).toContain(`The state directory ${state()} was removed`);
  });

  it('makes a run without one begin a new store', async () => {
    const child = start();
    const log = join(state(), 'store.duckdb.wal');
    await until('readings are stored', () => (statSync(log, { throwIfNoEntry: false })?.size ?? 0) > 3_000);
    await rm(state(), { recursive: true });
    await until('there is a store again', () => existsSync(join(state(), 'store.duckdb')));
    child.kill('SIGTERM');
    const { exitCode, stderr } = await child;
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(stderr).toContain('The embedded store was removed; a new one is begun');
    const { stdout } = await visualizer(['export', '--state-dir', state()]);
    expect(stdout.split('\n').length).toBeGreaterThan(1);
  });
});
