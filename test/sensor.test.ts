import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { beforeAll, describe, expect, it, vi } from 'vitest';

const SENSOR = fileURLToPath(new URL('../sensor_runner/sensor', import.meta.url));
const DEFECT = '0 0 0';
const FAULTS = (
  'cpu-high cpu-low cpu-spread cpu-flat cpu-overload random-repeat random-narrow counter-stall counter-fast ' +
  'counter-decrease defect-burst garbage silence stuck crash'
).split(' ');

describe.concurrent('a healthy sensor', () => {
  it('prints a float, an integer and a count on every line, each in its range', async () => {
    const lines = await print('--lines 5000 --seed 1 --defect-rate 0');

    expect(lines).toHaveLength(5000);
    for (const line of lines) expect(line).toMatch(/^\d+\.\d{4} \d+ \d+$/);
    const { load, random, counter } = columns(lines);
    expect(Math.min(...load)).toBeGreaterThanOrEqual(5);
    expect(Math.max(...load)).toBeLessThanOrEqual(10);
    expect(Math.min(...random)).toBeGreaterThanOrEqual(4_000_000);
    expect(Math.max(...random)).toBeLessThanOrEqual(8_000_000);
    expect(counter).toEqual(lines.map((_, i) => i + 1));
  });

  it('has a load that swings between 5 and 10 every five minutes', async () => {
    const { load } = columns(await print('--lines 900 --seed 2 --defect-rate 0'));

    for (const period of [0, 300, 600]) {
      expect(load[period + 75 - 1]).toBeGreaterThan(9.85);
      expect(load[period + 225 - 1]).toBeLessThan(5.15);
    }
  });

  it('takes the time of a line from its number and the interval, not from a clock', async () => {
    const { load } = columns(await print('--interval 0.75 --lines 100 --seed 2 --defect-rate 0'));

    for (const value of load) expect(value).toBeCloseTo(7.5, 0);
    expect(spread(load)).toBeLessThan(0.12);
  });

  it('has random values that fill their range evenly', async () => {
    const { random } = columns(await print('--lines 10000 --seed 3'));

    const buckets = new Array<number>(10).fill(0);
    for (const value of random) {
      const bucket = Math.min(9, Math.floor((value - 4_000_000) / 400_000));
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    expect(Math.min(...buckets)).toBeGreaterThan(850);
    expect(Math.max(...buckets)).toBeLessThan(1150);
  });

  it('prints the known defect about once in sixty lines', async () => {
    const lines = await print('--lines 60000 --seed 4');

    const defects = lines.filter((line) => line === DEFECT).length;
    expect(defects).toBeGreaterThan(850);
    expect(defects).toBeLessThan(1150);
  });

  it('goes on counting underneath a defect', async () => {
    const lines = await print('--lines 1000 --seed 5 --defect-rate 0.3');

    expect(lines.filter((line) => line === DEFECT).length).toBeGreaterThan(200);
    lines.forEach((line, i) => {
      if (line !== DEFECT) expect(line).toMatch(new RegExp(` ${i + 1}$`));
    });
  });

  it('prints no defect at rate 0 and nothing else at rate 1', async () => {
    expect(await print('--lines 2000 --defect-rate 0')).not.toContain(DEFECT);
    expect(new Set(await print('--lines 2000 --defect-rate 1'))).toEqual(new Set([DEFECT]));
  });

  it('repeats itself, defects included, for the same seed only', async () => {
    const [first, again, other, any, anyAgain] = await Promise.all([
      print('--lines 500 --seed 7 --defect-rate 0.2'),
      print('--lines=500 --seed=7 --defect-rate=0.2'),
      print('--lines 500 --seed 8 --defect-rate 0.2'),
      print('--lines 500'),
      print('--lines 500'),
    ]);

    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    expect(anyAgain).not.toEqual(any);
  });

  it('prints whole lines and all of them, also when they are many', async () => {
    const { stdout } = await sensor('--interval 0 --lines 300000');

    expect(stdout.endsWith(' 300000\n') || stdout.endsWith(`${DEFECT}\n`)).toBe(true);
    expect(stdout.split('\n')).toHaveLength(300_001);
  });
});

describe('the schedule', () => {
  it('prints at once and then a line a second when nothing is said', async () => {
    const process = sensor('');
    const lines = process.iterable();
    await lines.next();
    const start = performance.now();
    await lines.next();
    const elapsed = performance.now() - start;
    process.kill();

    expect(elapsed).toBeGreaterThan(500);
    await process;
  });

  it('is kept on average even where it is finer than a timer', async () => {
    const start = performance.now();
    const { stdout } = await sensor('--interval 0.1 --lines 5000');
    const elapsed = performance.now() - start;

    expect(stdout.split('\n')).toHaveLength(5001);
    expect(elapsed).toBeGreaterThan(499);
    expect(elapsed).toBeLessThan(4000); // one timer a line would take more than 5 s
  });
});

describe.concurrent('a fault', () => {
  const expectations: Record<string, (minute: Minute) => void> = {
    'cpu-high': ({ load }) => expect(mean(load)).toBeGreaterThan(7),
    'cpu-low': ({ load }) => expect(mean(load)).toBeLessThan(2),
    'cpu-spread': ({ load }) => {
      expect(spread(load)).toBeGreaterThan(5);
      expect(mean(load)).toBeGreaterThan(5.5);
      expect(mean(load)).toBeLessThan(7);
    },
    'cpu-flat': ({ load, random, counter }) => {
      expect(spread(load)).toBe(0);
      expect(repeats(random)).toBe(0);
      expect(mean(rises(counter))).toBeLessThan(1.2);
    },
    'cpu-overload': ({ load }) => {
      expect(load.filter((value) => value > 12).length).toBeGreaterThanOrEqual(3);
      expect(Math.max(...load.filter((value) => value <= 12))).toBeLessThanOrEqual(10);
    },
    'random-repeat': ({ random }) => {
      expect(repeats(random.slice(0, 25))).toBeGreaterThan(2);
      expect(deviation(random)).toBeGreaterThan(1_000_000);
    },
    'random-narrow': ({ random }) => {
      expect(deviation(random)).toBeLessThan(500_000);
      expect(Math.min(...random)).toBeGreaterThanOrEqual(5_500_000);
      expect(Math.max(...random)).toBeLessThanOrEqual(6_500_000);
    },
    'counter-stall': ({ counter }) => expect(new Set(counter).size).toBe(1),
    'counter-fast': ({ counter }) => expect(mean(rises(counter))).toBeGreaterThanOrEqual(10),
    'counter-decrease': ({ counter }) => {
      expect(counter.some((value, i) => i > 0 && value < (counter[i - 1] ?? 0))).toBe(true);
      expect(Math.min(...counter)).toBeGreaterThan(0);
    },
    'defect-burst': ({ lines }) => {
      const defects = lines.filter((line) => line === DEFECT).length;
      expect(defects).toBeGreaterThan(15);
      expect(defects).toBeLessThan(45);
    },
    garbage: ({ lines }) => {
      const good = lines.filter(isReading).length;
      expect(good).toBeGreaterThan(25);
      expect(good).toBeLessThan(35);
    },
    stuck: ({ lines }) => {
      expect(new Set(lines).size).toBe(1);
      expect(lines[0]).toSatisfy(isReading);
      expect(lines[0]).not.toBe(DEFECT);
    },
  };

  let healthy: string[];
  beforeAll(async () => {
    healthy = await print('--lines 70 --seed 9');
  });

  it.each(Object.entries(expectations))(
    '%s changes nothing before its time and then does what its name says in every minute',
    async (name, holds) => {
      const lines = await print(`--lines 630 --seed 9 --fault ${name}@30`);

      const firstChange = lines.findIndex((line, i) => line !== healthy[i]);
      expect(firstChange).toBeGreaterThanOrEqual(30);
      expect(firstChange).toBeLessThan(40);
      for (let from = 30; from < 630; from += 60) {
        const minute = lines.slice(from, from + 60);
        holds({ lines: minute, ...columns(minute) });
      }
    },
  );

  it('starts with the first line when no time is given', async () => {
    const { load } = columns(await print('--lines 20 --defect-rate 0 --fault cpu-flat'));

    expect(load).toEqual(load.map(() => 6.25));
  });

  it('counts its time in lines times the interval', async () => {
    const lines = await print('--interval 0.5 --lines 40 --defect-rate 0 --fault cpu-flat@0.01');

    expect(lines.findIndex((line) => line.startsWith('6.2500 '))).toBe(20);
  });

  it('garbage holds every kind of bad line, bytes that are not UTF-8 among them', async () => {
    const args = '--interval 0 --lines 60 --defect-rate 0 --fault garbage'.split(' ');
    const { stdout } = await execa(SENSOR, args, { encoding: 'buffer' });
    const lines = Buffer.from(stdout).toString('latin1').split('\n');

    const bad = lines.filter((line) => !isReading(line));
    const widths = new Set(bad.map((line) => line.split(' ').filter(Boolean).length));
    expect(widths).toEqual(new Set([0, 2, 3, 4, 6]));
    expect(bad.some((line) => line.startsWith('NaN '))).toBe(true);
    expect(bad.some((line) => line.includes('\xff'))).toBe(true);
    expect(() => new TextDecoder('utf-8', { fatal: true }).decode(stdout)).toThrow();
  });

  it('crash ends with a line on stderr and exit code 3, and loses nothing printed before', async () => {
    const { exitCode, stdout, stderr } = await sensor('--interval 0 --fault crash@5');

    expect(exitCode).toBe(3);
    expect(stdout).toMatch(/^(.+\n){5}$/);
    expect(stderr).toBe('sensor: crashed, as --fault crash asked\n');
  });

  it('silence prints nothing more but stays alive', async () => {
    const process = sensor('--interval 0 --fault silence@5');
    await once(process.stdout, 'data');
    await sleep(300); // a quarter of a million lines, were it not silent
    expect(process.exitCode).toBeNull();
    process.kill();

    const { exitCode, stdout } = await process;
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^(.+\n){5}$/);
  });

  it('can be given several times', async () => {
    const { load, counter } = columns(
      await print('--lines 200 --defect-rate 0 --fault cpu-flat@100 --fault=counter-fast@50'),
    );

    expect(load.indexOf(6.25)).toBe(100);
    expect(counter.slice(48, 53)).toEqual([49, 50, 60, 70, 80]);
  });
});

