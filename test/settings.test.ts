import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultStateDir, resolveSettings } from '../src/resolve-settings.js';
import type { Command } from '../src/settings.js';
import { temporaryFolder } from './visualizer.js';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rmSync(folder, { recursive: true }));

const withFlags = (flags: Record<string, string>, command: Command = 'run') =>
  resolveSettings(command, { flags, environment: {} });

/** The settings of a settings file with this text. */
function withFile(text: string) {
  const file = join(folder, 'settings.yaml');
  writeFileSync(file, text);
  return resolveSettings('run', { flags: {}, environment: {}, file });
}

describe('a setting', () => {
  it.each([
    ['port', '8086', 'port', 8086],
    ['host', 'influx.example.org', 'host', 'influx.example.org'],
    ['host', '192.0.2.1', 'host', '192.0.2.1'],
    ['host', '::1', 'host', '::1'],
    ['host', '[::1]', 'host', '::1'],
    ['env', 'lab, "north" = Ü', 'env', 'lab, "north" = Ü'],
    ['retention', '0', 'retention', 0],
    ['retention', '30d', 'retention', 2_592_000_000],
    ['flush-interval', '1.5s', 'flushInterval', 1_500],
    ['buffer-max', '500 MB', 'bufferMax', 500_000_000],
    ['buffer-max', '1GiB', 'bufferMax', 1_073_741_824],
    ['no-page', 'false', 'page', false],
    ['restart', 'on-failure', 'restart', 'on-failure'],
    ['page-name', 'sensors.example.org', 'pageNames', ['sensors.example.org']],
    ['page-name', 'pi, wall_1.lan,[2001:db8::7]', 'pageNames', ['pi', 'wall_1.lan', '2001:db8::7']],
  ])('--%s %s is understood', (flag, text, name, value) => {
    expect(withFlags({ [flag]: text })).toMatchObject({ [name]: value });
  });

  it.each([
    ['port', '0'],
    ['port', '65536'],
    ['port', '80 86'],
    ['host', 'http://localhost'],
    ['host', 'localhost:8086'],
    ['host', 'fe80::1%eth0'],
    ['host', ''],
    ['env', 'back\\slash'],
    ['env', 'two\nlines'],
    ['env', ''],
    ['retention', '30'],
    ['retention', '-1d'],
    ['retention', '999999d'],
    ['flush-interval', '11s'],
    ['buffer-max', '1GIB'],
    ['buffer-max', '10'],
    ['restart', 'sometimes'],
    ['page-name', ''],
    ['page-name', 'pi,'],
    ['page-name', 'pi:8087'],
    ['page-name', 'https://sensors.example.org'],
    ['page-name', '*.example.org'],
    ['page-name', 'sensors.example.org/page'],
    ['page-name', 'two names'],
    ['batch-lines', '1e3'],
  ])('--%s %j is refused, naming both', (flag, text) => {
    expect(() => withFlags({ [flag]: text })).toThrow(`--${flag}: ${JSON.stringify(text)} must be `);
  });

  it('is not looked at by a command that does not have it', () => {
    const environment = { PORT_METRICS: 'nonsense', INFLUX_TOKEN_FILE: '/nowhere', ENV: 'a\\b' };
    expect(resolveSettings('export', { flags: {}, environment })).toMatchObject({ format: 'csv' });
  });

  it('that is secret is not shown when it is refused', () => {
    const environment = { INFLUX_TOKEN: 'geheim\nnis' };
    const resolve = () => resolveSettings('run', { flags: {}, environment });
    expect(resolve).toThrow(
      'environment variable INFLUX_TOKEN: its value must be a token of printable ASCII',
    );
    expect(resolve).not.toThrow('geheim');
  });

  it('that is secret may stand in a file', () => {
    const file = join(folder, 'token');
    writeFileSync(file, 'abc==\n');
    const environment = { INFLUX_TOKEN_FILE: file };
    expect(resolveSettings('run', { flags: {}, environment })).toMatchObject({ token: 'abc==' });
  });

  it.each([
    [
      'is empty',
      () => writeFileSync(join(folder, 'secret'), '\n'),
      ': its value must be a token of printable',
    ],
    ['is not there', () => {}, / names .*secret, which cannot be read \(ENOENT\)/],
    [
      'is a directory',
      () => mkdirSync(join(folder, 'secret')),
      / names .*secret, which cannot be read \(EISDIR\)/,
    ],
  ])('that is secret and in a file that %s is refused, and not taken for none', (_what, make, complaint) => {
    make();
    const environment = { PAGE_TOKEN_FILE: join(folder, 'secret') };
    const resolve = () => resolveSettings('run', { flags: {}, environment });
    expect(resolve).toThrow('PAGE_TOKEN_FILE');
    expect(resolve).toThrow(complaint);
  });
});

describe('a moment', () => {
  it.each(['5', 'yesterday', '2500-01-01', '1000000d', 'x2026-01-01'])('%s is refused', (from) => {
    expect(() => withFlags({ from }, 'export')).toThrow('must be a date and time such as');
  });

  it('is a date, or how long ago', () => {
    expect(withFlags({ from: '2026-11-22T08:00:00Z' }, 'export').from).toBe(1_795_334_400_000_000_000n);
    const ago = BigInt(Date.now() - 3_600_000) * 1_000_000n;
    const { from } = withFlags({ from: '1h' }, 'export');
    expect(from).toBeGreaterThanOrEqual(ago);
    expect(from).toBeLessThan(ago + 10_000_000_000n);
  });
});

describe('a settings file', () => {
  it('is read as it is written', () => {
    expect(withFile('env: 1.10\nport: 8086\npage: false\n')).toMatchObject({
      env: '1.10',
      port: 8086,
      page: false,
    });
  });

  it('may leave a setting empty, or say nothing', () => {
    expect(withFile('host:\nenv: lab\n')).toMatchObject({ env: 'lab' });
    expect(withFile('host:\n')).not.toHaveProperty('host');
    expect(withFile('')).toMatchObject({ env: 'dev' });
  });

  it.each([
    ['hello', 'it must map settings to values'],
    ['- port', 'it must map settings to values'],
    ['prot: 1', 'prot is no setting; known: '],
    ['port: [1]', 'port must be a single value'],
    ['port: "', 'Missing closing "quote'],
    ['port: 99999', 'settings file, port: "99999" must be a port'],
    ['token: abc', 'token is no setting'],
  ])('with %j is refused', (text, problem) => {
    expect(() => withFile(text)).toThrow(problem);
  });
});

describe('the state directory', () => {
  it('is where the XDG specification says', () => {
    expect(defaultStateDir('demo', { XDG_STATE_HOME: '/state' })).toBe('/state/visualizer/demo');
    expect(defaultStateDir('demo', { HOME: '/home/me' })).toBe('/home/me/.local/state/visualizer/demo');
  });
});
