import { cpSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SETTINGS } from '../../src/settings.js';
import { temporaryFolder } from '../visualizer.js';
import { ROOT, text } from './compose-files.js';
import { all, type Copy, copiesOf, copyOf, type Stage, stagesOf } from './dockerfile.js';

const LIMIT_MS = 180_000;
const [build, final] = stagesOf(text('sensor_runner/Dockerfile')) as [Stage, Stage];
const { scripts } = JSON.parse(text('package.json'));

let folder: string;
/** npm as in the image, and on somebody else's machine: a home of its own. What it has downloaded before is not ours. */
let environment: Record<string, string>;
beforeAll(async () => {
  folder = temporaryFolder();
  const home = join(folder, 'home');
  mkdirSync(home);
  const { stdout: cache } = await execa('npm', ['config', 'get', 'cache'], { cwd: ROOT });
  environment = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    npm_config_cache: cache,
    npm_config_prefer_offline: 'true',
    ...settingsOfNetwork(),
  };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the Dockerfile', () => {
  it('has two stages of the same base, pinned, which package.json allows', () => {
    expect(stagesOf(text('sensor_runner/Dockerfile'))).toHaveLength(2);
    expect(final.base).toMatch(/^node:\d+\.\d+\.\d+-bookworm-slim$/);
    expect(build.base).toBe(final.base);
    const version = /:(\d+)\./.exec(final.base)?.[1];
    expect(Number(version)).toBeGreaterThanOrEqual(20);
  });

  it('copies what is there, and what .dockerignore lets through', () => {
    const sources = [build, final].flatMap(copiesOf).filter(({ from }) => from === undefined);
    for (const source of sources.flatMap((copy) => copy.sources)) {
      expect(existsSync(join(ROOT, source)), source).toBe(true);
      expect(letThrough(source), source).toBe(true);
    }
    for (const secret of ['.env', '.git', 'node_modules', 'dist', 'sensor_runner/Dockerfile']) {
      expect(letThrough(secret), secret).toBe(false);
    }
  });

  it('runs scripts that there are', () => {
    const called = [...text('sensor_runner/Dockerfile').matchAll(/npm run (\w+)/g)].map(([, name]) => name);
    expect(called).toEqual(['build']);
    for (const name of called) expect(scripts).toHaveProperty([name ?? '']);
  });

  it('ends with a user of no rights, a command, a stop signal, and a volume that is that user’s', () => {
    const last = (name: string) => all(final, name).at(-1);
    expect(last('USER')).toBe('node');
    expect(last('ENTRYPOINT')).toBe('["visualizer"]');
    expect(last('CMD')).toBe('["run"]');
    expect(last('STOPSIGNAL')).toBe('SIGTERM');
    const volume = last('VOLUME') ?? '';
    expect(all(final, 'RUN').join()).toContain(`--owner=node --group=node --mode=0700 ${volume}`);
    expect(all(final, 'ENV').join()).toContain(`XDG_STATE_HOME=${volume.replace(/\/visualizer$/, '')}`);
  });

  it.each([
    [200, 0],
    [503, 1],
  ])('calls a run healthy whose page answers, and no other: %i', async (status, exitCode) => {
    const server = createServer(({ url }, response) => {
      response.statusCode = url === '/healthz' ? status : 404;
      response.end();
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    expect((await healthCheck(port)).exitCode).toBe(exitCode);
    await new Promise((closed) => server.close(closed));
    expect((await healthCheck(port)).exitCode).toBe(1);
  });

  it('builds, step by step, what runs', { timeout: LIMIT_MS }, async () => {
    const built = join(folder, 'build');
    for (const { name, text: step } of build.instructions) {
      if (name === 'COPY') copy(copyOf(step), ROOT, built);
      if (name === 'RUN') await execa('sh', ['-c', step], { cwd: built, env: environment, extendEnv: false });
    }
    const image = join(folder, 'image');
    for (const each of copiesOf(final)) {
      if (each.from === undefined) copy(each, ROOT, image);
      else copy({ ...each, sources: each.sources.map((source) => basename(source)) }, built, image);
    }
    expect(filesBelow(image).filter((file) => /^(?:src|test|docs)\//.test(file))).toEqual([]);
    expect(existsSync(join(image, 'node_modules/typescript'))).toBe(false);
    const visualizer = join(image, 'dist/cli.js');
    expect(statSync(visualizer).mode & 0o111).toBe(0o111);
    await expectLines(visualizer, []);
  });
});

describe('the package', () => {
  it('runs where nothing but it is installed', { timeout: LIMIT_MS }, async () => {
    const packed = await npm(['pack', '--ignore-scripts', '--json', '--pack-destination', folder], ROOT);
    const [{ filename, files }] = JSON.parse(packed);
    const paths: string[] = files.map(({ path }: { path: string }) => path);
    const wanted = [
      'dist/cli.js',
      'dist/local/page/index.html',
      'sensor_runner/sensor',
      'sensor_runner/sensor.yaml',
    ];
    expect(paths).toEqual(expect.arrayContaining(wanted));
    expect(paths.filter((path) => /^(?:src|test|\.)|\.test\./.test(path))).toEqual([]);

    const empty = join(folder, 'empty');
    mkdirSync(empty);

    await npm(['install', '--omit=dev', '--ignore-scripts', join(folder, filename)], empty);
    expect(existsSync(join(empty, 'node_modules/typescript'))).toBe(false);
    expect(existsSync(join(empty, 'node_modules/visualizer/dist/local/page/page.js'))).toBe(true);
    await expectLines('npx', ['--no', 'visualizer'], empty);
    const npx = (...args: string[]) =>
      execa('npx', ['--no', 'visualizer', ...args], { cwd: empty, env: environment, extendEnv: false });
    const { stderr } = await npx(
      ...['run', '--restart', 'never', '--page-port', '0'],
      ...['--', '--lines', '3', '--interval', '0'],
    );
    expect(stderr).toContain('The live page is at http');
    expect((await npx('export')).stdout.trim().split('\n')).toHaveLength(4);
    expect((await npx('--version')).stdout).toMatch(/^\d+\.\d+\.\d+/);
  });
});

/** Runs the bundled sensor for three lines, and looks for them. */
async function expectLines(program: string, args: string[], cwd = folder): Promise<void> {
  const run = ['run', '--dry-run', '--restart', 'never', '--', '--lines', '3', '--interval', '0'];
  const { stdout } = await execa(program, [...args, ...run], { cwd, env: environment, extendEnv: false });
  const readings = stdout.split('\n').filter((line) => line.startsWith('sensor,env=dev,sensor=demo,'));
  expect(readings).toHaveLength(3);
}

async function npm(args: string[], cwd: string): Promise<string> {
  return (await execa('npm', args, { cwd, env: environment, extendEnv: false })).stdout;
}

/** Where the registry is, and how to get there. */
function settingsOfNetwork(): Record<string, string> {
  const names =
    /^(?:npm_config_(?:registry|proxy|https_proxy|noproxy|cafile)|NODE_EXTRA_CA_CERTS|\w+_proxy)$/i;
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      names.test(name) && value !== undefined ? [[name, value]] : [],
    ),
  );
}

/** The health check's command, on a port that is free here. */
function healthCheck(port: number) {
  const command = all(final, 'HEALTHCHECK')
    .join()
    .replace(/^.*CMD /, '');
  const [program, ...args]: string[] = JSON.parse(command);
  const { fallback } = SETTINGS.pagePort;
  expect(command).toContain(`127.0.0.1:${fallback}/healthz`);
  return execa(
    program ?? '',
    args.map((arg) => arg.replace(fallback, String(port))),
    { reject: false },
  );
}

function copy({ sources, target }: Copy, from: string, to: string): void {
  const isFolder = sources.length > 1 || target.endsWith('/');
  for (const source of sources) {
    const into = join(to, target, isFolder ? basename(source) : '');
    cpSync(join(from, source), into, { recursive: true });
  }
}

/** What .dockerignore says of a path: the last line that matches it, or a folder that it is in. */
function letThrough(path: string): boolean {
  const patterns = text('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  return patterns.reduce((through, pattern) => {
    const name = pattern.replace(/^!/, '');
    const matches = name === '*' || path === name || path.startsWith(`${name}/`);
    return matches ? pattern.startsWith('!') : through;
  }, true);
}

function filesBelow(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}
