import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../until.js';
import { logLines, type Run, temporaryFolder, untilLogged, visualizer } from '../visualizer.js';

const FIXTURES = fileURLToPath(new URL('../fixtures/sensors/', import.meta.url));

/** A child inherits its environment: a mark there finds every process that a run has left behind. */
const MARK = 'VISUALIZER_TEST_MARK';

let folder: string;
let mark: string;
let run: Run | undefined;
beforeEach(() => {
  folder = temporaryFolder();
  mark = randomUUID();
});
afterEach(async () => {
  run?.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

function start(fixture: string, ...args: string[]): Run {
  run = visualizer(
    ['run', '--dry-run', '--flush-interval', '50ms', '--path-executable', join(FIXTURES, fixture), ...args],
    { [MARK]: mark },
  );
  return run;
}

/** What is left of a run, by process id; the run itself while it is there. */
function leftBehind(): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`${MARK}=${mark}`);
    } catch {
      return false;
    }
  });
}

/** What a dry run has printed: the counters of its readings, and the errors by kind without those that are 0. */
function stored(stdout: string) {
  const lines = stdout.split('\n');
  const counters = lines.flatMap((line) => /^sensor,.*counter=(\d+)i/.exec(line)?.[1] ?? []).map(Number);
  const errors: Record<string, number> = {};
  for (const line of lines) {
    const [, kind, value] = /,kind=([^ ]+) value=(\d+)i/.exec(line) ?? [];
    if (kind !== undefined && value !== '0') errors[kind] = (errors[kind] ?? 0) + Number(value);
  }
  return { counters, errors };
}

/** The most memory that a process has had so far, in MB. */
function peakMemory(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

async function finish(started: Run) {
  let peak = 0;
  let ended = false;
  void started.then(() => {
    ended = true;
  });
  await until(
    'the run has ended',
    () => {
      peak = Math.max(peak, peakMemory(started.pid as number));
      return ended;
    },
    120_000,
  );
  const { stdout, stderr, exitCode } = await started;
  await until('no process is left', () => leftBehind().length === 0, 5_000);
  return { ...stored(stdout), logged: logLines(stderr), stderr, exitCode, peak };
}

describe('a sensor that is run once', () => {
  it.each([
    { fixture: 'ends-well', counters: [1, 2, 3], errors: {}, exitCode: 0 },
    { fixture: 'ends-with-3', counters: [], errors: { 'error.sensor_exit': 1 }, exitCode: 1 },
    { fixture: 'holds-the-pipe', counters: [1], errors: {}, exitCode: 0 },
    { fixture: 'segfaults', counters: [1], errors: { 'error.sensor_exit': 1 }, exitCode: 1 },
    { fixture: 'binary', counters: [1, 1, 2], errors: { 'error.line': 3, 'error.cpu_load': 1 }, exitCode: 0 },
  ])('$fixture', async ({ fixture, counters, errors, exitCode }) => {
    expect(await finish(start(fixture, '--restart', 'never'))).toMatchObject({ counters, errors, exitCode });
  });

  it.each(['no-run-bit', 'bad-interpreter', 'not-there'])(
    '%s: says so, and ends with 66',
    async (fixture) => {
      const { counters, exitCode, stderr } = await finish(start(fixture));
      expect(counters).toEqual([]);
      expect(exitCode).toBe(66);
      expect(stderr).toMatch(new RegExp(`visualizer: The sensor .*${fixture} cannot be started: .*$`));
    },
  );

  it('many-lines: all 200,000 arrive, the last one too', async () => {
    const { counters, errors, exitCode } = await finish(start('many-lines', '--restart', 'never'));
    expect(counters).toHaveLength(200_000);
    expect(counters.every((counter, index) => counter === index + 1)).toBe(true);
    expect(errors).toEqual({});
    expect(exitCode).toBe(0);
  });
});

describe('the memory of a run', () => {
  it('stays flat at 100 MB without a newline, and at 50 MB on stderr', async () => {
    const { peak: usual } = await finish(start('ends-well', '--restart', 'never'));
    const endless = await finish(start('endless-line', '--restart', 'never'));
    expect(endless).toMatchObject({ counters: [1], errors: { 'error.line': 1 }, exitCode: 0 });
    const flood = await finish(start('floods-stderr', '--restart', 'never'));
    expect(flood).toMatchObject({ counters: [1], errors: {}, exitCode: 0 });
    expect(flood.logged.filter(({ stream }) => stream === 'stderr').length).toBeLessThan(300);
    expect(flood.logged.some(({ held }) => Number(held) > 1_000)).toBe(true);
    expect(usual).toBeGreaterThan(0);
    expect(Math.max(endless.peak, flood.peak)).toBeLessThan(usual + 80);
  });
});

describe('a sensor that is run again and again', () => {
  it('crash-loops: each reading is stored, each end counted, and it is said once', async () => {
    const child = start('crash-loops');
    await untilLogged(child, 'does not stay up');
    child.kill('SIGTERM');
    const { counters, errors, logged, exitCode } = await finish(child);
    expect(exitCode).toBe(0);
    expect(counters.length).toBeGreaterThanOrEqual(3);
    expect(errors['error.sensor_exit']).toBe(counters.length);
    const loops = logged.filter(({ msg }) => String(msg).includes('does not stay up'));
    expect(loops).toHaveLength(1);
    expect(loops[0]?.stderr).toEqual(['error: no such device']);
  });

  it('stalls: is started again, and what it had printed of a line is no reading', async () => {
    const child = start('stalls', '--silence-timeout', '300ms');
    await untilLogged(child, '3 times in a row');
    child.kill('SIGTERM');
    const { counters, errors } = await finish(child);
    expect(counters.length).toBeGreaterThanOrEqual(3);
    expect(errors['error.sensor_stuck']).toBeGreaterThanOrEqual(3);
    expect(errors['error.line']).toBeGreaterThanOrEqual(3);
    expect(errors['error.sensor_exit']).toBeUndefined();
  });

  it('same-line: is started again; its lines are readings all the same', async () => {
    const child = start('same-line');
    await untilLogged(child, 'printed the same line');
    child.kill('SIGTERM');
    const { counters, errors } = await finish(child);
    expect(counters.length).toBeGreaterThanOrEqual(5);
    expect(errors['error.sensor_stuck']).toBeGreaterThanOrEqual(1);
    expect(errors['error.sensor_exit']).toBeUndefined();
  });

  it('same-line: is left alone where it may repeat itself', async () => {
    const child = start('same-line', '--stuck-lines', '0');
    await until('it has printed', () => leftBehind().length > 1);
    await untilLogged(child, 'Recording');
    child.kill('SIGTERM');
    const { errors } = await finish(child);
    expect(errors).toEqual({});
  });

  it('ignores-sigterm: is killed with its child', async () => {
    const child = start('ignores-sigterm', '--kill-after', '300ms');
    await until('it and its child run', () => leftBehind().length >= 3);
    child.kill('SIGTERM');
    const { counters, errors, exitCode } = await finish(child);
    expect(exitCode).toBe(0);
    expect(counters.length).toBeGreaterThan(0);
    expect(errors).toEqual({});
  });
});
