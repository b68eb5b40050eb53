import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FollowOptions, follow } from '../../src/source/follow.js';
import { textsOf } from '../../src/source/lines.js';
import { until } from '../until.js';
import { temporaryFolder } from '../visualizer.js';

let folder: string;
let file: string;
let positionFile: string;
const runs: { stop: AbortController; ended: Promise<void> }[] = [];
beforeEach(() => {
  folder = temporaryFolder();
  mkdirSync(join(folder, 'logs'));
  file = join(folder, 'logs', 'sensor.log');
  positionFile = join(folder, 'position');
});
afterEach(async () => {
  for (const { stop, ended } of runs.splice(0)) {
    stop.abort();
    await ended.catch(() => {});
  }
  await rm(folder, { recursive: true, force: true });
});

/** `acks`: which events are acknowledged. */
type Start = Partial<FollowOptions> & { readonly acks?: (event: number) => boolean };

/** A run that follows the file: what it has read and logged so far, and its end. */
function start({ acks = () => false, ...options }: Start = {}) {
  const said: { msg: string; [key: string]: unknown }[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => said.push(JSON.parse(line)) });
  const stop = new AbortController();
  const run = { lines: [] as string[], refused: [] as string[], acked: 0, events: 0, said, stop };
  const source = follow(
    { file, from: 'start', positionFile, maxLineBytes: 65_536, log, pollMs: 20, ...options },
    stop.signal,
  );
  const ended = (async () => {
    for await (const event of source) {
      if (event.kind !== 'lines') throw new Error(`a ${event.kind} from a file`);
      run.lines.push(...textsOf(event.lines));
      run.refused.push(...event.lines.refused.map(({ reason }) => reason));
      run.events += 1;
      if (!acks(run.events)) continue;
      await event.ack?.();
      run.acked = run.lines.length;
    }
  })();
  // A rejection is looked at by the test that expects one.
  ended.catch(() => {});
  runs.push({ stop, ended });
  return Object.assign(run, { ended });
}

const always = () => true;

/** A run that reads until it has come to this line, and is then stopped. */
async function readUntil(line: string, options: Start = {}) {
  const run = start({ acks: always, ...options });
  await untilRead(run, line);
  run.stop.abort();
  await run.ended;
  return run;
}

function untilRead(run: { readonly lines: readonly string[] }, line: string, deadlineMs?: number) {
  return until(`line ${line} is read`, () => run.lines.at(-1) === line, deadlineMs);
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index));
}

function text(from: number, to: number): string {
  return numbers(from, to)
    .map((line) => `${line}\n`)
    .join('');
}

function rotated(suffix: string): string {
  return `${file}${suffix}`;
}

/** As logrotate does, with numbers. */
function rotate(keep = 30): void {
  for (let number = keep; number >= 1; number -= 1) {
    const old = number === 1 ? file : rotated(`.${number - 1}`);
    if (statSync(old, { throwIfNoEntry: false })) renameSync(old, rotated(`.${number}`));
  }
}

