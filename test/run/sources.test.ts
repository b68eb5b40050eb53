import { appendFileSync, existsSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Status } from '../../src/local/api.js';
import { stateDirectory } from '../../src/state-directory.js';
import { until } from '../until.js';
import { CLI, type Run, shellSensor, temporaryFolder, untilLogged, visualizer } from '../visualizer.js';

let folder: string;
let child: Run | undefined;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

const dryRun = (args: string[]) => visualizer(['run', '--dry-run', '--flush-interval', '50ms', ...args]);

/** The last column of each reading that a dry run has printed. */
function countersIn(stdout: string): number[] {
  return stdout
    .split('\n')
    .flatMap((line) => /^sensor,.*counter=(\d+)i/.exec(line)?.[1] ?? [])
    .map(Number);
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);
const linesOf = (counters: number[]) => counters.map((counter) => `1.5 5000000 ${counter}\n`).join('');

describe('-- args', () => {
  it('are given to the sensor as they are', async () => {
    const file = shellSensor(folder, 'printf "%s\\n" "$@"');
    const { stdout } = await dryRun([
      ...['--restart', 'never', '--path-executable', file],
      ...['--', '1.5 5000000 1', '--restart', '1.5 5000000 2', '--'],
    ]);
    expect(countersIn(stdout)).toEqual([1, 2]);
    expect(stdout).toMatch(/^error\.line,.* value=2i /m);
  });

  it('are refused where no sensor is run', async () => {
    const { exitCode, stderr } = await visualizer(['export', '--', 'x']);
    expect([exitCode, stderr]).toEqual([64, 'visualizer: export runs no sensor that could take x']);
  });
});

describe('contradictions', () => {
  it.each([
    [['--input', 'x', '--path-executable', 'y'], '--input and --path-executable'],
    [['--input', 'x', '--', 'y'], '-- y: with --input no sensor is run'],
    [['--follow'], '--follow needs a file to follow'],
    [['--input', '-', '--follow'], '--follow needs a file to follow'],
    [['--input', 'x', '--from-end'], '--from-start and --from-end go with --follow only'],
    [['--input', 'x', '--follow', '--from-end', '--from-start'], 'leave one out'],
  ])('%j are a setting error', async (args, text) => {
    const { exitCode, stderr } = await dryRun(args);
    expect(exitCode).toBe(78);
    expect(stderr).toContain(text);
  });

  it('point to the flag when a sensor is named without it', async () => {
    const { exitCode, stderr } = await visualizer(['run', './my-sensor']);
    expect(exitCode).toBe(64);
    expect(stderr).toContain('a sensor is named by --path-executable <file>');
  });
});

describe('--input', () => {
  it('- reads stdin to its end, the unterminated last line too', async () => {
    const { stdout, exitCode } = await execa(
      'sh',
      [
        '-c',
        `seq 1 50000 | sed 's/.*/1.5 5000000 &/' | head -c -1 | "${process.execPath}" "${CLI}" run --dry-run --input -`,
      ],
      { maxBuffer: 100 * 1024 * 1024 },
    );
    expect(exitCode).toBe(0);
    expect(countersIn(stdout)).toEqual(numbers(1, 50_000));
  });

  it('- ends in good order at a signal, with what is there', async () => {
    const run = execa(process.execPath, [CLI, 'run', '--dry-run', '--input', '-'], { reject: false });
    run.stdin?.write(linesOf(numbers(1, 3)));
    let log = '';
    run.stderr?.on('data', (chunk) => {
      log += chunk;
    });
    await until('it records', () => log.includes('Recording'));
    run.kill('SIGTERM');
    const { stdout, exitCode } = await run;
    expect(exitCode).toBe(0);
    expect(countersIn(stdout)).toEqual([1, 2, 3]);
  });

  it('reads a file to its end', async () => {
    const file = join(folder, 'log');
    writeFileSync(file, linesOf(numbers(1, 1000)).trimEnd());
    const { stdout, exitCode } = await dryRun(['--input', file]);
    expect(exitCode).toBe(0);
    expect(countersIn(stdout)).toEqual(numbers(1, 1000));
  });

  it.each([
    ['is not there', 'nothing'],
    ['is a directory', '.'],
  ])('names an input that %s', async (_, name) => {
    const { exitCode, stderr } = await dryRun(['--input', join(folder, name)]);
    expect(exitCode).toBe(66);
    expect(stderr).toContain(join(folder, name));
  });
});

