import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa, execaSync } from 'execa';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Systemd } from '../src/systemd.js';
import { until } from './until.js';
import { temporaryFolder } from './visualizer.js';

const runs = (program: string, args: string[]) => execaSync(program, args, { reject: false }).exitCode === 0;
const hasSystemd = runs('systemd-notify', ['--version']) && runs('python3', ['--version']);

let folder: string;
const closers: (() => unknown)[] = [];
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  await rm(folder, { recursive: true, force: true });
});

/** A service manager's end of the socket: prints each message as JSON. */
const MANAGER = `
import json, socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1])
print('"bound"', flush=True)
while True: print(json.dumps(manager.recv(65536).decode()), flush=True)
`;

async function manager() {
  const socket = join(folder, 'notify');
  const child = execa('python3', ['-c', MANAGER, socket], { reject: false, buffer: false });
  closers.push(async () => {
    child.kill('SIGKILL');
    await child;
  });
  let printed = '';
  child.stdout.on('data', (chunk) => {
    printed += chunk;
  });
  // The last one may still be on its way; BARRIER=1 is systemd-notify's own.
  const heard = () =>
    printed
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as string);
  await until('the socket is there', () => heard()[0] === 'bound');
  return { socket, heard: () => heard().filter((text) => text !== 'bound' && text !== 'BARRIER=1') };
}

function systemd(environment: NodeJS.ProcessEnv, statusMs = 20) {
  const said: { msg: string; reason?: string }[] = [];
  const log = pino({}, { write: (line: string) => said.push(JSON.parse(line)) });
  const told = new Systemd({ environment: { PATH: process.env.PATH, ...environment }, log, statusMs });
  closers.push(() => told.close());
  return { told, said };
}

describe.skipIf(!hasSystemd)('systemd is told', () => {
  it('of the beginning and the end, in order', async () => {
    const { socket, heard } = await manager();
    const { told, said } = systemd({ NOTIFY_SOCKET: socket });
    told.ready();
    told.stopping();
    await until('all is heard', () => heard().length >= 2);
    expect(heard()).toEqual(['READY=1', 'STOPPING=1']);
    expect(said).toEqual([]);
  });

  it('the status, in one line, and again only where it has changed', async () => {
    const { socket, heard } = await manager();
    const { told } = systemd({ NOTIFY_SOCKET: socket });
    let asked = 0;
    let status = '00:00:01  online  1.0 lines/s\nREADY=1';
    told.show(() => {
      asked += 1;
      return status;
    });
    await until('it was asked for many times', () => asked > 20);
    await until('it is heard', () => heard().length > 0);
    status = 'another';
    await until('it is heard', () => heard().length > 1);
    expect(heard()).toEqual(['STATUS=00:00:01  online  1.0 lines/s READY=1', 'STATUS=another']);
  });

  it('the status rarely', async () => {
    const { socket, heard } = await manager();
    const { told } = systemd({ NOTIFY_SOCKET: socket }, 1_000_000);
    let count = 0;
    for (let time = 0; time < 100; time += 1) {
      told.show(() => String(count));
      count += 1;
    }
    told.ready();
    await until('the rest is heard', () => heard().includes('READY=1'));
    expect(heard()).toEqual(['STATUS=0', 'READY=1']);
  });

  it('the end at last, and nothing once it is closed', async () => {
    const { socket, heard } = await manager();
    const { told } = systemd({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: '20000' }, 5);
    let count = 0;
    told.show(() => String(count++));
    told.ready();
    await until('it is under way', () => heard().length > 5);
    told.stopping();
    await told.close();
    told.ready();
    await until('the end is heard', () => heard().at(-1) === 'STOPPING=1');
    const asked = count;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(count).toBe(asked);
    expect(heard().at(-1)).toBe('STOPPING=1');
  });
});

describe.skipIf(!hasSystemd)('the watchdog', () => {
  const pings = (heard: string[]) => heard.filter((text) => text === 'WATCHDOG=1').length;

  it('is fed while the event loop lives, and only then', async () => {
    const { socket, heard } = await manager();
    systemd({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: '100000', WATCHDOG_PID: String(process.pid) });
    await until('it is fed', () => pings(heard()) > 3);
    // Not even what was heard is read in this while: it all comes afterwards.
    const before = pings(heard());
    const wakeUp = performance.now() + 1_000;
    while (performance.now() < wakeUp);
    await until('it is fed again', () => pings(heard()) > before);
    expect(pings(heard()) - before).toBeLessThan(6);
  });

  it.each([
    ['wants another process', { WATCHDOG_USEC: '1000', WATCHDOG_PID: '1' }],
    ['is not there', {}],
    ['waits for ever', { WATCHDOG_USEC: '18446744073709551615' }],
    ['wants nonsense', { WATCHDOG_USEC: 'soon' }],
  ])('is not fed where it %s', async (_, environment) => {
    const { socket, heard } = await manager();
    const { told } = systemd({ NOTIFY_SOCKET: socket, ...environment });
    told.ready();
    await until('it is heard', () => heard().length > 0);
    // A ping would have been queued in the meantime, before this.
    told.ready();
    await until('it is heard again', () => heard().filter((text) => text === 'READY=1').length === 2);
    expect(heard()).toEqual(['READY=1', 'READY=1']);
  });
});

