import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type ScriptedInflux, startScriptedInflux } from './servers/scripted-influx.js';
import { freePort } from './servers/server.js';
import { until } from './until.js';
import { CLI, type Run, temporaryFolder, untilLogged, visualizer } from './visualizer.js';

/**
 * Every page is as true as it can be told: its links lead somewhere, and its commands, which are the lines of `sh`
 * blocks and what follows `$` in indented ones, are run. A command that is neither run nor excused here fails.
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** Commands that cannot be run here, and why. */
const EXCUSED: readonly (readonly [RegExp, string])[] = [
  [/^npm ci\b/, 'downloads; test/compose/image.test.ts does it'],
  [/^npm (?:test|run check)\b/, 'is what is being done'],
  [/^docker\b|&& docker\b/, 'needs a container engine and its registry; test/compose reads the files'],
  [/^(?:sudo|systemctl|journalctl)\b/, 'changes or needs the system; test/systemd.test.ts reads the unit'],
  [/^visualizer completion zsh\b/, 'is for zsh; test/commands/completion.test.ts runs it'],
  [/ notify --test\b/, 'tells a real receiver; test/notify/receivers.test.ts has stand-ins'],
];

const lasts = (command: string) => /\b(?:cli\.js|visualizer) (?:run|view)\b/.test(command);
const listens = (command: string) => command.startsWith('curl -N');
const excuse = (command: string) => EXCUSED.find(([pattern]) => pattern.test(command));

describe.each(PAGES)('%s', (page) => {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const commands = commandsOf(text).filter((command) => !excuse(command));

  it('links to files and headings that there are', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
    const broken = links.filter(([, file, heading]) => {
      const target = file ? join(ROOT, dirname(page), file) : join(ROOT, page);
      return !existsSync(target) || (heading && !headings(target).includes(heading));
    });
    expect(broken.map(([link]) => link)).toEqual([]);
  });

  describe.skipIf(commands.length === 0)('has commands that work', () => {
    let folder: string;
    let influx: ScriptedInflux;
    let server: Run | undefined;
    let environment: Record<string, string>;
    let pagePort: number;

    beforeAll(async () => {
      folder = temporaryFolder();
      influx = await startScriptedInflux();
      pagePort = await freePort();
      environment = prepare(folder, text, influx.port);
      if (commands.some((command) => /export|buffer|curl/.test(command))) await seed();
      if (commands.some((command) => command.includes(':8087'))) {
        server = visualizer(['run', '--page-port', String(pagePort)], environment);
        await untilLogged(server, 'Recording');
      }
    });
    afterAll(async () => {
      server?.kill('SIGTERM');
      await server;
      await influx?.close();
      await rm(folder, { recursive: true, force: true });
    });

    it.each(commands)('%s', async (command) => {
      const here = command
        .replaceAll('127.0.0.1:8087', `127.0.0.1:${pagePort}`)
        .replace(/--port \d+/, `--port ${influx.port}`)
        .replaceAll('/var/log/', `${folder}/`);
      const child = execa('bash', ['-c', `trap : TERM\n${here}`], {
        cwd: folder,
        env: environment,
        extendEnv: false,
        stdin: 'ignore',
        reject: false,
        detached: true,
      });
      let isGoing = false;
      let isOver = false;
      child.stderr.on('data', (chunk) => {
        isGoing ||= lasts(command) && String(chunk).includes('"Recording');
      });
      child.stdout.on('data', () => {
        isGoing ||= listens(command);
      });
      const ended = child.finally(() => {
        isOver = true;
      });
      await until(`this is under way, or over: ${here}`, () => isGoing || isOver);
      if (!isOver) process.kill(-(child.pid as number), 'SIGTERM');
      const { exitCode, stderr } = await ended;
      expect(exitCode, stderr).toBe(listens(command) ? 143 : 0);
    });

    /** Something of the bundled sensor in the store, and something in the buffer. */
    async function seed(): Promise<void> {
      const few = ['run', '--no-page', '--restart', 'never'];
      const lines = ['--', '--lines', '3', '--interval', '0'];
      const away = ['--host', '127.0.0.1', '--port', String(await freePort()), '--drain-timeout', '0'];
      for (const to of [[], away]) {
        const { exitCode, stderr } = await visualizer([...few, ...to, ...lines], environment);
        expect(exitCode, stderr).toBe(0);
      }
    }
  });
});

it('no command is excused that no page has', () => {
  const commands = PAGES.flatMap((page) => commandsOf(readFileSync(join(ROOT, page), 'utf8')));
  const idle = EXCUSED.filter(([pattern]) => !commands.some((command) => pattern.test(command)));
  expect(idle).toEqual([]);
});

/** Without comments; a command that goes on over several lines is one. */
function commandsOf(text: string): string[] {
  const fenced = [...text.matchAll(/^```(?:sh|bash|shell|console)\n(.*?)^```$/gms)].map(
    ([, block]) => block as string,
  );
  const prompted = [...text.matchAll(/^ {4}\$ (.*(?<=\\)\n)*.*$/gm)].map(([block]) =>
    block.replace(/^ {4}\$ /, ''),
  );
  return [...fenced, ...prompted]
    .flatMap((block) => block.split(/(?<!\\)\n/))
    .map((line) => line.replace(/(?:^| {2,})# .*$/, '').trim())
    .filter((line) => line !== '');
}

/** A folder like a checkout, with what the pages take for granted; returns the environment to work there in. */
function prepare(folder: string, text: string, influxPort: number): Record<string, string> {
  const bin = join(folder, 'bin');
  const home = join(folder, 'home');
  for (const path of [bin, join(home, '.config/fish/completions')]) mkdirSync(path, { recursive: true });
  for (const name of ['dist', 'sensor_runner', 'package.json'])
    symlinkSync(join(ROOT, name), join(folder, name));
  cpSync(join(ROOT, '.env.example'), join(folder, '.env.example'));

  const yaml = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block]) => block as string);
  const definition = yaml.find((block) => block.startsWith('name: greenhouse')) ?? '';
  writeFileSync(join(folder, 'greenhouse.yaml'), definition);
  const { metrics = [], separator = ' ' } = parse(definition) ?? {};
  const line = metrics.map(() => '21').join(separator);
  const script = /^```text\n(#!\/bin\/sh\n.*?)^```$/ms.exec(text)?.[1];
  program(join(folder, 'read-greenhouse'), script ?? `while echo '${line}'; do sleep 1; done`);

  program(join(bin, 'visualizer'), `exec '${process.execPath}' '${CLI}' "$@"`);
  program(join(bin, 'some-program'), 'echo 7.5 5123123 1');
  for (const name of ['measurements.txt', 'sensor.log']) writeFileSync(join(folder, name), '7.5 5123123 1\n');
  return {
    PATH: `${bin}:${process.env.PATH}`,
    HOME: home,
    HOOK_TOKEN: 'secret',
    PORT_METRICS: String(influxPort),
    VISUALIZER_PAGE_PORT: '0',
  };
}

function program(file: string, script: string): void {
  writeFileSync(file, script.startsWith('#!') ? script : `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

/** As they are linked to. */
function headings(file: string): string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    (heading as string)
      .toLowerCase()
      .replace(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  );
}
