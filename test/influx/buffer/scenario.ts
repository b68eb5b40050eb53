/** What the buffer's tests have in common: entries that can be told apart, and books that must balance. */
import { expect } from 'vitest';
import type {
  BufferEvent,
  BufferOptions,
  DurableBuffer,
  Entry,
  NewEntry,
} from '../../../src/influx/buffer.js';

export const EVERYTHING = Number.POSITIVE_INFINITY;
export const ROOMY = { maxBytes: 1 << 20 } satisfies BufferOptions;

/** The n-th entry: its payload tells which it is, its time is n seconds. */
export function entry(n: number, { lines = 1, refused = 0, bytes = 0, lost = 0 } = {}): NewEntry {
  const payload = Buffer.from(`entry ${n} `.padEnd(bytes, `${n} `));
  return { payload, lines, refused, lost, time: BigInt(n) * 1_000_000_000n };
}

export function numberOf({ payload }: Entry): number {
  return Number.parseInt(payload.toString('latin1', 6), 10);
}

export async function queued(buffer: DurableBuffer): Promise<number[]> {
  return (await buffer.peek(EVERYTHING)).map(numberOf);
}

/** Delivers everything, and answers what it was. */
export async function drain(buffer: DurableBuffer, maxBytes = EVERYTHING): Promise<number[]> {
  const drained: number[] = [];
  for (let entries = await buffer.peek(maxBytes); entries.length > 0; entries = await buffer.peek(maxBytes)) {
    for (const { sequence, lines } of entries)
      await buffer.settle({ sequence, delivered: lines, rejected: 0 });
    drained.push(...entries.map(numberOf));
  }
  return drained;
}

export function expectBalance({ totals }: DurableBuffer): void {
  const { read, delivered, queued, rejected, dropped } = totals;
  expect(delivered + queued + rejected + dropped, JSON.stringify(totals)).toBe(read);
  for (const [name, lines] of Object.entries(totals)) expect(lines, name).toBeGreaterThanOrEqual(0);
}

export function eventLog(): { events: BufferEvent[]; onEvent: (event: BufferEvent) => void } {
  const events: BufferEvent[] = [];
  return { events, onEvent: (event) => events.push(event) };
}
