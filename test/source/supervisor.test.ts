import { writeFileSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { textsOf } from '../../src/source/lines.js';
import { RestartRequests } from '../../src/source/restart-requests.js';
import type { SensorExit } from '../../src/source/source.js';
import { type SupervisorOptions, supervise } from '../../src/source/supervisor.js';
import { until } from '../until.js';
import { shellSensor, temporaryFolder } from '../visualizer.js';

let folder: string;
const started: number[] = [];
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  for (const pid of started.splice(0)) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

type Logged = { level: number; msg: string; [field: string]: unknown };

/** Options for a test in a hurry, and what is logged. */
function optionsFor(executable: string, given: Partial<SupervisorOptions> = {}) {
  const logged: Logged[] = [];
  const options: SupervisorOptions = {
    name: 'demo',
    executable,
    restart: 'never',
    maxLineBytes: 65_536,
    killAfterMs: 200,
    silenceMs: 0,
    stuckLines: () => 0,
    isDefect: (line) => /^[0 ]+$/.test(line),
    environment: { ...process.env, INFLUX_TOKEN: 'canary', MY_PASSWORD: 'canary', NOTIFY_SOCKET: 'canary' },
    log: pino({ level: 'info' }, { write: (line: string) => logged.push(JSON.parse(line)) }),
    backOffMs: [10, 100],
    ...given,
  };
  return { options, logged };
}

/** A run of a shell script as the sensor: what it has told so far, and its end. */
async function start(script: string, given: Partial<SupervisorOptions> = {}) {
  const { options, logged } = optionsFor(shellSensor(folder, script), given);
  const stop = new AbortController();
  const lines: string[] = [];
  const refused: string[] = [];
  const exits: SensorExit[] = [];
  const seen = { stuck: 0 };
  const ended = (async () => {
    for await (const event of supervise(options, stop.signal)) {
      if (event.kind === 'lines') {
        lines.push(...textsOf(event.lines));
        refused.push(...event.lines.refused.map(({ reason }) => reason));
      }
      if (event.kind === 'exit') exits.push(event.exit);
      if (event.kind === 'stuck') seen.stuck += 1;
    }
  })();
  return { lines, refused, exits, seen, logged, said: () => logged.map(({ msg }) => msg), stop, ended };
}

describe('the supervisor', () => {
  it('reads all that a sensor printed before it tells of its end', async () => {
    const { lines, exits, ended } = await start("seq 200000; printf 'last without a newline'; exit 3");
    await ended;
    expect(lines).toHaveLength(200_001);
    expect(lines.at(-1)).toBe('last without a newline');
    expect(exits).toEqual([{ code: 3, signal: undefined, wanted: false, restarts: false }]);
  });

  it('gives a sensor pipes, which a script can also open by their names', async () => {
    const script = 'echo 1 > /dev/stdout; echo oh dear > /dev/stderr; test -p /dev/fd/1 && echo pipe';
    const { lines, said, ended } = await start(script);
    await ended;
    expect(lines).toEqual(['1', 'pipe']);
    expect(said()).toEqual(['oh dear']);
  });

  it('starts a sensor again as the policy says', async () => {
    const always = await start('echo x', { restart: 'always' });
    await until('it was started three times', () => always.exits.length >= 3);
    always.stop.abort();
    await always.ended;
    expect(always.exits[0]).toEqual({ code: 0, signal: undefined, wanted: false, restarts: true });

    const onFailure = await start('test -e "$0.ran" && exit 0; touch "$0.ran"; exit 1', {
      restart: 'on-failure',
    });
    await onFailure.ended;
    expect(onFailure.exits.map(({ code, wanted }) => [code, wanted])).toEqual([
      [1, false],
      [0, true],
    ]);
  });

  it('gives the sensor no secrets', async () => {
    const { lines, ended } = await start('env');
    await ended;
    expect(lines.some((line) => line.startsWith('PATH='))).toBe(true);
    expect(lines.filter((line) => line.includes('canary'))).toEqual([]);
  });

  it('logs what a sensor says on stderr', async () => {
    const { said, ended } = await start('echo oh dear >&2; echo 1');
    await ended;
    expect(said()).toContain('oh dear');
  });

  it('ends one that ignores SIGTERM, and its children with it', async () => {
    const { lines, exits, stop, ended } = await start(
      "trap '' TERM; (trap '' TERM; sleep 300) & echo $!; wait",
    );
    await until('it has printed', () => lines.length === 1);
    const child = Number(lines[0]);
    started.push(child);
    stop.abort();
    await ended;
    expect(exits[0]).toMatchObject({ signal: 'SIGKILL', wanted: true });
    await until('its child is gone', () => !isAlive(child));
  });

  it.each([
    ['when it is stopped', 'sleep 300', true],
    ['when it ends by itself', 'exit 3', false],
  ])('does not wait for a stranger that holds the pipe, %s', async (_, end, stopped) => {
    const script = `setsid sleep 300 & echo $!; echo more; ${end}`;
    const { lines, exits, stop, ended } = await start(script);
    await until('it has printed', () => lines.length === 2);
    started.push(Number(lines[0]));
    if (stopped) stop.abort();
    await ended;
    expect(exits).toHaveLength(1);
    expect(exits[0]).toMatchObject(stopped ? { signal: 'SIGTERM' } : { code: 3, wanted: false });
  });

  it('does not listen for ever to a stranger that talks on', async () => {
    const script = 'setsid sh -c "echo \\$\\$; while :; do echo 7; sleep 0.2; done" & sleep 0.5; exit 0';
    const { lines, exits, said, ended } = await start(script);
    await until('it has printed', () => lines.length > 1);
    started.push(Number(lines[0]));
    await ended;
    expect(exits).toHaveLength(1);
    expect(said().join('\n')).toContain('must not put itself into the background');
  });

  it('waits for as long as it takes to read what an ended sensor has printed', async () => {
    const { options } = optionsFor(shellSensor(folder, 'seq 1 20000'));
    let count = 0;
    let slow = true;
    for await (const event of supervise(options, new AbortController().signal)) {
      if (event.kind !== 'lines') continue;
      count += textsOf(event.lines).length;
      // Longer than the grace that silent pipes get.
      if (slow) await delay(1_500);
      slow = false;
    }
    expect(count).toBe(20_000);
  });

  it.each([
    ['that is not there', undefined, /cannot be started: there is no such file or command/],
    ['without a run bit', '#!/bin/sh', /may not be executed; try: chmod \+x/],
    [
      'with a bad interpreter',
      '#!/no/such/shell -e',
      /asks for the interpreter \/no\/such\/shell, which is not there/,
    ],
    ['written on Windows', '#!/bin/sh\r', /ends with a carriage return; try: sed/],
  ])('names a sensor %s, and what to do', async (_, firstLine, expected) => {
    const executable = join(folder, 'bad');
    if (firstLine !== undefined) {
      writeFileSync(executable, `${firstLine}\necho 1\n`, {
        mode: firstLine === '#!/bin/sh' ? 0o644 : 0o755,
      });
    }
    const { options } = optionsFor(executable, { restart: 'always' });
    const all = (async () => {
      for await (const _ of supervise(options, new AbortController().signal));
    })();
    await expect(all).rejects.toThrow(expected);
  });

  it.each([
    [
      'of a command that is in the path',
      () => 'none-such -u a.py',
      'try: --path-executable none-such -- -u a.py.',
    ],
    ['of a file', () => `${shellSensor(folder, '')} -n  5`, '/sensor -- -n 5.'],
    ['in the name of a file', () => '/no such/sensor', 'there is no such file or command.'],
  ])('says where arguments go that are given in one word: those %s', async (_, executable, expected) => {
    const { options } = optionsFor(executable(), { restart: 'always' });
    const all = (async () => {
      for await (const _ of supervise(options, new AbortController().signal));
    })();
    await expect(all).rejects.toThrow(expected);
  });

  it('keeps trying when a sensor that once ran cannot be started any more', async () => {
    const script = 'echo 1; test -e "$0.once" || { touch "$0.once"; chmod -x "$0"; }';
    const { lines, exits, said, stop, ended } = await start(script, { restart: 'always' });
    await until('it could not be started', () => exits.length >= 2);
    expect(exits[1]).toMatchObject({ code: undefined, wanted: false, restarts: true });
    expect(said().join('\n')).toMatch(/could not be started: it may not be executed/);
    await chmod(join(folder, 'sensor'), 0o755);
    await until('it was started again', () => lines.length >= 2);
    stop.abort();
    await ended;
  });

  it('says a crash loop once, with what the sensor said last', async () => {
    const script = 'echo "error: no device $1" >&2; echo; exit 7';
    const { exits, logged, stop, ended } = await start(script, { restart: 'always', args: ['/dev/x'] });
    await until('it has ended many times', () => exits.length >= 8);
    stop.abort();
    await ended;
    const about = logged.filter(({ msg }) => msg.startsWith('The sensor'));
    expect(about.map(({ msg }) => msg.replace(/ in \d+.*| at least.*/, '...'))).toEqual([
      'The sensor ended with exit code 7; starting it again...',
      'The sensor ended with exit code 7; starting it again...',
      'The sensor does not stay up: it ended with exit code 7, 3 times in a row; it is started again...',
    ]);
    expect(about[2]?.stderr).toEqual(['error: no device /dev/x']);
    expect(logged.filter(({ msg }) => msg === 'error: no device /dev/x')).toHaveLength(3);
  });
});

describe('the watchdog', () => {
  it('restarts a sensor that falls silent, also in the middle of a line', async () => {
    const { lines, refused, exits, seen, said, stop, ended } = await start(
      'echo 1; printf 2; exec sleep 300',
      {
        restart: 'always',
        silenceMs: 100,
      },
    );
    await until('it was started twice', () => lines.filter((line) => line === '1').length >= 2);
    expect(exits[0]).toMatchObject({ wanted: true, restarts: true });
    expect(seen.stuck).toBeGreaterThanOrEqual(1);
    // Half a number is a wrong one.
    expect(lines).not.toContain('2');
    expect(refused[0]).toBe('cut off by SIGTERM');
    expect(said()[0]).toMatch(/has printed no line for 100ms \(--silence-timeout 100ms\); starting it again/);
    stop.abort();
    await ended;
  });

  it.each([
    ['stdout', 'exec 1>&-'],
    ['both its pipes', 'exec 1>&- 2>&-'],
  ])('also restarts one that has closed %s and lives on', async (_, close) => {
    const { lines, seen, stop, ended } = await start(`echo 1; ${close}; exec sleep 300`, {
      restart: 'always',
      silenceMs: 100,
    });
    await until('it was started twice', () => lines.length >= 2);
    expect(seen.stuck).toBeGreaterThanOrEqual(1);
    stop.abort();
    await ended;
  });

  it('takes hanging for a failure, however well the sensor ends then', async () => {
    const script = "echo 1; trap 'exit 0' TERM; while :; do sleep 0.01; done";
    const { lines, stop, ended } = await start(script, { restart: 'on-failure', silenceMs: 100 });
    await until('it was started twice', () => lines.length >= 2);
    stop.abort();
    await ended;
  });

  it('restarts a sensor that repeats itself, but not one that prints defects', async () => {
    const stuck = await start('echo 1; while :; do echo 7; sleep 0.01; done', {
      restart: 'always',
      stuckLines: () => 5,
    });
    await until('it was started twice', () => stuck.lines.filter((line) => line === '1').length >= 2);
    expect(stuck.seen.stuck).toBeGreaterThanOrEqual(1);
    expect(stuck.said()[0]).toMatch(/printed the same line \d+ times in a row \(--stuck-lines 5\)/);
    stuck.stop.abort();
    await stuck.ended;

    const script =
      'for i in 1 2 3 4 5 6 7 8 9; do echo 0 0; sleep 0.01; done; for i in 1 2 3 4; do echo 7; done';
    const defect = await start(script, { restart: 'on-failure', stuckLines: () => 5 });
    await defect.ended;
    expect(defect.lines).toHaveLength(13);
    expect(defect.seen.stuck).toBe(0);
  });

  it('only tells of a sensor that is not to be restarted', async () => {
    const { lines, exits, seen, said, ended } = await start('echo 1; sleep 0.5; echo 2; exit 4', {
      silenceMs: 100,
    });
    await ended;
    expect(lines).toEqual(['1', '2']);
    expect(seen.stuck).toBe(1);
    expect(said()[0]).toMatch(/it is not to be restarted/);
    expect(exits).toEqual([{ code: 4, signal: undefined, wanted: false, restarts: false }]);
  });

  it('does not blame the sensor for the time in which nobody listens', async () => {
    const { options } = optionsFor(shellSensor(folder, 'echo 1; sleep 0.2; echo 2; sleep 0.2; echo 3'), {
      silenceMs: 1_000,
    });
    const kinds: string[] = [];
    for await (const event of supervise(options, new AbortController().signal)) {
      kinds.push(event.kind);
      // Longer than the sensor may be silent.
      if (kinds.length === 1) await delay(1_500);
    }
    expect(kinds).not.toContain('stuck');
  });
});

describe('a request', () => {
  it('starts the sensor again, and is refused where there is none', async () => {
    const requests = new RestartRequests();
    expect(requests.request('too early')).toBe(false);
    const { lines, exits, seen, said, stop, ended } = await start('echo 1; exec sleep 300', {
      restart: 'on-failure',
      requests,
    });
    await until('it has printed', () => lines.length === 1);
    expect(requests.request('was to be started again by the alert frozen')).toBe(true);
    await until('it was started again', () => lines.length === 2);
    expect(exits[0]).toMatchObject({ signal: 'SIGTERM', wanted: true, restarts: true });
    expect(said()[0]).toContain('was to be started again by the alert frozen; starting it again');
    expect(seen.stuck).toBe(0);
    stop.abort();
    await ended;
    expect(requests.request('too late')).toBe(false);
  });
});

describe('the stderr of a sensor', () => {
  it('is logged with its name, at the level that a line claims', async () => {
    const script = [
      'echo "plain" >&2; echo "Error: worse" >&2; echo "E! worse" >&2; echo "W! odd" >&2; echo "warning: odd" >&2',
      'printf "\\033[31mred\\033[0m\\007\\n\\n" >&2; printf "unended" >&2',
    ].join('\n');
    const { logged, ended } = await start(script);
    await ended;
    expect(logged.map(({ level, msg }) => [level, msg])).toEqual([
      [30, 'plain'],
      [50, 'Error: worse'],
      [50, 'E! worse'],
      [40, 'W! odd'],
      [40, 'warning: odd'],
      [30, 'red'],
      [30, 'unended'],
    ]);
    expect(logged[0]).toMatchObject({ sensor: 'demo', stream: 'stderr' });
  });

  it('is held back beyond ten lines a second, and counted', async () => {
    const { logged, lines, ended } = await start('seq 1 100000 >&2; echo done');
    await ended;
    expect(lines).toEqual(['done']);
    const said = logged.filter(({ stream }) => stream === 'stderr').length;
    const held = logged.reduce((sum, entry) => sum + Number(entry.held ?? 0), 0);
    expect(said + held).toBe(100_000);
    // Ten for each second that the flood may have taken here.
    expect(said).toBeLessThanOrEqual(100);
  });
});
