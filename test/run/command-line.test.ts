import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../servers/server.js';
import { until } from '../until.js';
import {
  BUNDLED_DEFINITION,
  BUNDLED_SENSOR,
  logLines,
  shellSensor,
  temporaryFolder,
  untilLogged,
  visualizer,
} from '../visualizer.js';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const sensor = (script: string) => shellSensor(folder, script);

const run = (args: string[], environment = {}) =>
  visualizer(['run', '--no-page', '--state-dir', join(folder, 'state'), ...args], environment);

describe('run --dry-run', () => {
  it('prints line protocol for each reading, with types, tags and rising timestamps, and writes nowhere', async () => {
    const file = sensor("printf '7.5 5123123 1\\n0 0 0\\n7.25 x 9007199254740993\\n'");
    const { stdout, exitCode } = await run([
      '--dry-run',
      '--restart',
      'never',
      '--path-executable',
      file,
      '--env',
      'lab',
    ]);
    const lines = stdout.split('\n');
    expect(exitCode).toBe(0);
    expect(lines.slice(0, 3).map((line) => line.replace(/ \d{19}$/, ''))).toEqual([
      'sensor,env=lab,sensor=demo,defect=false cpu_load=7.5,random_value=5123123i,counter=1i',
      'sensor,env=lab,sensor=demo,defect=true cpu_load=0,random_value=0i,counter=0i',
      'sensor,env=lab,sensor=demo,defect=false cpu_load=7.25,counter=9007199254740993i',
    ]);
    const times = lines.slice(0, 3).map((line) => BigInt(line.split(' ').at(-1) as string));
    expect(new Set(times).size).toBe(3);
    expect(times).toEqual(times.toSorted());
    expect(
      lines.some((line) =>
        line.startsWith('error.random_value,env=lab,sensor=demo,kind=error.random_value value=1i '),
      ),
    ).toBe(true);
    expect(
      lines.some((line) => line.startsWith('error.line,env=lab,sensor=demo,kind=error.line value=0i ')),
    ).toBe(true);
    expect(
      lines.some((line) => /^runner,env=lab,sensor=demo read=3i,delivered=0i,queued=3i,/.test(line)),
    ).toBe(true);
    await expect(rm(join(folder, 'state'))).rejects.toThrow('ENOENT');
  });

  it('reads an unterminated last line', async () => {
    const file = sensor("printf '1 2 3\\n4 5 6'");
    const { stdout } = await run(['--dry-run', '--restart', 'never', '--path-executable', file]);
    expect(stdout.match(/^sensor,/gm)).toHaveLength(2);
  });

  it('ends quietly when its reader goes away', async () => {
    const child = run(['--dry-run', '--path-executable', BUNDLED_SENSOR, '--flush-interval', '10ms']);
    child.stdout?.once('data', () => child.stdout?.destroy());
    const { exitCode, stderr } = await child;
    expect(exitCode).toBe(0);
    expect(stderr).not.toContain('EPIPE');
  });
});

describe('the log of a run begins with', () => {
  const begin = async (...args: string[]) => {
    const { stderr } = await run(['--restart', 'never', ...args]);
    return logLines(stderr);
  };

  it('where the readings are kept', async () => {
    const lines = await begin('--path-executable', sensor('echo 1 2 3'));
    const recording = lines.find(({ msg }) => msg === 'Recording to the embedded store');
    expect(recording).toMatchObject({ sensor: 'demo', directory: join(folder, 'state') });
  });

  it('which columns are expected, where a sensor comes without a definition', async () => {
    const told = ({ msg }: Record<string, unknown>) => String(msg).startsWith('No definition is named');
    const own = ['--path-executable', sensor('echo 1 2 3')];
    expect((await begin(...own)).filter(told)).toMatchObject([
      { columns: 'cpu_load, random_value, counter' },
    ]);
    expect((await begin(...own, '--sensor', BUNDLED_DEFINITION)).filter(told)).toEqual([]);
    const bundled = await begin('--', '--lines', '1', '--interval', '0');
    expect(bundled.filter(told)).toEqual([]);
  });

  it('who evaluates the alerts, where that is Grafana', async () => {
    const told = ({ msg }: Record<string, unknown>) => String(msg).startsWith('Alerts are left to Grafana');
    const own = ['--path-executable', sensor('echo 1 2 3')];
    const away = ['--host', '127.0.0.1', '--port', `${await freePort()}`, '--drain-timeout', '0'];
    expect((await begin(...own, ...away)).filter(told)).toHaveLength(1);
    expect((await begin(...own)).filter(told)).toEqual([]);
  });
});

