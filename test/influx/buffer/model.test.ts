/**
 * The buffer against a model of it, an array: thousands of random operations with limits, faults, kills and
 * power losses. A failure names its seed; `BUFFER_SEED=<n>` runs that one alone, `BUFFER_RUNS=<n>` more of them.
 */
import { expect, it } from 'vitest';
import { type BufferEvent, DurableBuffer, type Entry, type NewEntry } from '../../../src/influx/buffer.js';
import { seeded } from '../../seeded.js';
import { type Fault, FaultyDisk, type Operation } from './faulty-files.js';
import { EVERYTHING, entry, expectBalance, numberOf } from './scenario.js';

const STEPS = 60;
const RUNS = Number(process.env.BUFFER_RUNS ?? (process.env.CI === 'true' ? 2_000 : 150));
const ONLY = process.env.BUFFER_SEED;
const MS_PER_ENTRY = 1000;
const LARGEST_RECORD = 1600;

interface Item {
  readonly n: number;
  readonly lines: number;
  readonly bytes: number;
  handedOut: boolean;
  sequence?: number;
  /** Handed out when the limits dropped what followed, or its segment: a crash may take it, too. */
  owed: boolean;
  /** Acknowledged by this process or one before, not only found after a crash. */
  readonly acknowledged: boolean;
}

class Run {
  readonly #random: () => number;
  readonly #disk = new FaultyDisk();
  readonly #attempted = new Map<number, NewEntry>();
  readonly #options: { maxBytes: number; segmentBytes: number; maxAgeMs?: number };
  #buffer!: DurableBuffer;
  #now = 0;
  #n = 0;

  #items: Item[] = [];
  #totals = { read: 0, delivered: 0, queued: 0, rejected: 0, dropped: 0 };
  #acknowledgedRead = 0;
  /** Lines known to be missing between what is handed out. */
  #holes = 0;
  #reopening = false;
  #faulty = false;
  /** A fault was injected at some time; dying is none. */
  #troubled = false;

  constructor(seed: number) {
    this.#random = seeded(seed);
    this.#disk.luck = this.#random;
    this.#options = {
      maxBytes: this.#pick([1500, 4000, 1e6]),
      segmentBytes: this.#pick([100, 400, 2000]),
      ...(this.#chance(0.3) && { maxAgeMs: 15 * MS_PER_ENTRY }),
    };
  }

  async play(): Promise<void> {
    this.#buffer = await this.#open();
    await this.#adopt();
    for (let step = 0; step < STEPS; step += 1) {
      await this.#step();
      this.#check();
    }
    await this.#crash(this.#chance(0.5));
    this.#check();
  }

