import { describe, expect, it } from 'vitest';
import { LineSplitter, textsOf } from '../../src/source/lines.js';

function split(chunks: readonly (string | Buffer)[], maxBytes = 64): { lines: string[]; refused: string[] } {
  const splitter = new LineSplitter(maxBytes);
  const parts = [...chunks.map((chunk) => splitter.push(Buffer.from(chunk))), splitter.end()];
  return {
    lines: parts.flatMap(textsOf),
    refused: parts.flatMap(({ refused }) => refused.map(({ reason }) => reason)),
  };
}

describe('the line splitter', () => {
  it('gives the same lines however the bytes are cut', () => {
    const bytes = Buffer.from('\uFEFFone\ntwö\r\n\nthree — x\nlast');
    for (let first = 0; first <= bytes.length; first += 1) {
      for (let second = first; second <= bytes.length; second += 1) {
        const chunks = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
        expect(split(chunks)).toEqual({ lines: ['one', 'twö\r', '', 'three — x', 'last'], refused: [] });
      }
    }
  });

  it('reads an unterminated last line, and none after a final newline', () => {
    expect(split(['a\nb']).lines).toEqual(['a', 'b']);
    expect(split(['a\nb\n']).lines).toEqual(['a', 'b']);
    expect(split([]).lines).toEqual([]);
  });

  it('takes a byte order mark off the start of the stream only', () => {
    expect(split(['\uFEFFa\n', '\uFEFFb\n']).lines).toEqual(['a', '\uFEFFb']);
    const broken = Buffer.concat([Buffer.from([0xff, 0x0a]), Buffer.from('\uFEFFb\n')]);
    expect(split([broken]).lines).toEqual(['\uFEFFb']);
    expect(split(['x'.repeat(70), '\n', '\uFEFFb\n']).lines).toEqual(['\uFEFFb']);
  });

  it('refuses a line that is not UTF-8, and keeps its neighbours', () => {
    const bytes = Buffer.concat([Buffer.from('a\n'), Buffer.from([0x37, 0xff, 0x0a]), Buffer.from('b\n')]);
    expect(split([bytes])).toEqual({ lines: ['a', 'b'], refused: ['not UTF-8'] });
  });

  it('refuses a line that is too long, once, and goes on after its newline', () => {
    const tooLong = 'longer than 64 bytes';
    const long = 'x'.repeat(65);
    expect(split([`a\n${long}\nb\n`])).toEqual({ lines: ['a', 'b'], refused: [tooLong] });
    expect(split(['a\n', ...long.repeat(9), '\nb\n'])).toEqual({ lines: ['a', 'b'], refused: [tooLong] });
    expect(split([`${'x'.repeat(200)}`, 'yyy'])).toEqual({ lines: [], refused: [tooLong] });
    expect(split([`${'x'.repeat(64)}\r\n${'y'.repeat(64)}\n`]).refused).toEqual([]);
  });

  it('never crashes on, or loses a newline of, 100,000 random chunks', () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
      return seed % below;
    };
    const splitter = new LineSplitter(64);
    let ended = 0;
    let newlines = 0;
    for (let round = 0; round < 100_000; round += 1) {
      const chunk = Buffer.from(
        Array.from({ length: random(100) }, () => (random(20) === 0 ? 0x0a : random(256))),
      );
      newlines += chunk.filter((byte) => byte === 0x0a).length;
      const lines = splitter.push(chunk);
      ended += textsOf(lines).length + lines.refused.length;
    }
    // An overlong line is refused before its newline is seen: at most that one is ahead.
    expect(ended - newlines).toBeGreaterThanOrEqual(0);
    expect(ended - newlines).toBeLessThanOrEqual(1);
  });
});
