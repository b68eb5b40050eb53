import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LinkMonitor } from '../../src/influx/link-monitor.js';
import type { Verdict } from '../../src/influx/verdict.js';

const MINUTE = 60_000;
const accepted: Verdict = { kind: 'accepted' };
const away: Verdict = { kind: 'retry', reason: 'nothing listens there' };
const hold = (mend: string): Verdict => ({ kind: 'hold', reason: '401', mend });

let told: { msg: string; level: number; mend?: string; failedAttempts: number }[];
let monitor: LinkMonitor;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  told = [];
  const log = pino({}, { write: (line: string) => told.push(JSON.parse(line)) });
  monitor = new LinkMonitor('InfluxDB', log, () => 7);
});
afterEach(() => {
  vi.useRealTimers();
});

function observe(verdict: Verdict, times = 1, everyMs = 0): void {
  for (let time = 0; time < times; time += 1) {
    monitor.observe(verdict, 3);
    vi.advanceTimersByTime(everyMs);
  }
}

describe('the link monitor', () => {
  it('tells of an outage of eight hours in two lines and a summary each quarter of an hour', () => {
    observe(accepted, 10, 1_000);
    observe(away, (8 * 60 * MINUTE) / 15_000, 15_000);
    observe(accepted, 10, 1_000);
    const texts = told.map(({ msg }) => msg);
    expect(texts[0]).toBe('InfluxDB takes the readings');
    expect(texts[1]).toBe('InfluxDB does not take readings now; they wait in the buffer');
    expect(texts.at(-1)).toBe('InfluxDB takes readings again, after 8h; the queue is on its way');
    const summaries = texts.slice(2, -1);
    expect(summaries).toHaveLength(31);
    expect(summaries[0]).toBe('Still no delivery to InfluxDB, for 15m now');
    expect(summaries.at(-1)).toBe('Still no delivery to InfluxDB, for 7h45m now');
  });

  it('counts the attempts that failed, and no others', () => {
    observe(accepted, 48);
    observe(away, 5);
    observe(hold('the token'), 2);
    observe(accepted, 9);
    observe(away);
    expect(told.map(({ failedAttempts }) => failedAttempts)).toEqual([0, 1, 6, 7, 1]);
  });

  it('says what to mend, and says so again only when it is something else', () => {
    observe(hold('the token'), 5, 1_000);
    observe(hold('the bucket'), 5, 1_000);
    expect(told.map(({ level, mend }) => [level, mend])).toEqual([
      [50, 'the token'],
      [50, 'the bucket'],
    ]);
  });

  it('counts an outage from its beginning, of whatever kinds it was', () => {
    observe(accepted);
    observe(away, 1, 10 * MINUTE);
    observe(hold('the token'), 1, 5 * MINUTE);
    observe(accepted);
    expect(told.at(-1)?.msg).toContain('after 15m');
  });

  it('does not tell each time of a link that comes and goes, and tells again when that is over', () => {
    for (let round = 0; round < 1_000; round += 1) {
      observe(away, 1, 100);
      observe(accepted, 1, 100);
    }
    expect(told).toHaveLength(11);
    expect(told.at(-1)?.msg).toContain('comes and goes');
    vi.advanceTimersByTime(15 * MINUTE);
    observe(away);
    expect(told.at(-1)?.msg).toContain('does not take readings now');
  });

  it('takes a refusal for a server that is there', () => {
    observe({ kind: 'refused', reason: '400' });
    expect(monitor.state).toBe('online');
    expect(monitor.writeMs).toBe(3);
  });
});
