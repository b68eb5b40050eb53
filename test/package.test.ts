import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa, execaSync } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from './visualizer.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const hasGit =
  existsSync(join(ROOT, '.git')) && execaSync('git', ['--version'], { reject: false }).exitCode === 0;

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the package', () => {
  it('holds what runs and what is to be read, and nothing else', async () => {
    const { stdout } = await execa('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], { cwd: ROOT });
    const paths: string[] = JSON.parse(stdout)[0].files.map(({ path }: { path: string }) => path);
    const known = [
      /^(?:LICENSE|README\.md|package\.json)$/,
      /^dist\/(?:cli|index)\.js$/,
      /^dist\/[a-z0-9-]+\.cjs$/,
      /^dist\/(?:commit|THIRD_PARTY_LICENSES)$/,
      /^dist\/(?:index|definition|definition-file|errors|local\/api)\.d\.ts$/,
      /^dist\/local\/api\.js$/,
      /^dist\/local\/page\/[a-z-]+\.(?:js|css|svg|html)$/,
      /^docs\/(?:[a-z-]+\.md|systemd\/visualizer\.service)$/,
      /^sensor_runner\/sensor(?:\.yaml)?$/,
    ];
    expect(paths.filter((path) => !known.some((pattern) => pattern.test(path)))).toEqual([]);
    expect(paths).toEqual(
      expect.arrayContaining([
        ...['LICENSE', 'README.md', 'package.json', 'dist/cli.js', 'dist/cli.cjs', 'sensor_runner/sensor'],
        ...['sensor_runner/sensor.yaml', 'dist/local/page/index.html', 'dist/local/page/page.js'],
        ...['dist/index.js', 'dist/index.d.ts', 'docs/definition.md', 'docs/notifications.md'],
      ]),
    );
  });
});

describe('the command line', () => {
  it('is strict code, as the modules are that it is made of', () => {
    const chunks = readdirSync(join(ROOT, 'dist')).filter((name) => name.endsWith('.cjs'));
    const sloppy = chunks.filter(
      (name) => !readFileSync(join(ROOT, 'dist', name), 'utf8').startsWith('"use strict";'),
    );
    expect(chunks.length).toBeGreaterThan(5);
    expect(sloppy).toEqual([]);
  });
});

describe('licences', () => {
  it('of all libraries that were joined into the package go with it', () => {
    const texts = readFileSync(join(ROOT, 'dist/THIRD_PARTY_LICENSES'), 'utf8');
    const chunks = readdirSync(join(ROOT, 'dist')).filter((name) => /\.c?js$/.test(name));
    const joined = chunks.flatMap((name) => [
      ...readFileSync(join(ROOT, 'dist', name), 'utf8').matchAll(
        /^\/\/ (?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)/gm,
      ),
    ]);
    const names = [...new Set(joined.map(([, name]) => name as string))];
    expect(names).toEqual(expect.arrayContaining(['commander', 'zod', '@influxdata/influxdb-client']));
    const without = names.filter(
      (name) => !new RegExp(`^${name} \\S+ \\([^)]+\\)\n\n.*\\S`, 'm').test(texts),
    );
    expect(without).toEqual([]);
  });

  it('of all libraries that are installed with it let everybody use them for everything', () => {
    const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
    const free = ['MIT', 'MIT-0', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0'];
    const others = Object.entries<{ dev?: boolean; license?: string }>(packages).filter(
      ([, { dev, license = '' }]) => !dev && !free.includes(license),
    );
    expect(others).toEqual([]);
  });
});

describe('what other programs import', () => {
  const PROGRAM = `
import { type Definition, type PageApi, readDefinition, VisualizerError } from 'visualizer';
const definition: Definition = readDefinition(process.argv[2] ?? '');
console.log(definition.metrics.map(({ name }) => name).join());
try {
  readDefinition('nowhere.yaml');
} catch (error) {
  console.log(error instanceof VisualizerError && error.code);
}
export const read = (status: PageApi.Status): number | undefined => status.recording?.counters.read;
// @ts-expect-error: there is no such kind
export const wrong: Definition['metrics'][number]['kind'] = 'other';
`;

  it('has types that need nothing else, and works', async () => {
    const installed = join(folder, 'node_modules/visualizer');
    for (const name of ['package.json', 'dist', 'sensor_runner']) {
      cpSync(join(ROOT, name), join(installed, name), { recursive: true });
    }
    writeFileSync(join(folder, 'program.mts'), PROGRAM);
    const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types')];
    const strict = ['--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false'];
    const target = ['--module', 'nodenext', '--target', 'es2023', '--outDir', folder];
    const tsc = join(ROOT, 'node_modules/.bin/tsc');
    await execa(tsc, [...types, ...strict, ...target, 'program.mts'], { cwd: folder });
    const definition = join(installed, 'sensor_runner/sensor.yaml');
    const { stdout } = await execa(process.execPath, ['program.mjs', definition], { cwd: folder });
    expect(stdout).toBe('cpu_load,random_value,counter\nBAD_DEFINITION');
  });
});

describe('--version', () => {
  /** What the command line prints, of a copy of the package that was built at this commit. */
  async function printed(commit: string | undefined): Promise<string> {
    const copy = join(folder, 'copy');
    mkdirSync(copy);
    for (const name of ['package.json', 'dist'])
      cpSync(join(ROOT, name), join(copy, name), { recursive: true });
    rmSync(join(copy, 'dist/commit'), { force: true });
    if (commit !== undefined) writeFileSync(join(copy, 'dist/commit'), commit);
    return (await execa(process.execPath, [join(copy, 'dist/cli.js'), '--version'])).stdout;
  }

  it('tells the version and the commit that it was built from', async () => {
    expect(await printed('abc1234')).toBe(`${version} (abc1234)`);
  });

  it('tells the version alone where the build had no git', async () => {
    expect(await printed(undefined)).toBe(version);
  });

  it.skipIf(!hasGit)('has a commit of this repository after a build in it', async () => {
    const commit = readFileSync(join(ROOT, 'dist/commit'), 'utf8');
    const type = await execa('git', ['cat-file', '-t', commit], { cwd: ROOT });
    expect(commit).toMatch(/^[0-9a-f]{7,}$/);
    expect(type.stdout).toBe('commit');
  });
});
