import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../until.js';
import { shellSensor, temporaryFolder, visualizer } from '../visualizer.js';
import { definitionFile, diagnose } from './doctor.js';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const withSensor = (script: string, ...more: string[]) =>
  diagnose(folder, ['--path-executable', shellSensor(folder, script), ...more]);

function isAlive(pid: number): boolean {
  try {
    // A zombie is no process any more: who inherited it has not looked yet.
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

describe('a sensor that', () => {
  it('is sound has its first lines shown as they are understood', async () => {
    const { exitCode, stderr, about } = await withSensor('while :; do echo 1.5 7; sleep 0.05; done');
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(about('sensor')).toMatch(/^sensor +ok .* fit the definition(\n +load=1.5 turns=7){3}$/);
  });

  it('takes arguments is given what follows --', async () => {
    const sensor = shellSensor(folder, 'while :; do echo "$1" "$2"; sleep 0.05; done');
    const { about } = await diagnose(folder, ['--path-executable', sensor, '--', '4.5', '9']);
    expect(about('sensor')).toContain('load=4.5 turns=9');
  });

  it('is written in Python need not flush its lines', async () => {
    const script = 'while :; do echo 1.5 "$PYTHONUNBUFFERED"; sleep 0.05; done';
    expect((await withSensor(script)).about('sensor')).toContain('load=1.5 turns=1');
    const args = ['--path-executable', shellSensor(folder, script)];
    const { about } = await diagnose(folder, args, { PYTHONUNBUFFERED: '7' });
    expect(about('sensor')).toContain('load=1.5 turns=7');
  });

  it('is missing', async () => {
    const { exitCode, about } = await diagnose(folder, ['--path-executable', join(folder, 'none')]);
    expect(exitCode).toBe(66);
    expect(about('sensor')).toMatch(/^sensor +fail .*no such file or command\n +-> .*--path-executable$/);
  });

  it('has no run bit', async () => {
    const file = shellSensor(folder, 'echo 1 2');
    chmodSync(file, 0o644);
    const { exitCode, about } = await diagnose(folder, ['--path-executable', file]);
    expect(exitCode).toBe(66);
    expect(about('sensor')).toMatch(/^sensor +fail .*may not be executed\n +-> chmod \+x .*sensor$/);
  });

  it('prints nothing, and ends, has its last words told', async () => {
    const { exitCode, about } = await withSensor('echo "no device" >&2; exit 3');
    expect(exitCode).toBe(66);
    expect(about('sensor')).toMatch(
      /fail .*exit code 3.* no line\n +its last words: no device\n +-> run it by hand/,
    );
  });

  it('has no line that names its interpreter is told of it', async () => {
    const file = join(folder, 'sensor.py');
    writeFileSync(file, 'import time\nprint("1.5 7")\n', { mode: 0o755 });
    const { exitCode, about } = await diagnose(folder, ['--path-executable', file]);
    expect(exitCode).toBe(66);
    expect(about('sensor')).toMatch(
      /fail .* no line\n(.*\n)* +-> its first line names no interpreter.*python3$/,
    );
  });

  it('prints nothing for as long as a run would wait', async () => {
    const { exitCode, about } = await withSensor('sleep 60', '--silence-timeout', '300ms');
    expect(exitCode).toBe(66);
    expect(about('sensor')).toMatch(/fail .*printed nothing for 300ms.*\n +-> .*flush.*--silence-timeout/);
  });

  it('prints nothing for a while, but may, is only warned of', async () => {
    const { exitCode, about } = await withSensor('sleep 60', '--silence-timeout', '0');
    expect(exitCode).toBe(0);
    expect(about('sensor')).toMatch(/warn .*printed nothing for 5s; it may be silent.*\n +-> .*flush/);
  });

  it('prints the wrong columns has each line shown with what is wrong with it', async () => {
    const { exitCode, about } = await withSensor('echo 1 2 3; echo 1 x; echo 1.5 7; sleep 60');
    expect(exitCode).toBe(78);
    const said = about('sensor');
    expect(said).toMatch(/fail +2 of its first 3 lines do not fit/);
    expect(said).toContain('"1 2 3": too many values: 3 instead of 2');
    expect(said).toContain('"1 x": load=1 turns=?, turns is no integer');
    expect(said).toMatch(/-> have it print load \(float\), turns \(integer\), with blanks between/);
  });

  it('would command the terminal does not get through to it', async () => {
    const { stdout } = await withSensor("printf '\\033]0;owned\\007 1\\n'; echo 1 2; echo 1 2; sleep 60");
    expect(stdout).toContain('"\\u001b]0;owned\\u0007 1"');
    expect(stdout).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  it('would command the terminal by its last words does not either', async () => {
    const { stdout } = await withSensor("printf '\\033]0;owned\\007\\n' >&2; exit 3");
    expect(stdout).toContain('its last words: \\x1b]0;owned\\x07');
  });

  it('has started something of its own leaves nothing running behind', async () => {
    const pids = join(folder, 'pids');
    // What it starts ignores SIGTERM.
    const stubborn = `(trap '' TERM; exec sleep 300) & echo $! $$ > ${pids}`;
    await withSensor(`${stubborn}; while :; do echo 1 2; sleep 0.05; done`);
    for (const pid of readFileSync(pids, 'utf8').split(' ').map(Number)) {
      await until(`process ${pid} is gone`, () => !isAlive(pid), 5_000);
    }
  });

  it('is listened to when the check is stopped ends with it', async () => {
    const pids = join(folder, 'pids');
    const sensor = shellSensor(folder, `sleep 300 & echo $! $$ > ${pids}.new; mv ${pids}.new ${pids}; wait`);
    const settings = ['--sensor', definitionFile(folder), '--state-dir', join(folder, 'state'), '--no-page'];
    const run = visualizer(['check', '--path-executable', sensor, ...settings]);
    await until('the sensor runs', () => existsSync(pids));
    run.kill('SIGINT');
    const { exitCode } = await run;
    expect(exitCode).toBe(130);
    for (const pid of readFileSync(pids, 'utf8').split(' ').map(Number)) {
      await until(`process ${pid} is gone`, () => !isAlive(pid), 5_000);
    }
  });
});

describe('an input', () => {
  it('that is missing is named', async () => {
    const { exitCode, about } = await diagnose(folder, ['--input', join(folder, 'none.log')]);
    expect(exitCode).toBe(66);
    expect(about('input')).toMatch(/^input +fail .*there is no such file.*\n +-> .*--input$/);
  });

  it('that is to be followed need not be there yet', async () => {
    const { exitCode, about } = await diagnose(folder, ['--input', join(folder, 'none.log'), '--follow']);
    expect(exitCode).toBe(0);
    expect(about('input')).toMatch(/^input +warn .*not there yet.*\n +-> /);
  });

  it('that is a large file has only its beginning read', async () => {
    const file = join(folder, 'large.txt');
    writeFileSync(file, '1 2\n'.repeat(1_000_000));
    const { exitCode, about } = await diagnose(folder, ['--input', file]);
    expect(exitCode).toBe(0);
    expect(about('input')).toMatch(/^input +ok .*(\n +load=1 turns=2){3}$/);
  });
});

describe('a definition', () => {
  it('that is invalid is told with all its mistakes, and the sensor is looked at all the same', async () => {
    const file = join(folder, 'wrong.yaml');
    writeFileSync(file, 'name: demo\nmeasurment: m\nmetrics: [{ name: x, type: int, kind: gauge }]\n');
    const sensor = shellSensor(folder, 'echo 1 2; echo 1 2; echo 1 2; sleep 60');
    const { exitCode, about } = await diagnose(folder, ['--sensor', file, '--path-executable', sensor]);
    expect(exitCode).toBe(78);
    expect(about('definition')).toMatch(
      /fail .*3 mistakes(\n +\S*wrong\.yaml:\d: .*){3}\n +-> mend .*wrong\.yaml/,
    );
    expect(about('sensor')).toMatch(/warn .*no definition explains/);
  });

  it('that is missing is named', async () => {
    const { exitCode, about } = await diagnose(folder, ['--sensor', join(folder, 'none.yaml')]);
    expect(exitCode).toBe(78);
    expect(about('definition')).toMatch(/fail .*none\.yaml cannot be read.*\n +-> /);
  });
});

describe('settings', () => {
  it.each([
    ['that contradict each other', ['--use-udp'], 78, /^settings +fail .*--use-udp.*--host/],
    ['with a port and no host', ['--port', '8086'], 0, /^settings +warn .*\n +-> add --host/],
  ])('%s are told', async (_name, args, code, line) => {
    const { exitCode, about } = await diagnose(folder, args);
    expect(exitCode).toBe(code);
    expect(about('settings')).toMatch(line);
  });
});

it('says the same as JSON, for scripts', async () => {
  const { stdout, exitCode } = await diagnose(folder, ['--json', '--path-executable', 'none-such']);
  const report = JSON.parse(stdout);
  expect(exitCode).toBe(66);
  expect(report).toMatchObject({ ok: false, exitCode: 66 });
  expect(report.findings).toContainEqual({
    subject: 'sensor',
    level: 'fail',
    code: 'SENSOR_NOT_RUNNABLE',
    reason: 'none-such cannot be started: there is no such file or command',
    remedy: 'mend it, or name another one with --path-executable',
  });
});
