import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Feed } from '../../src/feed.js';
import { intake } from '../../src/intake.js';
import { Ledger } from '../../src/ledger.js';
import { Clock } from '../../src/source/clock.js';
import { supervise } from '../../src/source/supervisor.js';
import { shellSensor, temporaryFolder } from '../visualizer.js';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('a sensor that is faster than the disk has to wait: nothing piles up, and blocked_ms tells', async () => {
  const definition = {
    name: 'fast',
    measurement: 'sensor',
    separator: 'whitespace',
    metrics: [{ name: 'n', type: 'integer', kind: 'gauge' }],
    defect: 'none',
    alerts: [],
    notify: [],
  } as const;
  const log = pino({ level: 'silent' });
  const stop = new AbortController();
  const source = supervise(
    {
      name: 'fast',
      executable: shellSensor(folder, 'exec seq 1 1000000000'),
      restart: 'never',
      maxLineBytes: 65_536,
      killAfterMs: 1_000,
      silenceMs: 0,
      stuckLines: () => 0,
      isDefect: () => false,
      environment: process.env,
      log,
    },
    stop.signal,
  );
  const feed = new Feed(source, () => stop.abort());
  const ledger = new Ledger(definition);
  const clock = await Clock.open(undefined);
  const batches = intake(feed, { definition, clock, ledger, log, flushIntervalMs: 1_000, batchLines: 1_000 });
  let stored = 0;
  let turns = 0;
  for await (const { readings } of batches) {
    stored += readings.length;
    turns += 1;
    // The disk.
    if (turns <= 10) await delay(50);
    if (turns === 10) stop.abort();
  }
  expect(feed.blockedMs).toBeGreaterThan(300);
  // Ten batches, and what the pipes held; a sensor that is not held back prints millions in half a second.
  expect(stored).toBeLessThan(500_000);
  expect(stored).toBe(ledger.totals.read);
});