  async #step(): Promise<void> {
    const chance = this.#random();
    if (chance < 0.07) return this.#crash(this.#chance(0.5));
    if (chance < 0.11) return this.#reopen();
    const dying = chance < 0.16;
    if (dying) this.#dieSoon();
    else if (chance < 0.3) this.#beFaulty();
    const act = this.#pick([
      () => this.#append(),
      () => this.#append(),
      () => this.#append(),
      () => this.#peek(),
      () => this.#settle(),
      () => this.#settle(),
      () => this.#drop(),
    ]);
    await act().catch((cause: { code?: string }) => {
      if (cause.code !== 'ESHUTDOWN') throw cause;
    });
    this.#disk.faults = () => undefined;
    this.#faulty = false;
    if (dying) await this.#crash(this.#chance(0.5));
  }

  async #append(): Promise<void> {
    this.#n += 1;
    this.#now = this.#n * MS_PER_ENTRY;
    const blank = this.#chance(0.1);
    const lines = blank ? 0 : this.#pick([0, 1, 2, 5]);
    const shape = { lines, refused: this.#pick([0, 0, 2]), lost: this.#pick([0, 0, 0, 3]) };
    const made = entry(this.#n, { ...shape, bytes: this.#pick([0, 50, 300, 1500]) });
    const given = blank ? { ...made, payload: Buffer.alloc(0) } : made;
    this.#attempted.set(this.#n, given);
    try {
      await this.#buffer.append(given);
    } catch (cause) {
      if (this.#buffer.bytes + LARGEST_RECORD > this.#options.maxBytes) this.#oweAll();
      return this.#expectFault(cause);
    }
    const read = lines + shape.refused + shape.lost;
    this.#items.push(itemOf(this.#n, given, true));
    this.#totals.queued += lines;
    this.#totals.rejected += shape.refused;
    this.#totals.dropped += shape.lost;
    this.#totals.read += read;
    this.#acknowledgedRead += read;
  }

  async #peek(): Promise<void> {
    const maxBytes = this.#pick([1, 100, 1000, EVERYTHING]);
    const entries = await this.#buffer.peek(maxBytes).catch((cause) => this.#expectFault(cause));
    if (entries === undefined) {
      // What was read before the fault is handed out the next time; where that ends is known by asking.
      this.#disk.faults = () => undefined;
      this.#handOut(EVERYTHING, await this.#buffer.peek(EVERYTHING));
      return;
    }
    this.#handOut(maxBytes, entries);
  }

  async #settle(): Promise<void> {
    const oldest = this.#items.find(({ handedOut }) => handedOut);
    if (oldest === undefined) return;
    this.#disk.faults = withoutReads(this.#disk.faults);
    const [found] = this.#handOut(1, await this.#buffer.peek(1));
    expect(found && numberOf(found)).toBe(oldest.n);
    const rejected = Math.floor(this.#random() * (oldest.lines + 1));
    const delivered = oldest.lines - rejected;
    this.#items.splice(this.#items.indexOf(oldest), 1);
    this.#totals.delivered += delivered;
    this.#totals.rejected += rejected;
    this.#totals.queued -= oldest.lines;
    await this.#buffer.settle({ sequence: found?.sequence ?? 0, delivered, rejected });
  }

  async #drop(): Promise<void> {
    if (this.#chance(0.5)) return;
    const before = BigInt(this.#now - Math.floor(this.#random() * 20) * MS_PER_ENTRY) * 1_000_000n;
    await this.#buffer.drop({ before }).catch((cause) => {
      this.#oweAll();
      this.#expectFault(cause);
    });
  }

  async #reopen(): Promise<void> {
    await this.#buffer.close();
    const { totals } = this.#buffer;
    this.#buffer = await this.#open();
    // Without a crash and without faults, nothing is sent again.
    if (!this.#options.maxAgeMs && this.#holes === 0 && !this.#items.some(({ owed }) => owed)) {
      expect(this.#buffer.totals).toEqual(totals);
    }
    await this.#adopt();
  }

  async #crash(powerLoss: boolean): Promise<void> {
    this.#noteOwed();
    this.#disk.boot();
    if (powerLoss) this.#disk.losePower(this.#random);
    this.#buffer = await this.#open();
    await this.#adopt();
  }

  /** Opens, at first perhaps in vain. */
  async #open(): Promise<DurableBuffer> {
    this.#reopening = true;
    const onEvent = (event: BufferEvent) => this.#hear(event);
    const options = { ...this.#options, now: () => this.#now, onEvent };
    try {
      if (this.#chance(0.2)) this.#beFaulty();
      return await DurableBuffer.open('/buffer', { ...options, files: this.#disk.boot() });
    } catch (cause) {
      this.#expectFault(cause);
      this.#disk.faults = () => undefined;
      return DurableBuffer.open('/buffer', { ...options, files: this.#disk.boot() });
    } finally {
      this.#disk.faults = () => undefined;
    }
  }

  /** After opening: nothing that must be there may be missing; what there is, is the model from now on. */
  async #adopt(): Promise<void> {
    const entries = await this.#buffer.peek(EVERYTHING);
    const found = entries.map(numberOf);
    this.#reopening = false;
    expectBalance(this.#buffer);
    expect(found).toEqual([...new Set(found)].sort((a, b) => a - b));
    const cutOff = this.#now - (this.#options.maxAgeMs ?? Number.POSITIVE_INFINITY);
    for (const { n, bytes, owed, acknowledged } of this.#items) {
      if (bytes === 0 || owed || !acknowledged || n * MS_PER_ENTRY < cutOff) continue;
      expect(found, `entry ${n} was acknowledged`).toContain(n);
    }
    const { totals } = this.#buffer;
    expect(totals.read).toBeGreaterThanOrEqual(this.#acknowledgedRead);
    const known = new Set(this.#items.filter(({ acknowledged }) => acknowledged).map(({ n }) => n));
    this.#items = entries.map((each) => {
      const n = numberOf(each);
      const given = this.#attempted.get(n);
      if (given === undefined) throw new Error(`Entry ${n} was never appended`);
      return { ...itemOf(n, given, known.has(n)), handedOut: true, sequence: each.sequence };
    });
    this.#totals = { ...totals };
    this.#holes = totals.queued - this.#items.reduce((sum, { lines }) => sum + lines, 0);
    expect(this.#holes).toBeGreaterThanOrEqual(0);
  }

  #hear(event: BufferEvent): void {
    if (event.kind === 'cursorLost') expect(this.#troubled, 'a cursor is lost').toBe(true);
    if (event.kind !== 'dropped' || this.#reopening) return;
    this.#totals.dropped += event.lines;
    this.#totals.queued -= event.lines;
    if (event.reason === 'corrupt') {
      this.#holes -= event.lines;
      return;
    }
    const gone = this.#items.filter(({ handedOut }) => !handedOut).slice(0, event.records);
    expect(gone.length, event.reason).toBe(event.records);
    const unknown = gone.reduce((sum, { lines }) => sum + lines, 0) - event.lines;
    // Where the next segment could not be read, what is gone shows later, as a hole.
    if (this.#faulty) expect(unknown).toBeGreaterThanOrEqual(0);
    else expect(unknown).toBe(0);
    this.#holes += unknown;
    this.#items = this.#items.filter((item) => !gone.includes(item));
    this.#oweAll();
  }

  #oweAll(): void {
    for (const item of this.#items) item.owed ||= item.handedOut;
  }

  /** Expects the entries that the model would hand out. */
  #handOut(maxBytes: number, entries: Entry[]): Entry[] {
    const chosen: Item[] = [];
    let room = maxBytes;
    for (const item of [...this.#items]) {
      if (item.bytes === 0) {
        this.#items.splice(this.#items.indexOf(item), 1);
        continue;
      }
      room -= item.bytes;
      if (room < 0 && chosen.length > 0) break;
      item.handedOut = true;
      chosen.push(item);
    }
    expect(entries.map(numberOf)).toEqual(chosen.map(({ n }) => n));
    for (const [index, item] of chosen.entries()) item.sequence = entries[index]?.sequence ?? 0;
    return entries;
  }

  #noteOwed(): void {
    const oldest = this.#disk.names.find((name) => name.includes('segment')) ?? 'none';
    for (const item of this.#items) {
      if (item.sequence !== undefined && !(item.sequence >= Number.parseInt(oldest, 10))) item.owed = true;
    }
  }

  #check(): void {
    this.#noteOwed();
    expectBalance(this.#buffer);
    expect(this.#buffer.totals).toEqual(this.#totals);
    expect(this.#buffer.records).toBe(this.#items.length);
    expect(this.#buffer.bytes).toBeLessThanOrEqual(this.#options.maxBytes);
    expect(this.#holes).toBeGreaterThanOrEqual(0);
    const lines = this.#items.reduce((sum, item) => sum + item.lines, 0);
    expect(this.#totals.queued).toBe(lines + this.#holes);
  }

  #beFaulty(): void {
    this.#faulty = true;
    this.#troubled = true;
    const fault = this.#pick<Fault>(['EIO', 'ENOSPC', 'short']);
    const kinds: (Operation | undefined)[] = ['write', 'write', 'datasync', 'datasync', 'create', 'truncate'];
    const kind = this.#pick([...kinds, 'remove', 'syncDirectory', 'read', 'open', 'close', undefined]);
    const probability = this.#pick([0.3, 1]);
    this.#disk.faults = (operation) =>
      (kind === undefined || kind === operation) && this.#chance(probability) ? fault : undefined;
  }

  #dieSoon(): void {
    this.#faulty = true;
    const end = this.#disk.operations + 1 + Math.floor(this.#random() * 8);
    this.#disk.faults = () => (this.#disk.operations >= end ? 'die' : undefined);
  }

  #expectFault(cause: unknown): undefined {
    const { code } = cause as { code?: string };
    expect(['EIO', 'ENOSPC', 'ESHUTDOWN', 'BAD_SETTING'], String(cause)).toContain(code);
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)] as T;
  }
}

function itemOf(n: number, { lines, payload }: NewEntry, acknowledged: boolean): Item {
  return { n, lines, bytes: payload.length, handedOut: false, owed: false, acknowledged };
}

function withoutReads(faults: FaultyDisk['faults']): FaultyDisk['faults'] {
  return (operation, name) =>
    operation === 'read' || operation === 'open' ? undefined : faults(operation, name);
}

it(`${RUNS} random lives of ${STEPS} operations go as the model says`, {
  timeout: 60_000 + RUNS * 500,
}, async () => {
  const seeds = ONLY === undefined ? Array.from({ length: RUNS }, (_, i) => i + 1) : [Number(ONLY)];
  for (const seed of seeds) {
    await new Run(seed).play().catch((cause: Error) => {
      cause.message = `BUFFER_SEED=${seed}: ${cause.message}`;
      throw cause;
    });
  }
});
