import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openInputFile, readInput } from '../../src/source/input.js';
import { textsOf } from '../../src/source/lines.js';
import { until } from '../until.js';
import { temporaryFolder } from '../visualizer.js';

let folder: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** A shell script's stdout. */
function shell(script: string): Readable {
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return child.stdout;
}

/** As many lines as are asked for. */
function torrent(): Readable {
  return new Readable({
    read() {
      this.push(Buffer.alloc(64 * 1_024, '1234567\n'));
    },
  });
}

/** A line every 10 ms. */
function trickle(): Readable {
  const stream = new PassThrough();
  const timer = setInterval(() => stream.write('1\n'), 10);
  stream.once('close', () => clearInterval(timer));
  return stream;
}

/** What is read from a stream; `pauseMs` is how long the reader takes for each event. */
function read(stream: Readable, { pauseMs = 0 } = {}) {
  const stop = new AbortController();
  const lines: string[] = [];
  const log = pino({ level: 'silent' });
  const ended = (async () => {
    for await (const event of readInput(stream, { maxLineBytes: 65_536, log }, stop.signal)) {
      if (event.kind === 'lines') lines.push(...textsOf(event.lines));
      expect(event).not.toHaveProperty('ack');
      if (pauseMs > 0) await delay(pauseMs);
    }
  })();
  return { lines, stop, ended };
}

describe('the input', () => {
  it('is read to its end, an unterminated last line as well', async () => {
    const stream = shell("seq 200000; printf 'last\\r\\nwithout a newline'");
    const { lines, ended } = read(stream);
    await ended;
    expect(lines).toHaveLength(200_002);
    expect(lines.slice(-3)).toEqual(['200000', 'last\r', 'without a newline']);
    expect(stream.destroyed).toBe(true);
  });

  it('is read as fast as its lines are taken, and no faster', async () => {
    let made = 0;
    const stream = new PassThrough();
    const fill = () => {
      while (stream.write('x'.repeat(1_023).concat('\n'))) made += 1;
      stream.once('drain', fill);
    };
    fill();
    const { lines, stop, ended } = read(stream, { pauseMs: 5 });
    await until('some was read', () => lines.length > 100);
    expect(made).toBeLessThan(lines.length + 1_000);
    stop.abort();
    await ended;
  });

  it('ends soon after the stop where nothing comes any more, and leaves half a line out', async () => {
    const stream = shell("echo 1; printf '2\\n12'; exec sleep 300");
    const { lines, stop, ended } = read(stream);
    await until('it has printed', () => lines.length === 2);
    const stopped = performance.now();
    stop.abort();
    await ended;
    expect(performance.now() - stopped).toBeLessThan(1_000);
    expect(lines).toEqual(['1', '2']);
    expect(stream.destroyed).toBe(true);
  });

  it('is read on after the stop as far as it is there already, however slowly its lines are taken', async () => {
    const stream = shell('seq 50000; exec sleep 300');
    const { lines, stop, ended } = read(stream, { pauseMs: 700 });
    await until('some was read', () => lines.length > 0);
    stop.abort();
    await ended;
    expect(lines).toHaveLength(50_000);
  });

  it.each([
    ['in a torrent', torrent, 20],
    ['in a trickle', trickle, 0],
  ])('ends after the stop though more comes, %s', async (_, open, pauseMs) => {
    const { lines, stop, ended } = read(open(), { pauseMs });
    await until('some was read', () => lines.length > 0);
    const stopped = performance.now();
    stop.abort();
    await ended;
    expect(performance.now() - stopped).toBeLessThan(5_000);
  });

  it('says that it failed, and what to do', async () => {
    const stream = new PassThrough();
    const { lines, ended } = read(stream);
    ended.catch(() => {});
    stream.write('1\n');
    await until('it is read', () => lines.length === 1);
    stream.destroy(Object.assign(new Error('read EIO'), { code: 'EIO' }));
    await expect(ended).rejects.toMatchObject({
      code: 'SENSOR_NOT_RUNNABLE',
      exitCode: 66,
      message: expect.stringMatching(/^Cannot read the input: the device failed.*--input/),
    });
  });
});

describe('an input file', () => {
  it('is read once, to its end', async () => {
    const file = join(folder, 'data');
    writeFileSync(file, '1\n2\n3');
    const { lines, ended } = read(await openInputFile(file));
    await ended;
    expect(lines).toEqual(['1', '2', '3']);
  });

  it.each([
    ['nothing', /^Cannot read \S+nothing: there is no such file\. Name another input with --input\.$/],
    ['folder', /it is a directory/],
    ['file/x', /no directory/],
  ])('is refused where it is no such thing: %s', async (name, message) => {
    mkdirSync(join(folder, 'folder'));
    writeFileSync(join(folder, 'file'), '');
    const opened = openInputFile(join(folder, name));
    await expect(opened).rejects.toMatchObject({ exitCode: 66, message: expect.stringMatching(message) });
  });

  it('may be a FIFO, which is read until its last writer has gone', async () => {
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const { lines, ended } = read(await openInputFile(fifo));
    await delay(50);
    children.push(spawn('sh', ['-c', `exec > ${fifo}; seq 3; sleep 0.1; seq 4 5`]));
    await ended;
    expect(lines).toEqual(['1', '2', '3', '4', '5']);
  });

  it('may be a FIFO that nobody ever writes to: that does not keep the process from ending', async () => {
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const stream = await openInputFile(fifo);
    const { stop, ended } = read(stream);
    await delay(50);
    stop.abort();
    await ended;
    await until('it is closed', () => stream.closed, 2_000);
  });

  it('may be a terminal device, such as a serial port', async () => {
    const script = [
      'import os, pty, sys, time, tty',
      'master, slave = pty.openpty()',
      'tty.setraw(slave)',
      'print(os.ttyname(slave), flush=True)',
      'sys.stdin.readline()',
      "os.write(master, b'1\\n2\\n')",
      'time.sleep(300)',
    ].join('\n');
    const python = spawn('python3', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(python);
    let device = '';
    python.stdout.on('data', (bytes) => {
      device += bytes;
    });
    await until('there is a device', () => device.endsWith('\n'));
    const stream = await openInputFile(device.trim());
    const { lines, stop, ended } = read(stream);
    python.stdin.write('\n');
    await until('it is read', () => lines.length === 2);
    stop.abort();
    await ended;
    expect(lines).toEqual(['1', '2']);
    await until('it is closed', () => stream.closed, 2_000);
  });
});
