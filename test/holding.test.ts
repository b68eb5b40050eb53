import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { Definition } from '../src/definition.js';
import type { Destination } from '../src/destination.js';
import { type HoldingOptions, holdWhileFailing } from '../src/holding.js';
import { Ledger } from '../src/ledger.js';
import type { Batch } from '../src/reading.js';
import { packReadings } from '../src/readings-builder.js';

/** A destination whose disk is full whenever the test says so. */
class FullDisk implements Destination {
  readonly name = 'test';
  readonly written: Batch[] = [];
  readonly definitions: Definition[] = [];
  readonly #ledger: Ledger;
  full = false;
  closed = false;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  state() {
    return 'recording' as const;
  }

  async redefine(definition: Definition): Promise<void> {
    this.definitions.push(definition);
  }

  async write(batch: Batch): Promise<void> {
    if (this.full) throw new Error('ENOSPC: no space left on device');
    this.written.push(batch);
    this.#ledger.delivered(batch.readings.length);
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  get counters(): number[] {
    return this.written.flatMap(({ readings }) => [...readings].map(({ values }) => Number(values[0])));
  }
}

function setUp({ limit = 100, patienceMs = 0, ...given }: Partial<HoldingOptions> = {}) {
  const said: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => said.push(JSON.parse(line).msg) });
  const ledger = new Ledger({ metrics: [] });
  const disk = new FullDisk(ledger);
  let counter = 0;
  const batch = (size: number, refused = 0): Batch => {
    ledger.read(size, 0);
    const readings = Array.from({ length: size }, () => {
      counter += 1;
      return { timestamp: BigInt(counter), values: [counter], defect: false };
    });
    const packed = packReadings([{ type: 'float' }], readings);
    return { readings: packed, points: ledger.takeErrors(BigInt(counter)), refused, lost: 0 };
  };
  return {
    said,
    ledger,
    disk,
    batch,
    holding: holdWhileFailing(disk, { ledger, log, limit, patienceMs, ...given }),
  };
}

const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('a destination whose disk is full for a while', () => {
  it('gets what was held, in order, before what came later', async () => {
    const { disk, holding, batch, said, ledger } = setUp();
    disk.full = true;
    await holding.write(batch(10));
    await holding.write(batch(10));
    disk.full = false;
    await holding.write(batch(10));
    expect(disk.counters).toEqual(upTo(1, 30));
    expect(ledger.totals).toEqual({ read: 30, delivered: 30, queued: 0, rejected: 0, dropped: 0 });
    expect(said).toEqual([
      'Readings cannot be stored in the test; they wait in memory',
      'The test takes readings again',
    ]);
  });

  it('acknowledges a batch once it is written, and not before', async () => {
    const { disk, holding, batch } = setUp();
    let acks = 0;
    const acknowledged = () => ({
      ...batch(1),
      ack: async () => {
        acks += 1;
      },
    });
    disk.full = true;
    await holding.write(acknowledged());
    expect(acks).toBe(0);
    expect(holding.state()).toBe('failing');
    disk.full = false;
    await holding.write(acknowledged());
    expect(acks).toBe(2);
    expect(holding.state()).toBe('recording');
  });

  it('makes a source that can wait do so, and drops nothing', async () => {
    const stop = new AbortController();
    const { disk, ledger, holding, batch } = setUp({ limit: 15, sourceWaits: true, stop: stop.signal });
    disk.full = true;
    await holding.write(batch(10));
    let done = false;
    const writing = holding.write(batch(10)).then(() => {
      done = true;
    });
    await delay(150);
    expect(done).toBe(false);
    disk.full = false;
    await writing;
    expect(ledger.totals).toMatchObject({ read: 20, delivered: 20, dropped: 0 });

    disk.full = true;
    await holding.write(batch(10));
    const waiting = holding.write({ ...batch(10), ack: async () => {} });
    stop.abort();
    await waiting;
    expect(ledger.totals).toMatchObject({ dropped: 0 });
  });

  it('says what is read again, and is not lost', async () => {
    const { disk, holding, batch } = setUp();
    disk.full = true;
    await holding.write({ ...batch(10), ack: async () => {} });
    await expect(holding.close()).rejects.toThrow(
      '10 readings could not be stored; the next run reads them again.',
    );
  });

  it('takes no other definition while it holds what the old one has read', async () => {
    const { disk, holding, batch } = setUp();
    const definition = { name: 'other' } as Definition;
    disk.full = true;
    await holding.write(batch(1));
    await expect(holding.redefine(definition)).rejects.toThrow(/readings of the old one wait/);
    disk.full = false;
    await holding.redefine(definition);
    expect(disk.definitions).toEqual([definition]);
    expect(disk.counters).toEqual([1]);
  });

  it('loses the oldest beyond the bound; its counts and errors go on with the next batch', async () => {
    const { disk, holding, batch, ledger, said } = setUp({ limit: 20 });
    disk.full = true;
    ledger.error('error.line', 3);
    await holding.write(batch(10, 3));
    await holding.write(batch(10));
    await holding.write(batch(10));
    expect(ledger.totals).toEqual({ read: 30, delivered: 0, queued: 20, rejected: 0, dropped: 10 });
    disk.full = false;
    await holding.write(batch(0));
    expect(disk.counters).toEqual(upTo(11, 30));
    expect(disk.written[0]).toMatchObject({ refused: 3, lost: 10 });
    expect(disk.written[0]?.points).toMatchObject([{ measurement: 'error.line', fields: { value: 3 } }]);
    expect(disk.written.at(-1)?.points).toMatchObject([
      { measurement: 'error.buffer_overflow', fields: { value: 10 } },
    ]);
    expect(said).toContain('Readings for the test are lost: they could not be held any longer');
  });

  it('is tried at the end for as long as it may take', async () => {
    const { disk, holding, batch, ledger } = setUp({ patienceMs: 60_000 });
    disk.full = true;
    await holding.write(batch(10));
    const closed = holding.close();
    setTimeout(() => {
      disk.full = false;
    }, 10);
    await closed;
    expect(ledger.totals).toMatchObject({ delivered: 10, dropped: 0 });
  });

  it('is tried a last time at the end, and what it still does not take is counted as dropped, and an error', async () => {
    const { disk, holding, batch, ledger } = setUp();
    disk.full = true;
    await holding.write(batch(10));
    await expect(holding.close()).rejects.toThrow('10 readings could not be stored, and are lost');
    expect(ledger.totals).toEqual({ read: 10, delivered: 0, queued: 0, rejected: 0, dropped: 10 });
    expect(disk.closed).toBe(true);
  });
});
