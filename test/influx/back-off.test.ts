import { pino } from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Entry } from '../../src/influx/backlog.js';
import { Delivery, type DeliveryOptions } from '../../src/influx/delivery.js';
import { LinkMonitor } from '../../src/influx/link-monitor.js';
import { RejectedLines } from '../../src/influx/rejected.js';
import type { Verdict } from '../../src/influx/verdict.js';
import { Ledger } from '../../src/ledger.js';

/** Waits are noted, and not waited for. */
const { waits } = vi.hoisted(() => ({ waits: [] as number[] }));
vi.mock('node:timers/promises', () => ({
  setTimeout: async (ms: number) => {
    waits.push(ms);
  },
}));

afterEach(() => {
  vi.restoreAllMocks();
  waits.length = 0;
});

/** The waits of a delivery that meets these verdicts before its one entry is accepted. */
async function waitsFor(
  verdicts: readonly Verdict[],
  random: number,
  options: Pick<DeliveryOptions, 'backOffMs'> = {},
): Promise<number[]> {
  vi.spyOn(Math, 'random').mockReturnValue(random);
  const stop = new AbortController();
  const entries: Entry[] = [{ sequence: 1, payload: Buffer.from('m x=1 1\n'), lines: 1 }];
  const left = [...verdicts];
  const log = pino({ level: 'silent' });
  const delivery = new Delivery({
    link: { name: 'a link', write: async () => left.shift() ?? { kind: 'accepted' } },
    backlog: {
      peek: async () => entries,
      settle: async () => {
        entries.length = 0;
        stop.abort();
      },
    },
    ledger: new Ledger({ metrics: [] }),
    rejected: new RejectedLines('/nowhere', log),
    monitor: new LinkMonitor('a link', log, () => 0),
    log,
    ...options,
  });
  await delivery.run(stop.signal);
  return waits.slice();
}

const retry = (afterMs?: number): Verdict => ({ kind: 'retry', reason: 'busy', afterMs });
const hold: Verdict = { kind: 'hold', reason: '401', mend: 'the token' };
const times = <T>(count: number, item: T) => Array.from({ length: count }, () => item);

describe('the wait between attempts', () => {
  it('doubles from half a second to half a minute', async () => {
    expect(await waitsFor(times(9, retry()), 1)).toEqual([
      500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
    ]);
  });

  it('has full jitter', async () => {
    expect(await waitsFor(times(3, retry()), 0.25)).toEqual([125, 250, 500]);
    waits.length = 0;
    expect(await waitsFor(times(3, retry()), 0)).toEqual([0, 0, 0]);
  });

  it('stays bounded for as many attempts as it takes', async () => {
    const waited = await waitsFor(times(3_000, retry()), 1);
    expect(waited).toHaveLength(3_000);
    expect(Math.max(...waited)).toBe(30_000);
  });

  it('is what the server asks for, up to an hour', async () => {
    expect(await waitsFor([retry(7_000), retry(3_600_001), retry(Number.POSITIVE_INFINITY)], 0.5)).toEqual([
      7_000, 3_600_000, 3_600_000,
    ]);
  });

  it('is never shorter than without the server asking', async () => {
    expect(await waitsFor([retry(0), retry(0), retry(1_500), retry(1_500)], 1)).toEqual([
      500, 1_000, 2_000, 4_000,
    ]);
  });

  it('is long from the first time on where a person has to mend something', async () => {
    expect(await waitsFor(times(2, hold), 0)).toEqual([15_000, 15_000]);
    waits.length = 0;
    expect(await waitsFor(times(2, hold), 1)).toEqual([30_000, 30_000]);
  });

  it('begins again with each request', async () => {
    const verdicts: Verdict[] = [retry(), retry(), { kind: 'refused', reason: '400' }];
    expect(await waitsFor(verdicts, 1, { backOffMs: [10, 100] })).toEqual([10, 20]);
  });
});