describe('run --restart never ends with the sensor', () => {
  it('with 0 where the sensor ended well', async () => {
    const { exitCode, stderr } = await run(['--restart', 'never', '--path-executable', sensor('echo 1 2 3')]);
    expect(exitCode).toBe(0);
    expect(logLines(stderr).at(-1)).toMatchObject({
      read: 1,
      delivered: 1,
      queued: 0,
      rejected: 0,
      dropped: 0,
    });
  });

  it('with 1 where it failed, and everything it printed is stored', async () => {
    const file = sensor('echo 1 2 3; echo oh dear >&2; exit 3');
    const { exitCode, stderr } = await run(['--restart', 'never', '--path-executable', file]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('exit code 3');
    expect(stderr).toContain('oh dear');
    const { stdout } = await visualizer(['export', '--state-dir', join(folder, 'state'), '--format', 'lp']);
    expect(stdout).toMatch(
      /^sensor,env=dev,sensor=demo,defect=false cpu_load=1,random_value=2i,counter=3i \d{19}$/m,
    );
    expect(stdout).toMatch(/^error\.sensor_exit,env=dev,sensor=demo,kind=error\.sensor_exit value=1i /m);
  });
});

describe('run ends in good order on SIGTERM', () => {
  it('with the sensor, and with everything that it printed stored', async () => {
    const pidFile = join(folder, 'pid');
    const file = sensor(
      `echo $$ > ${pidFile}; trap 'echo 4 5 6; exit 0' TERM; echo 1 2 3; while :; do sleep 0.05; done`,
    );
    const child = run(['--path-executable', file, '--flush-interval', '50ms']);
    await untilLogged(child, 'Recording');
    await until('the sensor has begun', async () => (await textOf(pidFile)).endsWith('\n'));
    child.kill('SIGTERM');
    const { exitCode, stderr } = await child;
    expect(exitCode).toBe(0);
    expect(logLines(stderr).at(-1)).toMatchObject({ read: 2, delivered: 2 });
    const pid = Number(await textOf(pidFile));
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

describe('a signal that comes twice, as from npm and the terminal,', () => {
  it('ends a run in good order', async () => {
    const file = sensor(
      `trap 'sleep 0.1; echo 4 5 6; exit 0' TERM; echo 1 2 3; while :; do sleep 0.05; done`,
    );
    const child = run(['--path-executable', file, '--flush-interval', '50ms']);
    await untilLogged(child, 'Recording');
    child.kill('SIGINT');
    await untilLogged(child, 'Stopping');
    child.kill('SIGINT');
    const { exitCode, stderr } = await child;
    expect(exitCode).toBe(0);
    expect(logLines(stderr).at(-1)).toMatchObject({ msg: 'The run has ended', queued: 0 });
  });
});

describe('a second signal ends a run at once', () => {
  it('and nothing that was stored is lost, and no sensor is left behind', async () => {
    const pidFile = join(folder, 'pid');
    const file = sensor(`echo $$ > ${pidFile}; trap '' TERM; echo 1 2 3; while :; do sleep 0.05; done`);
    const child = run([
      ...['--path-executable', file, '--flush-interval', '20ms', '--kill-after', '1h'],
      ...['--host', '127.0.0.1', '--port', String(await freePort()), '--drain-timeout', '1h'],
    ]);
    const inspect = async () =>
      (await visualizer(['buffer', 'inspect', '--state-dir', join(folder, 'state')])).stdout;
    await until('the reading is stored', async () => (await inspect()).includes('queued      1 readings'));
    child.kill('SIGINT');
    await untilLogged(child, 'Stopping');
    await until('it has ended', () => {
      child.kill('SIGINT');
      return child.exitCode !== null || child.signalCode !== null;
    });
    const { exitCode } = await child;
    expect(exitCode).toBe(130);
    expect(await inspect()).toContain('queued      1 readings');
    const pid = Number(await textOf(pidFile));
    await until('the sensor is gone', () => isGone(pid));
  });
});

function isGone(pid: number): boolean {
  try {
    return !process.kill(pid, 0);
  } catch {
    return true;
  }
}

function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}

describe('SIGHUP without a terminal', () => {
  it('does not end a run', async () => {
    const child = run(['--dry-run', '--path-executable', BUNDLED_SENSOR]);
    await untilLogged(child, 'Recording');
    child.kill('SIGHUP');
    child.kill('SIGTERM');
    const { exitCode, stderr } = await child;
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  });
});

describe('the exit code says what is wrong', () => {
  it.each([
    ['64 for a flag that is unknown', ['run', '--hots', 'x'], 64, "unknown option '--hots'"],
    ['64 for a command that is unknown', ['rnu'], 64, "unknown command 'rnu'"],
    ['0 for --help', ['--help'], 0, ''],
    [
      '66 for a sensor that is not there',
      ['run', '--no-page', '--path-executable', '/nowhere/sensor'],
      66,
      '/nowhere/sensor',
    ],
    [
      '66 for a sensor that is a folder',
      ['run', '--no-page', '--path-executable', '/tmp'],
      66,
      'it is a directory',
    ],
    ['73 for a store that is not there', ['export'], 73, 'visualizer run'],
    [
      '78 for a definition that is not there',
      ['run', '--sensor', '/nowhere/sensor.yaml'],
      78,
      '/nowhere/sensor.yaml',
    ],
    ['78 for a wrong port', ['run', '--port', '99999'], 78, '--port: "99999" must be a port, 1 to 65535'],
    [
      '78 for a host with a scheme',
      ['run', '--host', 'http://localhost'],
      78,
      'the port goes with --port, and https:// is --tls',
    ],
  ])('%s', async (_, args, code, text) => {
    const { exitCode, stderr, stdout } = await visualizer(args, { XDG_STATE_HOME: folder });
    expect({ exitCode, said: stderr.includes(text) || stderr }).toEqual({ exitCode: code, said: true });
    if (code !== 0) expect(stdout).toBe('');
  });

  it('70 where it waits for what never comes', async () => {
    const deaf = '--import=data:text/javascript,process.stdout.write=()=>true';
    const { exitCode } = await visualizer(['grafana', '--out', folder], { NODE_OPTIONS: deaf });
    expect(exitCode).toBe(70);
  });

  it('78 for a page port that is taken, naming both ways out', async () => {
    const port = await freePort();
    const server = createServer().listen(port, '127.0.0.1');
    const { exitCode, stderr } = await visualizer(['run', '--page-port', String(port)], {
      XDG_STATE_HOME: folder,
    });
    server.close();
    expect(exitCode).toBe(78);
    expect(stderr).toContain(`--page-port ${port}`);
    expect(stderr).toContain('--no-page');
  });

  it('75 for a second run on the same state directory, naming the first', async () => {
    const first = run(['--path-executable', BUNDLED_SENSOR]);
    await untilLogged(first, 'Recording');
    const second = await run(['--path-executable', BUNDLED_SENSOR]);
    const reader = await visualizer(['export', '--state-dir', join(folder, 'state')]);
    first.kill('SIGTERM');
    await first;
    expect(second.exitCode).toBe(75);
    expect(second.stderr).toContain(`Process ${first.pid} (started 2`);
    expect(reader.exitCode).toBe(75);
    expect(reader.stderr).toContain(`process ${first.pid}`);
  });

  it('of nobody is changed by the lock of a run that was killed, even if its process id lives on', async () => {
    const first = run(['--path-executable', BUNDLED_SENSOR]);
    await untilLogged(first, 'Recording');
    first.kill('SIGKILL');
    await first;
    const lock = join(folder, 'state', 'lock');
    await writeFile(
      lock,
      JSON.stringify({ pid: process.pid, identity: 'another boot:1', started: 'long ago' }),
    );
    const second = await run(['--restart', 'never', '--path-executable', sensor('echo 1 2 3')]);
    expect(second.exitCode).toBe(0);
  });
});

describe('settings', () => {
  it('are taken from flag before environment before file before default', async () => {
    const config = join(folder, 'settings.yaml');
    await writeFile(config, 'env: from-file\nrestart: never\n');
    const file = sensor('echo 1 2 3');
    const envOf = async (args: string[], environment = {}) => {
      const { stdout } = await run(
        ['--dry-run', '--restart', 'never', '--path-executable', file, ...args],
        environment,
      );
      return /env=([^,]+)/.exec(stdout)?.[1];
    };
    expect(await envOf([])).toBe('dev');
    expect(await envOf(['--config', config])).toBe('from-file');
    expect(await envOf(['--config', config], { ENV: 'from-env' })).toBe('from-env');
    expect(await envOf(['--config', config, '--env', 'from-flag'], { ENV: 'from-env' })).toBe('from-flag');
  });

  it('name their source when they are wrong, all at once', async () => {
    const config = join(folder, 'settings.yaml');
    await writeFile(config, 'batch-lines: many\n');
    const { exitCode, stderr } = await run(['--config', config, '--retention', 'soon'], {
      PORT_METRICS: '0',
    });
    expect(exitCode).toBe(78);
    expect(stderr).toContain('environment variable PORT_METRICS: "0" must be a port, 1 to 65535');
    expect(stderr).toContain('--retention: "soon" must be a duration');
    expect(stderr).toContain('settings file, batch-lines: "many" must be a whole number');
  });

  it('of a file that are unknown are refused', async () => {
    const config = join(folder, 'settings.yaml');
    await writeFile(config, 'prot: 8086\n');
    const { exitCode, stderr } = await run(['--config', config]);
    expect(exitCode).toBe(78);
    expect(stderr).toContain('prot is no setting');
  });
});