/** Puts a program of that name before the real one. */
function fake(script: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'systemd-notify'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, 'systemd-notify'), 0o755);
  return `${bin}:${process.env.PATH}`;
}

describe('telling systemd never disturbs the run', () => {
  it('where nobody has asked: nothing is started', async () => {
    const trace = join(folder, 'trace');
    const { told, said } = systemd({ PATH: fake(`echo "$@" >> ${trace}`), WATCHDOG_USEC: '1000' }, 1);
    told.show(() => 'status');
    told.ready();
    told.stopping();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await told.close();
    expect(() => readFileSync(trace)).toThrow('ENOENT');
    expect(said).toEqual([]);
  });

  it('where the program is missing: it is said once, and not tried again', async () => {
    const { told, said } = systemd({ NOTIFY_SOCKET: '/nowhere', PATH: folder, WATCHDOG_USEC: '2000' }, 1);
    told.show(() => String(performance.now()));
    told.ready();
    await until('it is said', () => said.length > 0);
    fake('exit 0');
    told.stopping();
    await told.close();
    expect(said).toHaveLength(1);
    expect(said[0]).toMatchObject({ level: 40, reason: 'there is no program systemd-notify' });
  });

  it('where it fails: it is said once, and tried again', async () => {
    const trace = join(folder, 'trace');
    const PATH = fake(`echo "$@" >> ${trace}; echo oh dear >&2; exit 1`);
    const { told, said } = systemd({ NOTIFY_SOCKET: '/nowhere', PATH });
    told.ready();
    told.stopping();
    const lines = () => readFileSync(trace, { encoding: 'utf8', flag: 'a+' });
    await until('both were tried', () => lines() === 'READY=1\nSTOPPING=1\n');
    await told.close();
    expect(said).toHaveLength(1);
    expect(said[0]?.reason).toContain('oh dear');
  });

  it('where it is slow: one call runs at a time, and pings do not pile up', async () => {
    const trace = join(folder, 'trace');
    const PATH = fake(`echo begin "$@" >> ${trace}; sleep 0.3; echo end >> ${trace}`);
    const { told } = systemd({ NOTIFY_SOCKET: '/nowhere', PATH, WATCHDOG_USEC: '4000' }, 5);
    told.show(() => String(performance.now()));
    const lines = () => readFileSync(trace, { encoding: 'utf8', flag: 'a+' }).split('\n').filter(Boolean);
    await until('some calls were made', () => lines().length > 8);
    const called = performance.now();
    told.stopping();
    await told.close();
    expect(performance.now() - called).toBeLessThan(5_000);
    expect(lines().map((line) => line.split(' ')[0])).toEqual(
      lines().map((_, at) => (at % 2 ? 'end' : 'begin')),
    );
    const kinds = lines().flatMap((line) => /^begin (\w+)/.exec(line)?.[1] ?? []);
    expect(kinds.at(-1)).toBe('STOPPING');
    expect(kinds.filter((kind, at) => kind === kinds[at - 1])).toEqual([]);
  });

  it('where it hangs: it is given up', async () => {
    const { told, said } = systemd({ NOTIFY_SOCKET: '/nowhere', PATH: fake("trap '' TERM; exec sleep 60") });
    told.ready();
    await told.close();
    expect(said[0]?.reason).toContain('timed out');
  }, 30_000);

  it('nor shows it our secrets', async () => {
    const trace = join(folder, 'trace');
    const PATH = fake(`env > ${trace}.new; mv ${trace}.new ${trace}`);
    const { told } = systemd({ NOTIFY_SOCKET: '/nowhere', PATH, INFLUX_TOKEN: 'canary' });
    told.ready();
    await told.close();
    expect(readFileSync(trace, 'utf8')).toContain('NOTIFY_SOCKET=/nowhere');
    expect(readFileSync(trace, 'utf8')).not.toContain('canary');
  });
});

describe.skipIf(!runs('systemd-analyze', ['--version']))('the example unit', () => {
  it('is accepted by systemd', async () => {
    const example = fileURLToPath(new URL('../docs/systemd/visualizer.service', import.meta.url));
    const unit = join(folder, 'visualizer.service');
    const text = readFileSync(example, 'utf8').replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`);
    writeFileSync(unit, text);
    const { exitCode, all } = await execa('systemd-analyze', ['verify', unit], { all: true, reject: false });
    expect({ exitCode, all }).toEqual({ exitCode: 0, all: '' });
  });
});