describe('following a file', () => {
  it('reads what is there and what is added, and waits for the end of a line', async () => {
    writeFileSync(file, '1\r\n2\nthr');
    const run = start();
    await untilRead(run, '2');
    appendFileSync(file, 'ee');
    appendFileSync(file, '\n4\n');
    await untilRead(run, '4');
    expect(run.lines).toEqual(['1\r', '2', 'three', '4']);
  });

  it('leaves an unterminated line to the next run', async () => {
    writeFileSync(file, '1\n2\nthr');
    const first = await readUntil('2');
    expect(first.lines).toEqual(['1', '2']);
    appendFileSync(file, 'ee\n');
    expect((await readUntil('three')).lines).toEqual(['three']);
  });

  it('begins at the end where it is asked to, and skips the rest of a line that was begun', async () => {
    writeFileSync(file, '1\n2\n');
    const run = start({ from: 'end' });
    await until('it has begun', () => statSync(positionFile, { throwIfNoEntry: false }));
    appendFileSync(file, '3\n');
    await untilRead(run, '3');
    expect(run.lines).toEqual(['3']);

    rmSync(positionFile);
    writeFileSync(file, '1\n2');
    const within = start({ from: 'end' });
    await until('it has begun', () => statSync(positionFile, { throwIfNoEntry: false }));
    appendFileSync(file, '22');
    within.stop.abort();
    await within.ended;
    appendFileSync(file, '2\n3\n');
    expect((await readUntil('3', { from: 'end' })).lines).toEqual(['3']);
  });

  it('does not begin at a later end when it is restarted before anything came', async () => {
    writeFileSync(file, '1\n');
    const first = start({ from: 'end' });
    await until('it has begun', () => statSync(positionFile, { throwIfNoEntry: false }));
    first.stop.abort();
    await first.ended;
    appendFileSync(file, '2\n');
    expect((await readUntil('2', { from: 'end' })).lines).toEqual(['2']);
  });

  it.each(['now', 'in the next run'])(
    'waits for a file that is missing, and reads it %s from its start',
    async (when) => {
      rmSync(join(folder, 'logs'), { recursive: true });
      const run = start({ from: 'end' });
      await until('it says so', () => run.said.length > 0);
      if (when !== 'now') {
        run.stop.abort();
        await run.ended;
      }
      mkdirSync(join(folder, 'logs'));
      writeFileSync(file, '1\n2\n');
      const reader = when === 'now' ? run : start({ from: 'end' });
      await untilRead(reader, '2');
      expect(reader.lines).toEqual(['1', '2']);
      expect(run.said.map(({ msg }) => msg)).toEqual([
        expect.stringMatching(/no file .*sensor.log; waiting/),
      ]);
    },
  );

  it('hears of a change long before the next look is due', async () => {
    writeFileSync(file, '1\n');
    const run = start({ pollMs: 30_000 });
    await untilRead(run, '1', 5_000);
    for (const line of numbers(2, 20)) {
      appendFileSync(file, `${line}\n`);
      await untilRead(run, line, 5_000);
    }
  });

  it('ends at once when it is stopped, and lets go of every file', async () => {
    const openFiles = () => readdirSync('/proc/self/fd').length;
    const before = openFiles();
    writeFileSync(file, text(1, 100_000));
    const run = start({ pollMs: 30_000, acks: always });
    await untilRead(run, '100000');
    expect(openFiles()).toBeGreaterThan(before);
    run.stop.abort();
    await run.ended;
    await until('all is closed', () => openFiles() <= before, 5_000);

    const options = { file, from: 'start' as const, positionFile: undefined, maxLineBytes: 100 };
    const source = follow({ ...options, log: pino({ level: 'silent' }) }, new AbortController().signal);
    for await (const event of source) {
      expect(event).not.toHaveProperty('ack');
      // No more than what was asked for.
      expect(event.kind === 'lines' && textsOf(event.lines).length).toBeLessThan(20_000);
      break;
    }
    await until('all is closed', () => openFiles() <= before, 5_000);
  });

  it('refuses a line that is too long once, also when it comes in pieces, and again after a restart', async () => {
    writeFileSync(file, '1\n');
    const run = start({ maxLineBytes: 100, acks: always });
    await untilRead(run, '1');
    for (let piece = 0; piece < 10; piece += 1) {
      const { events } = run;
      appendFileSync(file, 'x'.repeat(60));
      if (piece === 1) await until('it is refused', () => run.events > events);
    }
    run.stop.abort();
    await run.ended;
    appendFileSync(file, 'y\n2\n');
    const next = await readUntil('2', { maxLineBytes: 100 });
    expect([run.refused, next.lines, next.refused]).toEqual([
      ['longer than 100 bytes'],
      ['2'],
      ['longer than 100 bytes'],
    ]);
  });

  it('names a file that cannot be followed, and what to do', async () => {
    await expect(start({ file: folder }).ended).rejects.toMatchObject({
      exitCode: 66,
      message: expect.stringMatching(/^The file \S+ cannot be followed: it is a directory\. Name another/),
    });
    writeFileSync(file, '');
    await expect(start({ file: join(file, 'x') }).ended).rejects.toThrow(/no directory/);
    await expect(start({ file: '/dev/null' }).ended).rejects.toThrow(/no plain file/);
  });

  it('complains once when the file cannot be read any more, and goes on when it can', async () => {
    writeFileSync(file, '1\n');
    const run = start();
    await untilRead(run, '1');
    renameSync(file, rotated('.1'));
    mkdirSync(file);
    await until('it complains', () => run.said.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    rmSync(file, { recursive: true });
    writeFileSync(file, '2\n');
    await untilRead(run, '2');
    expect(run.said).toMatchObject([
      { msg: expect.stringMatching(/trying again/), cause: 'it is a directory' },
    ]);
  });
});

describe('a file that is renamed', () => {
  it('is read to its end, its unterminated last line as well, before the next one', async () => {
    writeFileSync(file, '1\n2');
    const run = start();
    await untilRead(run, '1');
    rotate();
    writeFileSync(file, '3\n');
    await untilRead(run, '3');
    expect(run.lines).toEqual(['1', '2', '3']);
  });

  it('is read on as long as nothing is written to its successor', async () => {
    writeFileSync(file, '1\n');
    const run = start();
    await untilRead(run, '1');
    const writer = openSync(file, 'a');
    rotate();
    writeFileSync(file, '');
    for (const line of numbers(2, 12)) {
      writeSync(writer, `${line}\n`);
      await untilRead(run, line);
      // Several looks at nothing new.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    closeSync(writer);
    appendFileSync(file, '13\n');
    await untilRead(run, '13');
    expect(run.lines).toEqual(numbers(1, 13));
  });

  it('is followed by those begun later, also where the newest one has the highest number', async () => {
    writeFileSync(file, '1\n');
    const run = start({ pollMs: 300 });
    await untilRead(run, '1');
    for (const number of [1, 2, 3]) {
      const { birthtimeMs } = statSync(file);
      renameSync(file, rotated(`.${number}`));
      // Files that were begun in the same instant tell nothing.
      await until('the next one is begun later', () => {
        rmSync(file, { force: true });
        writeFileSync(file, `${number + 1}\n`);
        return statSync(file).birthtimeMs > birthtimeMs;
      });
    }
    await untilRead(run, '4');
    expect(run.lines).toEqual(['1', '2', '3', '4']);
  });

  it('is read to its end although it was removed', async () => {
    writeFileSync(file, '1\n');
    const run = start();
    await untilRead(run, '1');
    const writer = openSync(file, 'a');
    rmSync(file);
    writeSync(writer, '2\n');
    closeSync(writer);
    writeFileSync(file, '3\n');
    await untilRead(run, '3');
    expect(run.lines).toEqual(['1', '2', '3']);
  });

  it('may be compressed and removed as soon as it was read', async () => {
    writeFileSync(file, '1\n');
    const run = start();
    await untilRead(run, '1');
    rotate();
    execFileSync('gzip', [rotated('.1')]);
    writeFileSync(file, '2\n');
    await untilRead(run, '2');
    expect([run.lines, run.said]).toEqual([['1', '2'], []]);
  });

  it('does not bring back what was read before it', async () => {
    writeFileSync(rotated('.1'), '-1\n');
    writeFileSync(rotated('-20200101'), '-2\n');
    utimesSync(rotated('.1'), 1, 1);
    utimesSync(rotated('-20200101'), 1, 1);
    writeFileSync(file, '1\n');
    const run = start();
    await untilRead(run, '1');
    rmSync(file);
    writeFileSync(file, '2\n');
    await untilRead(run, '2');
    renameSync(file, join(folder, 'logs', 'elsewhere'));
    writeFileSync(file, '3\n');
    await untilRead(run, '3');
    expect(run.lines).toEqual(['1', '2', '3']);
  });

  it.each([1, 2, 3])('loses and doubles no line when it happens at any moment (%d)', async () => {
    const script = `
      const fs = require('node:fs');
      const file = process.argv[1];
      let last = 0;
      let writer = fs.openSync(file, 'a');
      const write = (lines) => {
        let text = '';
        for (let index = 0; index < lines; index += 1) text += ++last + '\\n';
        // Cut somewhere, so that half lines are seen.
        const cut = Math.floor(Math.random() * text.length);
        fs.writeSync(writer, text.slice(0, cut));
        fs.writeSync(writer, text.slice(cut));
      };
      const random = (below) => Math.floor(Math.random() * below);
      const wait = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
      for (let round = 0; round < 25; round += 1) {
        for (let burst = 0; burst < 20; burst += 1) { write(random(2_000)); wait(random(3)); }
        for (let number = 40; number >= 1; number -= 1) {
          const old = number === 1 ? file : file + '.' + (number - 1);
          if (fs.existsSync(old)) fs.renameSync(old, file + '.' + number);
        }
        // The writer keeps the old one for a few more lines, with its successor there already or not.
        const created = random(2) === 0;
        if (created) fs.writeFileSync(file, '');
        for (let burst = 0; burst < random(4); burst += 1) { write(20); wait(random(3)); }
        fs.closeSync(writer);
        writer = fs.openSync(file, 'a');
        if (random(3) === 0) round -= 0.5;
        if (random(3) === 0) continue;
        wait(random(150));
      }
      write(1);
      console.log(last);
    `;
    const writer = spawn(process.execPath, ['-e', script, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    let last = '';
    writer.stdout.on('data', (bytes) => {
      last += bytes;
    });
    const run = start({ acks: (event) => event % 7 === 0 });
    await once(writer, 'close');
    await untilRead(run, last.trim());
    expect(run.lines.length).toBe(Number(last));
    expect(run.lines.every((line, index) => line === String(index + 1))).toBe(true);
    expect(run.said.filter(({ level }) => level !== 30)).toEqual([]);
  });
});

describe('a file that is truncated', () => {
  it('is read from its start, and what was not terminated before is a line', async () => {
    writeFileSync(file, '1\n2\nthr');
    const run = start({ acks: always });
    await untilRead(run, '2');
    await until('the rest is carried', () => run.events > 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    truncateSync(file);
    appendFileSync(file, '4\n');
    await untilRead(run, '4');
    expect(run.lines).toEqual(['1', '2', 'thr', '4']);
  });

  it('loses and doubles no line when that happens again and again, though it is longer than before at once', async () => {
    writeFileSync(file, '');
    const run = start({ acks: (event) => event % 5 === 0 });
    let last = 0;
    let size = 0;
    for (let round = 0; round < 25; round += 1) {
      const lines = 1_000 + Math.floor(Math.random() * 20_000);
      let bytes = text(last + 1, last + lines);
      // More than was there before.
      while (bytes.length <= size) {
        last += lines;
        bytes += text(last + 1, last + lines);
      }
      last += lines;
      size = bytes.length;
      const writer = openSync(file, round % 2 === 0 ? 'w' : 'a');
      if (round % 2 === 1) truncateSync(file);
      writeSync(writer, bytes);
      closeSync(writer);
      for (let burst = 0; burst < 5; burst += 1) {
        const more = text(last + 1, last + 100);
        last += 100;
        size += more.length;
        appendFileSync(file, more);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
      }
      await untilRead(run, String(last));
      if (round % 5 === 4) size = 0;
    }
    expect(run.lines).toHaveLength(last);
    expect(run.lines.every((line, index) => line === String(index + 1))).toBe(true);
  });

  it.each([20, 400])('is read on in its copy first, looking every %d ms', async (pollMs) => {
    writeFileSync(file, '');
    const run = start({ pollMs });
    let last = 0;
    for (let round = 0; round < 20; round += 1) {
      appendFileSync(file, text(last + 1, last + 5_000));
      last += 5_000;
      if (round % 3 === 0) await untilRead(run, String(last));
      // Added and copied before anybody could look.
      appendFileSync(file, text(last + 1, last + 10));
      appendFileSync(file, 'hal');
      last += 10;
      for (let number = 25; number > 1; number -= 1) {
        const old = rotated(`.${number - 1}`);
        if (statSync(old, { throwIfNoEntry: false })) renameSync(old, rotated(`.${number}`));
      }
      copyFileSync(file, rotated('.1'));
      truncateSync(file);
      appendFileSync(file, `f${round}\n`);
      if (round % 2 === 0) await until('the truncation is seen', () => run.lines.at(-1) === `f${round}`);
    }
    await untilRead(run, 'f19');
    const read = run.lines.filter((line) => line !== 'hal' && !line.startsWith('f'));
    expect(read.length).toBe(last);
    expect(read.every((line, index) => line === String(index + 1))).toBe(true);
    expect(run.lines.filter((line) => line === 'hal')).toHaveLength(20);
    expect(run.lines.filter((line) => line.startsWith('f'))).toEqual(
      numbers(0, 19).map((round) => `f${round}`),
    );
  });
});

describe('a restart', () => {
  it('brings back only the lines behind the last acknowledgement, whatever happened to the file', async () => {
    const seen = new Set<string>();
    let last = 0;
    let acked = 0;
    let resumed = 0;
    const write = (lines: number) => {
      appendFileSync(file, text(last + 1, last + lines));
      last += lines;
    };
    write(1);
    for (let round = 0; round < 40; round += 1) {
      const run = start({ acks: () => Math.random() < 0.3, pollMs: 5 });
      const until = performance.now() + Math.random() * 60;
      while (performance.now() < until) {
        write(Math.floor(Math.random() * 5_000));
        if (Math.random() < 0.2) rotate(200);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
      }
      run.stop.abort();
      await run.ended;
      if (run.lines.length > 0) {
        expect(run.lines).toEqual(numbers(acked + 1, acked + run.lines.length));
        resumed += 1;
      }
      acked += run.acked;
      for (const line of run.lines) seen.add(line);
      if (round % 3 === 0) {
        write(100);
        rotate(200);
      }
      if (round % 5 === 0) write(100);
      expect(run.said.filter(({ level }) => level !== 30)).toEqual([]);
    }
    write(1);
    const final = await readUntil(String(last));
    for (const line of final.lines) seen.add(line);
    expect(final.lines).toEqual(numbers(acked + 1, last));
    expect([...seen]).toEqual(numbers(1, last));
    expect(resumed).toBeGreaterThan(10);
    expect(acked).toBeGreaterThan(1_000);
  });

  it.each([
    ['numbers', ['.3', '.2', '.1']],
    ['dates', ['-20240131', '-20240201', '-20240202-1']],
    ['dates with a dot', ['.2024-01-31T23', '.2024-02-01T00', '.2024-02-01T01']],
    ['times since the epoch', ['-1706659200', '-1706745600', '-1706832000']],
  ])('reads what was rotated meanwhile with %s, the oldest first', async (_, [first, second, third]) => {
    writeFileSync(rotated('.9'), 'older\n');
    writeFileSync(rotated('-20240101'), 'older\n');
    utimesSync(rotated('.9'), 1, 1);
    utimesSync(rotated('-20240101'), 1, 1);
    writeFileSync(file, '1\n2\n');
    await readUntil('2');
    appendFileSync(file, '3\n4');
    renameSync(file, rotated(first as string));
    writeFileSync(rotated(second as string), '5\n');
    writeFileSync(rotated(third as string), '6\n7\n');
    writeFileSync(file, '8\n');
    expect((await readUntil('8')).lines).toEqual(numbers(3, 8));
  });

  it('knows names that keep their extension', async () => {
    const inLogs = (name: string) => join(folder, 'logs', name);
    writeFileSync(file, '1\n');
    await readUntil('1');
    renameSync(file, inLogs('sensor-2024-01-31T00-00-00.000.log'));
    writeFileSync(inLogs('sensor-2024-02-01T00-00-00.000.log'), '2\n');
    writeFileSync(file, '3\n');
    expect((await readUntil('3')).lines).toEqual(['2', '3']);
  });

  it('says which files were compressed before they could be read', async () => {
    writeFileSync(file, '1\n');
    await readUntil('1');
    renameSync(file, rotated('.3'));
    writeFileSync(rotated('.2.gz'), 'not really');
    writeFileSync(rotated('.1'), '2\n');
    writeFileSync(rotated('.1.gz'), 'it is being compressed');
    writeFileSync(file, '3\n');
    const run = await readUntil('3');
    expect(run.lines).toEqual(['2', '3']);
    expect(run.said).toMatchObject([{ msg: expect.stringMatching(/compressed/), files: [rotated('.2.gz')] }]);
  });

  it('finds the last file under any name', async () => {
    writeFileSync(file, '1\n2\n');
    await readUntil('2');
    appendFileSync(file, '3\n');
    renameSync(file, join(folder, 'logs', 'elsewhere'));
    writeFileSync(file, '4\n');
    const run = await readUntil('4');
    expect([run.lines, run.said]).toEqual([['3', '4'], []]);
  });

  it('says what may be missing where the last file is gone, and reads all that came later', async () => {
    writeFileSync(file, '1\n2\n');
    await readUntil('2');
    // Its inode must not be given to its successor, which would hide that it was replaced.
    renameSync(file, join(folder, 'kept'));
    writeFileSync(rotated('.1'), '3\n');
    writeFileSync(file, '4\n');
    const run = await readUntil('4');
    expect(run.lines).toEqual(['3', '4']);
    expect(run.said).toMatchObject([{ readUpToByte: 4, msg: expect.stringMatching(/may be missing/) }]);
  });

  it('does not take another file for the last one because it was given its inode', async () => {
    writeFileSync(file, '1\n2\n');
    await readUntil('2');
    writeFileSync(file, 'a\nb\nc\n');
    const run = await readUntil('c');
    expect(run.lines).toEqual(['a', 'b', 'c']);
    expect(run.said).toMatchObject([{ msg: expect.stringMatching(/may be missing/) }]);
  });

  it('reads the rest of a file that was copied and truncated meanwhile', async () => {
    writeFileSync(file, '1\n2\n');
    await readUntil('2');
    appendFileSync(file, '3\n');
    copyFileSync(file, rotated('.1'));
    truncateSync(file);
    appendFileSync(file, '4\n5\n6\n7\n');
    const run = await readUntil('7');
    expect([run.lines, run.said]).toEqual([['3', '4', '5', '6', '7'], []]);
  });
});

describe('the position', () => {
  it('is a small record for its owner only, written in place', async () => {
    writeFileSync(file, text(1, 1_000));
    await readUntil('1000');
    const { mode, size, ino } = statSync(positionFile);
    expect([mode & 0o777, size]).toEqual([0o600, 320]);
    appendFileSync(file, '1001\n');
    await readUntil('1001');
    expect(statSync(positionFile)).toMatchObject({ size, ino });
  });

  it('is not trusted with a single byte changed', async () => {
    writeFileSync(file, '1\n2\n');
    await readUntil('2');
    const sound = readFileSync(positionFile);
    for (let index = 0; index < sound.length; index += 7) {
      const damaged = Buffer.from(sound);
      damaged.writeUInt8(damaged.readUInt8(index) ^ 0x10, index);
      writeFileSync(positionFile, damaged);
      const run = await readUntil('2');
      expect(run.lines).toEqual(['1', '2']);
      expect(run.said).toMatchObject([{ cause: 'it is damaged', msg: expect.stringMatching(/first time/) }]);
    }
  });

  it.each([
    ['is cut to nothing', (sound: Buffer) => sound.subarray(0, 0)],
    ['is cut by a byte', (sound: Buffer) => sound.subarray(0, -1)],
    ['is rubbish', () => Buffer.alloc(5_000, 'rubbish')],
    ['is full of zeros', () => Buffer.alloc(5_000)],
  ])('is mended where it %s', async (_, damage) => {
    writeFileSync(file, '1\n2\n');
    await readUntil('2');
    writeFileSync(positionFile, damage(readFileSync(positionFile)));
    expect((await readUntil('2')).lines).toEqual(['1', '2']);
    appendFileSync(file, '3\n');
    expect((await readUntil('3')).lines).toEqual(['3']);
  });

  it('is not used for another file', async () => {
    writeFileSync(file, '1\n2\n');
    await readUntil('2');
    const other = join(folder, 'logs', 'other.log');
    writeFileSync(other, 'a\n');
    const run = await readUntil('a', { file: other });
    expect([run.lines, run.said]).toMatchObject([['a'], [{ cause: 'it is that of another file' }]]);
  });

  it('costs nothing but a warning where it cannot be saved', async () => {
    writeFileSync(file, '1\n');
    mkdirSync(positionFile);
    const run = start({ acks: always });
    await untilRead(run, '1');
    appendFileSync(file, '2\n');
    await untilRead(run, '2');
    expect(run.said.filter(({ msg }) => /cannot be saved/.test(msg))).toHaveLength(1);
    rmSync(positionFile, { recursive: true });
    appendFileSync(file, '3\n');
    await untilRead(run, '3');
    await until('it is saved', () => statSync(positionFile, { throwIfNoEntry: false })?.size === 320);
  });
});
