import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Restarts } from '../../src/source/restarts.js';
import { StderrLog } from '../../src/source/stderr-log.js';

let said: string[];
let restarts: Restarts;
let stderr: StderrLog;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  said = [];
  const log = pino({ level: 'info' }, { write: (line: string) => said.push(JSON.parse(line).msg) });
  stderr = new StderrLog({ sensor: 'demo', maxLineBytes: 1_000, log });
  restarts = new Restarts({ executable: 'x', log, stderr, backOffMs: [500, 30_000] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function* bytes(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

describe('the wait before a restart', () => {
  it('doubles from 0.5 s to 30 s, with jitter, and is short again after a minute of health', () => {
    for (const full of [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      const wait = restarts.next('ended', 1_000);
      expect(wait).toBeGreaterThanOrEqual(full / 2);
      expect(wait).toBeLessThanOrEqual(full);
    }
    expect(restarts.next('ended', 59_999)).toBeGreaterThan(10_000);
    expect(restarts.next('ended', 60_000)).toBeLessThanOrEqual(500);
  });

  it('is not the same for two sensors that ended together', () => {
    const waits = Array.from({ length: 20 }, () => restarts.next('ended', 60_000));
    expect(new Set(waits).size).toBeGreaterThan(10);
  });
});

describe('a crash loop', () => {
  it('is said once, every 15 minutes, and when it is over', () => {
    const end = () => restarts.next('ended with exit code 3', 1_000);
    end();
    end();
    expect(said).toHaveLength(2);
    end();
    expect(said[2]).toMatch(/does not stay up: it ended with exit code 3, 3 times in a row/);
    for (let count = 0; count < 20; count += 1) end();
    expect(said).toHaveLength(3);
    vi.advanceTimersByTime(15 * 60_000);
    end();
    expect(said[3]).toMatch(/24 times in a row/);
    restarts.runsFor(59_999);
    expect(said).toHaveLength(4);
    restarts.runsFor(60_000);
    restarts.runsFor(60_001);
    expect(said.slice(4)).toEqual(['The sensor has been running for 1m again']);
  });

  it('mutes what the sensor said each time, and nothing else, until it is over', async () => {
    for (let count = 0; count < 3; count += 1) {
      await stderr.read(bytes('no device\n'));
      restarts.next('ended', 1_000);
    }
    said.length = 0;
    await stderr.read(bytes('no device\nno power\n'));
    expect(said).toEqual(['no power']);
    restarts.runsFor(60_000);
    said.length = 0;
    await stderr.read(bytes('no device\n'));
    expect(said).toContain('no device');
  });
});
