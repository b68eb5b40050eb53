import { describe, expect, it } from 'vitest';
import { NO_LINES } from '../../src/source/lines.js';
import { Watchdog } from '../../src/source/watchdog.js';

const watchdog = ({ silenceMs = 1_000, stuckLines = 3 } = {}) =>
  new Watchdog({ silenceMs, stuckLines: () => stuckLines, isDefect: (line) => line === '0' });
const blockOf = (...lines: string[]) => Buffer.from(lines.map((line) => `${line}\n`).join(''));
const read = (...lines: string[]) => ({ blocks: lines.length > 0 ? [blockOf(...lines)] : [], refused: [] });

describe('a sensor that repeats itself', () => {
  it.each([
    ['at once', [['7', '7', '7']], [true]],
    ['line by line', [['7'], ['7'], ['7']], [false, false, true]],
    [
      'over several reads',
      [
        ['1', '7'],
        ['7', '7'],
      ],
      [false, true],
    ],
    ['with reads in between that complete no line', [['7', '7'], [], ['7']], [false, false, true]],
    ['but has moved on since', [['7', '7', '7', '8']], [false]],
    ['but has moved on in between', [['7', '7'], ['8'], ['7']], [false, false, false]],
    ['in defect lines, which are counted as such', [['0', '0', '0', '0']], [false]],
    ['after defect lines', [['0', '0', '7', '7'], ['7']], [false, true]],
    ['for ever, which is told once', [['7', '7', '7'], ['7'], ['7', '7', '7']], [true, false, false]],
    ['again, which is told again', [['7', '7', '7'], ['8'], ['8', '8']], [true, false, true]],
  ])('%s', (_, reads, expected) => {
    const dog = watchdog();
    expect(reads.map((lines) => dog.see(read(...lines)) !== undefined)).toEqual(expected);
  });

  it('is found out across the blocks of a read', () => {
    const seen = (...blocks: Buffer[]) => watchdog().see({ blocks, refused: [] });
    expect(seen(blockOf('7'), blockOf('7', '7'))).toContain('3 times in a row');
    expect(seen(blockOf('7', '8'), blockOf('7', '7'))).toBeUndefined();
    expect(seen(blockOf('8', '7'), blockOf('7', '7'))).toContain('3 times in a row');
  });

  it('may do so where that is switched off', () => {
    expect(watchdog({ stuckLines: 0 }).see(read('7', '7', '7', '7', '7', '7'))).toBeUndefined();
  });
});

describe('a sensor that is silent', () => {
  const looks = (dog: Watchdog, count: number) => Array.from({ length: count }, () => dog.look());

  it('hangs after the whole time, and is told of once', () => {
    const dog = watchdog();
    expect(dog.lookMs).toBe(100);
    expect(looks(dog, 10)).toEqual(Array(10).fill(undefined));
    expect(dog.look()).toContain('has printed no line for 1s (--silence-timeout 1s');
    expect(looks(dog, 50)).toEqual(Array(50).fill(undefined));
  });

  it('may hold its lines back where it never printed any, and is told so', () => {
    expect(looks(watchdog(), 11).at(-1)).toContain('it may have to flush after each line');
    const dog = watchdog();
    dog.see(read('1'));
    expect(looks(dog, 11).at(-1)).toBe('has printed no line for 1s (--silence-timeout 1s)');
  });

  it('does not hang while it prints lines, be they refused', () => {
    const dog = watchdog();
    looks(dog, 10);
    dog.see(read('1'));
    expect(looks(dog, 10)).toEqual(Array(10).fill(undefined));
    dog.see({ ...NO_LINES, refused: [{ reason: 'not UTF-8', excerpt: '?' }] });
    expect(looks(dog, 10)).toEqual(Array(10).fill(undefined));
    // Half a line is none.
    dog.see(read());
    expect(dog.look()).toBeDefined();
  });

  it('is looked at neither too often nor too seldom', () => {
    expect(watchdog({ silenceMs: 1 }).lookMs).toBe(10);
    const patient = watchdog({ silenceMs: 86_400_000 });
    expect(patient.lookMs).toBe(60_000);
    expect(looks(patient, 1_441).findIndex((wrong) => wrong !== undefined)).toBe(1_440);
  });

  it('may be so where that is switched off', () => {
    expect(looks(watchdog({ silenceMs: 0 }), 1_000)).toEqual(Array(1_000).fill(undefined));
  });
});
