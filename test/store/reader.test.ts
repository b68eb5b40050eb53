import { setMaxListeners } from 'node:events';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Ledger } from '../../src/ledger.js';
import { openLog } from '../../src/log.js';
import { Store } from '../../src/store/duckdb.js';
import { EmbeddedDestination } from '../../src/store/embedded.js';
import { UnavailableError } from '../../src/store/reader.js';
import { batch, DEFINITION, reading } from '../local/server-fixture.js';
import { temporaryFolder } from '../visualizer.js';

/** Of minutes, were it left alone. */
const ENDLESS = 'SELECT sum(hash(one.range, other.range)) FROM range(10000000) one, range(100000) other';
const COUNT = 'SELECT count(*) FROM readings';

const log = await openLog('silent');
let folder: string;
let destination: EmbeddedDestination;
beforeEach(async () => {
  folder = temporaryFolder();
  destination = await EmbeddedDestination.open({
    file: join(folder, 'store.duckdb'),
    definition: DEFINITION,
    env: 'lab',
    retentionMs: 0,
    ledger: new Ledger(DEFINITION),
    log,
  });
});
afterEach(async () => {
  await destination.close();
  await rm(folder, { recursive: true, force: true });
});

const line = (ms: number) => batch([reading(1_700_000_000_000 + ms, [1, 2n, 3n])]);

describe('reading beside the writing', () => {
  it('sees what was written, while long questions hold up neither writing nor tidying', async () => {
    const abort = new AbortController();
    const long = destination.rows(ENDLESS, abort.signal).catch((error: unknown) => error);
    for (let n = 0; n < 20; n += 1) {
      await destination.write(line(n));
      expect(await destination.rows(COUNT)).toEqual([[BigInt(n + 1)]]);
    }
    abort.abort(new Error('enough'));
    expect(await long).toMatchObject({ message: 'enough' });
  });

  it('ends a question at once when nobody waits for its answer, under way or not', async () => {
    const abort = new AbortController();
    const questions = Array.from({ length: 5 }, () =>
      destination.rows(ENDLESS, abort.signal).catch(() => 'ended'),
    );
    const behind = destination.rows(COUNT);
    setTimeout(() => abort.abort(), 100);
    expect(await Promise.all(questions)).toEqual(new Array(5).fill('ended'));
    expect(await behind).toEqual([[0n]]);
    await expect(destination.rows(COUNT, abort.signal)).rejects.toThrow('aborted');
  });

  it('ends a question whenever that is wanted, also before DuckDB has begun with it', async () => {
    for (let ticks = 0; ticks < 30; ticks += 1) {
      const abort = new AbortController();
      const question = destination.rows(ENDLESS, abort.signal).catch(() => 'ended');
      for (let tick = 0; tick < ticks; tick += 1) await undefined;
      abort.abort();
      expect(await question).toBe('ended');
    }
  });

  it('answers the run’s own questions before those of people', async () => {
    const hold = new AbortController();
    const people = new AbortController();
    const order: string[] = [];
    const note = (name: string) => () => order.push(name);
    const held = [0, 1].map(() => destination.rows(ENDLESS, hold.signal).catch(() => {}));
    const asked = [
      // Without an end: were one of them asked first, there would be no connection left for the others.
      destination.rows(ENDLESS, people.signal).catch(note('left')),
      destination.rows(ENDLESS, people.signal).catch(note('left')),
      destination.rows(ENDLESS, people.signal).catch(note('left')),
      destination.rows(COUNT).then(note('own')),
      destination.rows(COUNT).then(note('own')),
    ];
    hold.abort();
    await Promise.all([...held, asked[3], asked[4]]);
    people.abort();
    await Promise.all(asked.map((each) => each.catch(() => {})));
    expect(order.slice(0, 2)).toEqual(['own', 'own']);
  });

  it('refuses more questions than it can answer soon', async () => {
    const abort = new AbortController();
    setMaxListeners(0, abort.signal);
    const all = Array.from({ length: 510 }, () =>
      destination.rows(ENDLESS, abort.signal).catch((error) => error),
    );
    const refused = await Promise.all(all.slice(502));
    expect(refused.every((error) => error instanceof UnavailableError)).toBe(true);
    abort.abort();
    await Promise.all(all);
    expect(await destination.rows(COUNT)).toEqual([[0n]]);
  });

  it('follows the store when it is begun anew, and does not keep it from being closed', async () => {
    await destination.write(line(1));
    const long = destination.rows(ENDLESS).catch((error: unknown) => error);
    rmSync(join(folder, 'store.duckdb'));
    await destination.write(line(2));
    expect(await long).toBeInstanceOf(Error);
    expect(await destination.rows('SELECT epoch_ms(time) % 1000 FROM readings')).toEqual([[2n]]);
    const longer = destination.rows(ENDLESS).catch((error: unknown) => error);
    await destination.close();
    expect(await longer).toBeInstanceOf(Error);
    await expect(destination.rows(COUNT)).rejects.toBeInstanceOf(UnavailableError);
  });
});

describe('a store that is read only', () => {
  it('is not changed, and is shared with others that read', async () => {
    await destination.write(line(1));
    await destination.close();
    const file = join(folder, 'store.duckdb');
    const [one, other] = [await Store.openReadOnly(file), await Store.openReadOnly(file)];
    expect(await one.query(COUNT)).toEqual([[1n]]);
    expect(await other.query(COUNT)).toEqual([[1n]]);
    await expect(one.query('DELETE FROM readings')).rejects.toThrow(/read-only/);
    one.close();
    other.close();
    await expect(Store.openReadOnly(join(folder, 'none'))).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
  });

  it('is left alone where its log is damaged, and the way out is named', async () => {
    const [file, copy] = [join(folder, 'store.duckdb'), join(folder, 'copy')];
    for (let n = 0; n < 10; n += 1) await destination.write(line(n));
    copyFileSync(file, copy);
    const wal = readFileSync(`${file}.wal`);
    wal[wal.length >> 1] = 255 - (wal[wal.length >> 1] as number);
    writeFileSync(`${copy}.wal`, wal);
    await expect(Store.openReadOnly(copy)).rejects.toMatchObject({
      code: 'STATE_UNUSABLE',
      message: expect.stringContaining('a run mends'),
    });
    expect(readFileSync(`${copy}.wal`).equals(wal)).toBe(true);
  });
});
