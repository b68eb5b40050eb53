import { describe, expect, it } from 'vitest';
import { culprits, type Line, linesOf } from '../../src/influx/culprits.js';

const lines = (...texts: string[]): Line[] => texts.map((text) => ({ text, entry: 0, reading: true }));
const LOAD_FLOAT = 'sensor,env=a cpu_load=7.5,counter=1i 10';
const LOAD_INTEGER = 'sensor,env=a cpu_load=7i,counter=2i 11';
const NO_LOAD = 'sensor,env=a counter=3i 12';
const OTHER = 'sensor2,env=a cpu_load=7.5 13';
const TRICKY = 'sensor,env=x\\ cpu_load\\=1 counter=4i 14';
const ALL = lines(LOAD_FLOAT, LOAD_INTEGER, NO_LOAD, OTHER, TRICKY);

const conflict = (type: string, count: number) => {
  const what = `input field "cpu_load" on measurement "sensor" is type ${type}, already exists as type string`;
  return { count, message: `partial write: field type conflict: ${what} dropped=${count}` };
};
const named = (leftOut: { count: number; message: string }, among = ALL) => {
  const found = culprits(among, leftOut);
  return found && { lines: found.lines.map(({ text }) => text), count: found.count };
};

describe('the lines of a request', () => {
  it('know their entry, and whether they are readings', () => {
    const entry = (text: string, readings: number) => ({
      sequence: 1,
      payload: Buffer.from(text),
      lines: readings,
    });
    expect(linesOf([entry('a\nb\n', 1), entry('c\n', 0), entry('d\n', 1)])).toEqual([
      { text: 'a', entry: 0, reading: true },
      { text: 'b', entry: 0, reading: false },
      { text: 'c', entry: 1, reading: false },
      { text: 'd', entry: 2, reading: true },
    ]);
  });
});

describe('the lines that a partial write left out', () => {
  it('are those that write the field as the type that is in the way', () => {
    expect(named(conflict('float', 1))).toEqual({ lines: [LOAD_FLOAT], count: 1 });
    expect(named(conflict('integer', 1))).toEqual({ lines: [LOAD_INTEGER], count: 1 });
  });

  it('are among all of the request where the message names too few', () => {
    expect(named(conflict('float', 2))).toEqual({ lines: ALL.map(({ text }) => text), count: 2 });
  });

  it('are never more than the request has', () => {
    expect(named(conflict('float', 99))?.count).toBe(ALL.length);
  });

  it('are those that the message quotes', () => {
    const quoted = (...texts: string[]) => ({
      count: 0,
      message: `partial write: ${texts.map((text) => `unable to parse '${text}': missing: field`).join('\n')} dropped=0`,
    });
    expect(named(quoted(NO_LOAD, OTHER))).toEqual({ lines: [NO_LOAD, OTHER], count: 2 });
    expect(named(quoted(NO_LOAD, 'cut off'))).toBeUndefined();
  });

  it('are the oldest, where they are beyond the retention policy', () => {
    const among = lines(
      'm x=1 1795334400000000003',
      'm x=1 1795334400000000001',
      'm x=1 1795334400000000002',
    );
    const message = 'partial write: points beyond retention policy dropped=2';
    expect(named({ count: 2, message }, among)).toEqual({
      lines: ['m x=1 1795334400000000001', 'm x=1 1795334400000000002'],
      count: 2,
    });
  });

  it('are unknown where the message tells nothing', () => {
    expect(named({ count: 0, message: 'partial write: something dropped=0' })).toBeUndefined();
  });

  it('are found in good time in a message as long as the request', () => {
    const many = lines(...Array.from({ length: 20_000 }, (_, index) => `m,env=a x=${index} ${index}`));
    const message = many.map(({ text }) => `unable to parse '${text}': bad`).join('\n');
    const started = performance.now();
    expect(culprits(many, { count: 0, message })?.count).toBe(20_000);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