describe('--input <file> --follow', () => {
  const log = () => join(folder, 'log');

  /** A run that follows the log, once it records. */
  async function start(...args: string[]) {
    const run = visualizer([
      ...['run', '--input', log(), '--follow', '--state-dir', join(folder, 'state')],
      ...['--flush-interval', '20ms', '--page-port', '0', ...args],
    ]);
    child = run;
    await untilLogged(run, 'Recording');
    // It has found its place: what happens to the file from now on is followed.
    await until('it has begun', () => existsSync(stateDirectory(join(folder, 'state')).positionOf(log())));
    const page = /The live page is at (http:[^"]*)"/.exec(run.log)?.[1];
    const status = async () => (await (await fetch(`${page}api/status`)).json()) as Status;
    return {
      run,
      stored: async () => (await status()).recording?.counters.stored ?? 0,
      latest: async () => (await status()).latest.at(-1),
    };
  }

  async function stop(run: Run): Promise<void> {
    run.kill('SIGTERM');
    expect((await run).exitCode).toBe(0);
  }

  async function recorded(): Promise<number[]> {
    const { stdout, stderr } = await visualizer(['export', '--state-dir', join(folder, 'state')]);
    expect(stderr).toBe('');
    const [header, ...rows] = stdout.split('\n');
    const column = header?.split(',').indexOf('counter') ?? -1;
    return rows.map((row) => Number(row.split(',')[column]));
  }

  it('goes on where a run before it stopped, over a rotation in between', async () => {
    writeFileSync(log(), linesOf(numbers(1, 100)));
    const first = await start();
    appendFileSync(log(), `${linesOf(numbers(101, 200))}1.5 50000`);
    await until('all whole lines are stored', async () => (await first.stored()) === 200);
    await stop(first.run);

    appendFileSync(log(), `00 201\n${linesOf(numbers(202, 300))}`);
    renameSync(log(), `${log()}.1`);
    writeFileSync(log(), linesOf(numbers(301, 400)));
    const second = await start();
    appendFileSync(log(), linesOf([401]));
    await until('the rest is stored', async () => (await second.stored()) === 201);
    await stop(second.run);
    expect(await recorded()).toEqual(numbers(1, 401));
  });

  it('loses nothing to 20 rotations and truncations under load', async () => {
    writeFileSync(log(), '');
    const { run, stored } = await start();
    let written = 0;
    for (let turn = 0; turn < 20; turn += 1) {
      for (let step = 0; step < 20; step += 1) {
        appendFileSync(log(), linesOf(numbers(written + 1, written + 200)));
        written += 200;
        await setImmediate();
      }
      if (turn % 2 === 0) {
        renameSync(log(), `${log()}.${turn}`);
      } else {
        // Nobody can read what is cut off before it was read: whoever truncates has to wait.
        await until('all is stored', async () => (await stored()) === written);
        truncateSync(log());
      }
    }
    await until('all is stored', async () => (await stored()) === written);
    await stop(run);
    expect(await recorded()).toEqual(numbers(1, written));
  });

  it('loses nothing to kills', async () => {
    writeFileSync(log(), '');
    let written = 0;
    for (let turn = 0; turn < 5; turn += 1) {
      const { run, stored } = await start();
      const before = await stored();
      for (let step = 0; step < 20; step += 1) {
        appendFileSync(log(), linesOf(numbers(written + 1, written + 50)));
        written += 50;
        await setImmediate();
      }
      if (turn % 2 === 0) await until('some is stored', async () => (await stored()) > before);
      run.kill('SIGKILL');
      await run;
    }
    const { run, latest } = await start();
    appendFileSync(log(), linesOf([written + 1]));
    await until('the last line is stored', async () => (await latest()) === String(written + 1));
    await stop(run);
    const counters = await recorded();
    expect([...new Set(counters)].toSorted((a, b) => a - b)).toEqual(numbers(1, written + 1));
  });

  it('begins at the end where it is told to', async () => {
    writeFileSync(log(), linesOf(numbers(1, 100)));
    const { run, stored } = await start('--from-end');
    appendFileSync(log(), linesOf(numbers(101, 110)));
    await until('what was added is stored', async () => (await stored()) === 10);
    await stop(run);
    expect(await recorded()).toEqual(numbers(101, 110));
  });
});