describe.concurrent('the end', () => {
  it.each(['0', '5'])('comes quietly when the reader goes away (--interval %s)', async (interval) => {
    const process = spawn(SENSOR, ['--interval', interval]);
    const stderr = text(process.stderr);
    await once(process.stdout, 'data');
    process.stdout.destroy();
    const [exitCode] = await once(process, 'exit');

    expect({ exitCode, stderr: await stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  it('comes quietly behind a pipe of the shell', async () => {
    const { stdout, stderr } = await execa('sh', [
      '-c',
      '{ "$0" --interval 0; echo "exit $?" >&2; } | head -n 1',
      SENSOR,
    ]);

    expect(stdout.split('\n')).toHaveLength(1);
    expect(stderr).toBe('exit 0');
  });

  it.each([
    ['SIGTERM', '--interval 0'],
    ['SIGINT', '--interval 0'],
    ['SIGTERM', '--interval 60000'],
    ['SIGINT', '--interval 60000'],
  ] as const)('comes quietly and with a whole line on %s (%s)', async (signal, options) => {
    const process = sensor(`${options} --defect-rate 0`);
    await once(process.stdout, 'data');
    process.kill(signal);

    const { exitCode, stdout, stderr } = await process;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(endsWithItsCount(stdout)).toBe(true);
  });

  it('waits for a slow reader instead of filling the memory, and still ends with a whole line', async () => {
    // The reader takes a byte, waits for a word on the shell's stdin, and then takes the rest.
    const shell = spawn('sh', [
      '-c',
      `exec 3<&0
       { "$0" --interval 0 --defect-rate 0 & echo $! >&2; wait $!; echo "exit $?" >&2; } |
       { head -c 1; head -n 1 <&3 >&2; cat; }`,
      SENSOR,
    ]);
    const [stdout, stderr] = [text(shell.stdout), text(shell.stderr)];
    const [pid] = await once(shell.stderr, 'data');
    await once(shell.stdout, 'data');
    await sleep(300); // a heedless sensor fills its memory with 5 MB by then
    process.kill(Number(pid));
    await sleep(100); // lets the signal arrive first
    shell.stdin.end('go\n');

    expect((await stdout).length).toBeLessThan(1_000_000);
    expect(endsWithItsCount(await stdout)).toBe(true);
    expect(await stderr).toMatch(/exit 0\n$/);
  });

  it('comes also when the output is a file, which never makes it wait', async () => {
    await inFolder(async (folder) => {
      const file = await open(join(folder, 'output'), 'w+');
      const process = spawn(SENSOR, ['--interval', '0', '--defect-rate', '0'], {
        stdio: ['ignore', file.fd, 'pipe'],
        timeout: 5000,
        killSignal: 'SIGKILL',
      });
      const exit = once(process, 'exit');
      await vi.waitFor(async () => expect((await file.stat()).size).toBeGreaterThan(0), 4000);
      process.kill();

      expect((await exit)[0]).toBe(0);
      expect(endsWithItsCount(await readFile(join(folder, 'output'), 'latin1'))).toBe(true);
      await file.close();
    });
  });

  it.skipIf(!existsSync('/dev/full'))('names the reason when stdout takes nothing', async () => {
    const { exitCode, stderr } = await execa('sh', ['-c', '"$0" --lines 1 > /dev/full', SENSOR], {
      reject: false,
    });

    expect(exitCode).toBe(74);
    expect(stderr).toMatch(/^sensor: cannot write to stdout: ENOSPC.*$/);
  });
});

describe.concurrent('the options', () => {
  it.each([
    ['--interval x', '--interval got "x", expected milliseconds'],
    ['--interval 2147483648', '--interval got "2147483648", expected milliseconds'],
    ['--lines 1.5', '--lines got "1.5", expected a whole number'],
    ['--lines', '--lines got nothing, expected a whole number'],
    ['--seed=0x10', '--seed got "0x10", expected a whole number'],
    ['--defect-rate 2', '--defect-rate got "2", expected a number from 0 to 1'],
    ['--fault cpu-hot', '--fault got "cpu-hot", expected one of cpu-high, '],
    ['--fault constructor', '--fault got "constructor", expected one of cpu-high, '],
    ['--fault crash@-1', '--fault got "crash@-1", expected one of cpu-high, '],
    ['--speed 3', 'there is no option "--speed", expected --interval, '],
    ['fast', 'there is no option "fast", expected --interval, '],
  ])('refuse `%s` with what is wrong and what is expected', async (options, message) => {
    const { exitCode, stdout, stderr } = await sensor(options);

    expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: '' });
    expect(stderr).toMatch(/^sensor: .+\n$/);
    expect(stderr).toContain(message);
  });

  it('and every fault are explained by --help', async () => {
    const { exitCode, stdout, stderr } = await sensor('--help');

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const explained = Array.from(stdout.matchAll(/^ {2}(\S+).* {2,}\S/gm), (match) => match[1]);
    expect(explained).toEqual(['--interval', '--lines', '--seed', '--defect-rate', '--fault', ...FAULTS]);
  });
});

it.concurrent.each([
  ['no package.json', undefined],
  ['an ES module package', '{ "type": "module" }'],
  ['a CommonJS package', '{ "type": "commonjs" }'],
])('a copy of the sensor runs in a folder with %s', async (_, manifest) => {
  await inFolder(async (folder) => {
    if (manifest) await writeFile(join(folder, 'package.json'), manifest);
    await copyFile(SENSOR, join(folder, 'sensor'));

    const { stdout, stderr } = await execa(join(folder, 'sensor'), ['--lines', '1', '--defect-rate', '0']);
    expect(stdout).toSatisfy(isReading);
    expect(stderr).toBe('');
  });
});

interface Columns {
  load: number[];
  random: number[];
  counter: number[];
}

type Minute = Columns & { lines: string[] };

function sensor(options: string) {
  const args = options.split(' ').filter(Boolean);
  return execa(SENSOR, args, { reject: false, stripFinalNewline: false, timeout: 20_000 });
}

async function print(options: string): Promise<string[]> {
  const { stdout, stderr, exitCode } = await sensor(`--interval 0 ${options}`);
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  expect(stdout).toMatch(/\n$/);
  return stdout.slice(0, -1).split('\n');
}

// Without defects a whole last line ends with the number of lines.
function endsWithItsCount(stdout: string): boolean {
  return stdout.endsWith(` ${stdout.split('\n').length - 1}\n`);
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sensor-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function isReading(line: string): boolean {
  return /^\d+(\.\d+)? \d+ \d+$/.test(line);
}

// The columns of the good lines, as an alert sees them.
function columns(lines: string[]): Columns {
  const rows = lines
    .filter((line) => isReading(line) && line !== DEFECT)
    .map((line) => line.split(' ').map(Number));
  const column = (index: number) => rows.map((row) => row[index] ?? Number.NaN);
  return { load: column(0), random: column(1), counter: column(2) };
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function spread(values: number[]): number {
  return Math.max(...values) - Math.min(...values);
}

function deviation(values: number[]): number {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

function repeats(values: number[]): number {
  return values.length - new Set(values).size;
}

// The non-negative differences, as the counter alerts see them.
function rises(values: number[]): number[] {
  return values
    .flatMap((value, i) => (i === 0 ? [] : value - (values[i - 1] ?? value)))
    .filter((rise) => rise >= 0);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
