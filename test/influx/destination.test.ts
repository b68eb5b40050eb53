import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Definition } from '../../src/definition.js';
import { holdWhileFailing } from '../../src/holding.js';
import { InfluxDestination } from '../../src/influx/destination.js';
import { LineProtocol } from '../../src/influx/line-protocol.js';
import type { Link } from '../../src/influx/link.js';
import type { Verdict } from '../../src/influx/verdict.js';
import { Ledger } from '../../src/ledger.js';
import type { Batch } from '../../src/reading.js';
import { packReadings } from '../../src/readings-builder.js';
import { stateDirectory } from '../../src/state-directory.js';
import { until } from '../until.js';
import { temporaryFolder } from '../visualizer.js';

const definition: Definition = {
  name: 'test',
  measurement: 'sensor',
  separator: 'whitespace',
  metrics: [{ name: 'counter', type: 'integer', kind: 'counter' }],
  defect: 'none',
  alerts: [],
  notify: [],
};

/** A link that answers what is lined up, and then accepts. */
class ScriptedLink implements Link {
  readonly name = 'test';
  readonly written: string[] = [];
  readonly #answers: Verdict[];

  constructor(...answers: Verdict[]) {
    this.#answers = answers;
  }

  async write(lines: Buffer): Promise<Verdict> {
    this.written.push(lines.toString());
    return this.#answers.shift() ?? { kind: 'accepted' };
  }
}

const away = (afterMs: number): Verdict => ({ kind: 'retry', reason: 'away', afterMs });

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function open(link: Link, drainTimeoutMs: number, log = pino({ level: 'silent' })) {
  const ledger = new Ledger(definition);
  const destination = await InfluxDestination.open({
    link,
    ledger,
    drainTimeoutMs,
    state: stateDirectory(join(folder, 'state')),
    lineProtocol: new LineProtocol(definition, 'dev'),
    log,
    bufferMaxBytes: 1024 ** 2,
    bufferMaxAgeMs: 0,
  });
  return { ledger, destination };
}

function batchOf(ledger: Ledger, first: bigint, size = 1): Batch {
  ledger.read(size, 0);
  const times = Array.from({ length: size }, (_, index) => first + BigInt(index));
  const readings = times.map((timestamp) => ({ timestamp, values: [timestamp], defect: false }));
  return { readings: packReadings(definition.metrics, readings), points: [], refused: 0, lost: 0 };
}

describe('InfluxDB as a destination', () => {
  it('tries again at once when the run ends, however long the server asked for', async () => {
    const link = new ScriptedLink(away(3_600_000));
    const { ledger, destination } = await open(link, 30_000);
    await destination.write(batchOf(ledger, 1n));
    await until('the server was asked', () => link.written.length === 1);
    await destination.close();
    expect(ledger.totals).toEqual({ read: 1, delivered: 1, queued: 0, rejected: 0, dropped: 0 });
  });

  it('keeps what it cannot deliver in time, and the next run delivers it first', async () => {
    const first = await open(new ScriptedLink(...Array.from({ length: 1_000 }, () => away(0))), 0);
    await first.destination.write(batchOf(first.ledger, 1n));
    await first.destination.close();
    expect(first.ledger.totals).toMatchObject({ read: 1, delivered: 0, queued: 1 });

    const link = new ScriptedLink();
    const second = await open(link, 30_000);
    expect(second.ledger.totals).toMatchObject({ read: 1, queued: 1 });
    await second.destination.write(batchOf(second.ledger, 2n));
    await second.destination.close();
    expect(link.written.join('').match(/counter=\d/g)).toEqual(['counter=1', 'counter=2']);
    expect(second.ledger.totals).toEqual({ read: 2, delivered: 2, queued: 0, rejected: 0, dropped: 0 });
  });

  it('counts what its buffer has no room for as dropped and as an error, and says so once a minute', async () => {
    const said: Record<string, unknown>[] = [];
    const log = pino({ level: 'error' }, { write: (line: string) => said.push(JSON.parse(line)) });
    const link = new ScriptedLink(...Array.from({ length: 100 }, () => away(60_000)));
    const { ledger, destination } = await open(link, 0, log);
    let first = 1n;
    for (; ledger.totals.dropped < 20_000; first += 2_000n) {
      await destination.write(batchOf(ledger, first * 7_919n, 2_000));
      expect(ledger.totals.read).toBeLessThan(1_000_000);
    }
    const { read, queued, dropped } = ledger.totals;
    expect(queued + dropped).toBe(read);
    const [error] = ledger.takeErrors(0n).filter(({ kind }) => kind === 'error.buffer_overflow');
    expect(error?.fields.value).toBe(dropped);
    expect(said).toMatchObject([{ reason: 'overflow', msg: 'Readings were dropped from the buffer' }]);
    await destination.close();
  });

  it('takes two batches as one only where its buffer has room for many', async () => {
    const { ledger, destination } = await open(new ScriptedLink(), 30_000);
    const held = holdWhileFailing(destination, { ledger, log: pino({ level: 'silent' }), patienceMs: 0 });
    const atOnce = [held.batchesAtOnce];
    for (const size of [100, 2_000, 100]) {
      await held.write(batchOf(ledger, BigInt(atOnce.length * 10_000), size));
      atOnce.push(held.batchesAtOnce);
    }
    await held.close();
    expect(atOnce).toEqual([1, 2, 1, 2]);
  });
});
