import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type RestartPolicy,
  type SensorExit,
  type SourceEvent,
  supervise,
} from '../../src/source/supervisor.js';
import { until } from '../until.js';
import { temporaryFolder } from '../visualizer.js';

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

/** A run of a shell script as the sensor: what it has told so far, and its end. */
async function start(script: string, restart: RestartPolicy = 'never') {
  const executable = join(folder, 'sensor');
  await writeFile(executable, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const said: string[] = [];
  const stop = new AbortController();
  const events = supervise(
    {
      executable,
      restart,
      maxLineBytes: 65_536,
      killAfterMs: 200,
      environment: { ...process.env, INFLUX_TOKEN: 'canary', MY_PASSWORD: 'canary' },
      log: pino({ level: 'info' }, { write: (line: string) => said.push(JSON.parse(line).msg) }),
      backOffMs: [10, 100],
    },
    stop.signal,
  );
  const lines: string[] = [];
  const exits: SensorExit[] = [];
  const ended = (async () => {
    for await (const event of events as AsyncIterable<SourceEvent>) {
      if (event.kind === 'lines') lines.push(...event.lines.lines);
      else exits.push(event.exit);
    }
  })();
  return { lines, exits, said, stop, ended };
}

describe('the supervisor', () => {
  it('reads all that a sensor printed before it tells of its end', async () => {
    const { lines, exits, ended } = await start("seq 200000; printf 'last without a newline'; exit 3");
    await ended;
    expect(lines).toHaveLength(200_001);
    expect(lines.at(-1)).toBe('last without a newline');
    expect(exits).toEqual([{ code: 3, signal: undefined, wanted: false, restarts: false }]);
  });

  it('starts a sensor again as the policy says', async () => {
    const always = await start('echo x', 'always');
    await until('it was started three times', () => always.exits.length >= 3);
    always.stop.abort();
    await always.ended;
    expect(always.exits[0]).toEqual({ code: 0, signal: undefined, wanted: false, restarts: true });

    const onFailure = await start('test -e "$0.ran" && exit 0; touch "$0.ran"; exit 1', 'on-failure');
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
    expect(said).toContain('oh dear');
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

  it('waits for as long as it takes to read what an ended sensor has printed', async () => {
    const executable = join(folder, 'sensor');
    await writeFile(executable, '#!/bin/sh\nseq 1 20000\n', { mode: 0o755 });
    const options = {
      executable,
      restart: 'never' as const,
      maxLineBytes: 65_536,
      killAfterMs: 200,
      environment: process.env,
      log: pino({ level: 'silent' }),
    };
    let count = 0;
    let slow = true;
    for await (const event of supervise(options, new AbortController().signal)) {
      if (event.kind !== 'lines') continue;
      count += event.lines.lines.length;
      // Longer than the grace that silent pipes get.
      if (slow) await new Promise((resolve) => setTimeout(resolve, 1_500));
      slow = false;
    }
    expect(count).toBe(20_000);
  });

  it('names a sensor that cannot be started', async () => {
    const options = {
      executable: join(folder, 'nothing'),
      restart: 'always' as const,
      maxLineBytes: 65_536,
      killAfterMs: 200,
      environment: process.env,
      log: pino({ level: 'silent' }),
    };
    const all = (async () => {
      for await (const _ of supervise(options, new AbortController().signal));
    })();
    await expect(all).rejects.toThrow(/nothing cannot be started: there is no such file/);
  });
});
