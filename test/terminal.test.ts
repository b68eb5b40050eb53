import { readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa, execaSync } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cut } from '../src/terminal-line.js';
import { until } from './until.js';
import { temporaryFolder } from './visualizer.js';

const BUILT = new URL('../build/', import.meta.url);
const hasPython = execaSync('python3', ['-c', 'import pty'], { reject: false }).exitCode === 0;

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs a program on a pseudo-terminal: passes on what it shows, and obeys commands such as `{"resize": 40}`. */
const PTY = `
import fcntl, json, os, pty, select, struct, sys, termios
columns, command = int(sys.argv[1]), sys.argv[2:]
size = lambda columns: struct.pack('HHHH', 24, columns, 0, 0)
pid, master = pty.fork()
if pid == 0:
    fcntl.ioctl(2, termios.TIOCSWINSZ, size(columns))
    os.execvp(command[0], command)
reads, commands = True, b''
while master is not None:
    ready, _, _ = select.select([0] + [master] * reads, [], [])
    if 0 in ready:
        chunk = os.read(0, 65536)
        commands += chunk
        *whole, commands = commands.split(b'\\n')
        for order in map(json.loads, whole):
            if 'resize' in order: fcntl.ioctl(master, termios.TIOCSWINSZ, size(order['resize']))
            if 'type' in order: os.write(master, order['type'].encode())
            if 'read' in order: reads = order['read']
            if 'hang up' in order:
                os.close(master)
                master = None
    if master in ready:
        try: shown = os.read(master, 65536)
        except OSError: break
        os.write(1, shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
`;

function programFile(script: string): string {
  const file = join(folder, 'program.mjs');
  const imports = `
    import { Terminal } from '${BUILT}terminal.js';
    import { openLog } from '${BUILT}log.js';
    import { setTimeout as delay } from 'node:timers/promises';
    import { writeFileSync } from 'node:fs';
    const terminal = new Terminal(process.stderr, { environment: process.env });
  `;
  writeFileSync(file, imports + script);
  return file;
}

interface Surroundings {
  readonly columns?: number;
  readonly environment?: Record<string, string>;
}

/** A running program on a terminal. It never rejects. */
function onTerminal(script: string, { columns = 80, environment = {} }: Surroundings = {}) {
  const file = programFile(script);
  const child = execa('python3', ['-c', PTY, String(columns), process.execPath, file], {
    reject: false,
    extendEnv: false,
    env: { PATH: process.env.PATH ?? '', TERM: 'xterm-256color', ...environment },
    maxBuffer: 100_000_000,
    stripFinalNewline: false,
  });
  const run = {
    shown: '',
    order: (order: Record<string, unknown>) => child.stdin.write(`${JSON.stringify(order)}\n`),
    async end() {
      const { exitCode, stdout, stderr } = await child;
      return { exitCode, shown: stdout, stderr };
    },
  };
  child.stdout.on('data', (chunk) => {
    run.shown += chunk;
  });
  return run;
}

/** The same without a terminal. */
function onPipe(script: string, environment: Record<string, string> = {}) {
  const env = { PATH: process.env.PATH ?? '', TERM: 'xterm-256color', ...environment };
  return execa(process.execPath, [programFile(script)], { reject: false, extendEnv: false, env });
}

/** What a terminal would show of the bytes it was sent; knows what is used here, and throws on all else. */
class Screen {
  readonly #columns: number;
  readonly #obeysNoWrap: boolean;
  #rows: { cells: string[]; folded: boolean }[] = [{ cells: [], folded: false }];
  #column = 0;
  #wraps = true;
  /** What was to be seen each time that the status line had been drawn. */
  readonly views: string[][] = [];

  constructor(columns: number, { obeysNoWrap = true } = {}) {
    this.#columns = columns;
    this.#obeysNoWrap = obeysNoWrap;
  }

  write(output: string): this {
    for (const [token, , code] of output.matchAll(/\p{Cc}\[([?\d;]*[A-Za-z])|(.)/gsu)) {
      const command = /^\p{Cc}\[(.*)$/su.exec(token)?.[1];
      if (command !== undefined) this.#obey(command);
      else this.#put(code as string);
    }
    return this;
  }

  /** The text lines, folded ones in one piece. */
  get lines(): string[] {
    const lines: string[] = [];
    let open = '';
    for (const { cells, folded } of this.#rows) {
      open += cells.join('');
      if (folded) continue;
      lines.push(open);
      open = '';
    }
    return lines;
  }

  get height(): number {
    return this.#rows.length;
  }

  get cursor(): [number, number] {
    return [this.#rows.length - 1, this.#column];
  }

  #obey(command: string): void {
    if (command === 'J') this.#last.cells.length = Math.min(this.#last.cells.length, this.#column);
    else if (command === '?7l') this.#wraps = !this.#obeysNoWrap;
    else if (command === '?7h') {
      this.#wraps = true;
      this.views.push(this.lines);
    } else if (!/^[\d;]*m$/.test(command)) throw new Error(`unknown sequence ESC [ ${command}`);
  }

  #put(character: string): void {
    if (character === '\r') this.#column = 0;
    else if (character === '\n') this.#rows.push({ cells: [], folded: false });
    else if (/\p{Cc}/u.test(character)) throw new Error(`control character ${JSON.stringify(character)}`);
    else this.#print(character);
  }

  #print(character: string): void {
    if (/\p{M}/u.test(character)) {
      this.#last.cells[this.#column - 1] += character;
      return;
    }
    const width = /\p{Script=Han}|\p{Emoji_Presentation}|[\uac00-\ud7a3]/u.test(character) ? 2 : 1;
    if (this.#column + width > this.#columns && this.#wraps) {
      this.#last.folded = true;
      this.#rows.push({ cells: [], folded: false });
      this.#column = 0;
    }
    this.#column = Math.min(this.#column, this.#columns - width);
    this.#last.cells[this.#column] = character;
    if (width === 2) this.#last.cells[this.#column + 1] = '';
    this.#column += width;
  }

  get #last() {
    return this.#rows.at(-1) as { cells: string[]; folded: boolean };
  }
}

const upTo = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index));

describe.skipIf(!hasPython)('the status line on a terminal', () => {
  it('stays below a fast log, whose lines are whole and in order, with few redraws', async () => {
    const run = onTerminal(`
      const began = performance.now();
      let count = 0;
      const hide = terminal.show(() => \`status of \${count}\`);
      while (performance.now() - began < 1_500) {
        for (let more = 0; more < 20; more += 1) {
          count += 1;
          terminal.write(\`line \${count - 1} \${'x'.repeat((count - 1) % 200)}.\\n\`);
        }
        await delay(10);
      }
      hide();
      terminal.write(\`\${Math.ceil(performance.now() - began)} ms\\n\`);
    `);
    const { shown, exitCode } = await run.end();
    const screen = new Screen(80).write(shown);
    const count = screen.lines.length - 2;
    const lines = upTo(count, (index) => `line ${index} ${'x'.repeat(index % 200)}.`);
    expect(exitCode).toBe(0);
    expect(count).toBeGreaterThan(100);
    expect(screen.lines).toEqual([...lines, expect.stringMatching(/^\d+ ms$/), '']);
    expect(screen.cursor[1]).toBe(0);
    for (const view of screen.views) {
      expect(view).toEqual([...lines.slice(0, view.length - 1), `status of ${view.length - 1}`]);
    }
    const seconds = Number.parseInt(screen.lines.at(-2) as string, 10) / 1_000;
    expect(screen.views.length).toBeGreaterThan(3);
    expect(screen.views.length).toBeLessThanOrEqual(1 + 5 * seconds);
  });

  it('is not mixed with log lines that come in pieces', async () => {
    const run = onTerminal(`
      let text = Array.from({ length: 3_000 }, (_, index) => \`line \${index} ü漢🙂\\n\`).join('');
      const hide = terminal.show(() => 'status');
      for (let size = 1; text !== ''; size = (size * 7) % 31) {
        terminal.write(text.slice(0, size));
        text = text.slice(size);
        if (size === 1) await delay(3);
      }
      terminal.write('the end, without a newline');
      await delay(300);
      hide();
    `);
    const { shown } = await run.end();
    const screen = new Screen(80).write(shown);
    const lines = upTo(3_000, (index) => `line ${index} ü漢🙂`);
    expect(screen.lines).toEqual([...lines, 'the end, without a newline']);
    expect(screen.views.length).toBeGreaterThan(2);
    for (const view of screen.views) expect(view).toEqual([...lines.slice(0, view.length - 1), 'status']);
  });

  it('goes on while nothing is logged, and is repaired where something else wrote over it', async () => {
    const run = onTerminal(`
      let count = 0;
      terminal.show(() => 'status');
      await delay(50);
      process.stdout.write('data!\\n');
      await delay(1_500);
    `);
    const { shown } = await run.end();
    const screen = new Screen(80).write(shown);
    expect(screen.lines).toEqual(['data!s', '']);
    expect(screen.views.at(-1)).toEqual(['data!s', 'status']);
  });

  it.each([
    ['it is hidden', 'hide();', 0],
    ['the program ends', 'clearTimeout(0);', 0],
    ['process.exit is called', 'process.exit(3);', 3],
    ['the program crashes', "setImmediate(() => { throw new Error('crash'); });", 1],
    ['a log line is unfinished', "terminal.write('unfini'); process.exit(0);", 0],
  ])('is gone when %s', async (_, end, code) => {
    const run = onTerminal(`
      const hide = terminal.show(() => 'STATUS');
      terminal.write('first\\n');
      await delay(250);
      ${end}
    `);
    const { shown, exitCode } = await run.end();
    const screen = new Screen(80).write(shown);
    expect(exitCode).toBe(code);
    expect(shown).toContain('STATUS');
    expect(screen.lines[0]).toBe('first');
    expect(screen.lines.join('\n')).not.toContain('STATUS');
    if (end.includes('unfini')) expect(screen.lines.at(-1)).toBe('unfini');
  });

  it.each([1, 2, 3, 10, 19, 20, 21, 40, 79])('does not wrap where there are %i columns', async (columns) => {
    const text = 'ab漢字\u001b[31mcde\u0301f\u001b[39m🙂한글 '.repeat(8);
    const run = onTerminal(`terminal.show(() => ${JSON.stringify(text)}); await delay(500);`, { columns });
    const { shown } = await run.end();
    expect(new Screen(columns, { obeysNoWrap: false }).write(shown).height).toBe(1);
  });

  it('follows the terminal when that is resized, and is not wrapped by a misjudged width', async () => {
    const run = onTerminal("terminal.show(() => 'x'.repeat(100)); await delay(60_000);", { columns: 40 });
    const longest = () => /x+…?(?!.*x)/s.exec(run.shown)?.[0].length;
    await until('it is cut to 40 columns', () => longest() === 39);
    expect(run.shown).toContain('\u001b[?7l');
    run.order({ resize: 20 });
    await until('it is cut to 20 columns', () => longest() === 19);
    run.order({ resize: 120 });
    await until('there is room for all of it', () => longest() === 100);
    run.order({ type: '\u0003' });
    await run.end();
  });

  it.each([
    ['TERM is dumb', 'terminal', { TERM: 'dumb' }],
    ['it is not wanted', 'new Terminal(process.stderr, { statusLine: false })', {}],
  ])('is not there when %s', async (_, terminal, environment) => {
    const script = `${terminal}.show(() => 'STATUS'); terminal.write('a'); terminal.write('b\\n'); await delay(300);`;
    const { shown } = await onTerminal(script, { environment }).end();
    expect(shown).toBe('ab\r\n');
  });

  it('is not there without a terminal', async () => {
    const script =
      "terminal.show(() => 'STATUS'); terminal.write('a'); terminal.write('b\\n'); await delay(300);";
    const { stderr } = await onPipe(script);
    expect(stderr).toBe('ab');
  });
});

describe.skipIf(!hasPython)('a terminal that takes nothing', () => {
  const busy = () => `
    let count = 0;
    terminal.show(() => \`status \${count}\`);
    process.on('SIGTERM', () => process.exit(5));
    while (true) {
      for (let more = 0; more < 10; more += 1) terminal.write(\`line \${count++} \${'x'.repeat(20)}\\n\`);
      writeFileSync('${join(folder, 'count')}', \`\${count} \${process.pid}\`);
      await delay(5);
    }
  `;
  const told = () =>
    readFileSync(join(folder, 'count'), { encoding: 'utf8', flag: 'a+' }).split(' ').map(Number);
  const count = () => told()[0] ?? 0;
  // The file is empty for the moment in which it is written anew.
  const pid = async (): Promise<number> => {
    let found: number | undefined;
    await until('its process is known', () => {
      found = told()[1];
      return found;
    });
    return found as number;
  };
  const progress = async (lines: number) => {
    const before = count();
    await until(`${lines} more lines are logged`, () => count() > before + lines);
  };

  it.each([
    ['since Ctrl-S was pressed', { type: '\u0013' }, { type: '\u0011' }],
    ['since its window hangs', { read: false }, { read: true }],
  ])('%s does not stop the program, and later shows all lines', async (_, stop, go) => {
    const run = onTerminal(busy());
    await progress(20);
    run.order(stop);
    await progress(2_000);
    run.order(go);
    const reached = count();
    await until('all is shown', () => run.shown.includes(`line ${reached} `));
    run.order({ type: '\u0003' });
    const { shown } = await run.end();
    const screen = new Screen(80).write(shown.slice(0, shown.lastIndexOf('\n') + 1));
    const lines = screen.lines.slice(0, reached);
    expect(lines).toEqual(upTo(reached, (index) => `line ${index} ${'x'.repeat(20)}`));
  });

  it('does not keep the program from its end', async () => {
    const run = onTerminal(busy());
    await progress(20);
    run.order({ type: '\u0013' });
    await progress(100);
    process.kill(await pid(), 'SIGTERM');
    const { exitCode } = await run.end();
    expect(exitCode).toBe(5);
  });

  it('because it is gone does not end the program', async () => {
    // Not seen from outside: Node 20 itself aborts at the end, since the terminal cannot be reset.
    const ended = `process.on('exit', (code) => writeFileSync('${join(folder, 'ended')}', String(code)));`;
    const run = onTerminal(`process.on('SIGHUP', () => {}); ${ended} ${busy()}`);
    await progress(20);
    run.order({ 'hang up': true });
    await progress(1_000);
    process.kill(await pid(), 'SIGTERM');
    await run.end();
    expect(readFileSync(join(folder, 'ended'), 'utf8')).toBe('5');
  });
});

describe('what is cut to the columns', () => {
  it.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['abcd', 1, '…'],
    ['abcd', 0, ''],
    ['漢字', 4, '漢字'],
    ['漢字', 3, '漢…'],
    ['a漢字', 4, 'a漢…'],
    ['a漢字', 3, 'a…'],
    ['e\u0301e\u0301e\u0301', 2, 'e\u0301…'],
    ['\u001b[31mred\u001b[39m', 3, '\u001b[31mred\u001b[39m'],
    ['\u001b[31mred\u001b[39m', 2, '\u001b[31mr\u001b[0m…'],
    ['two\nlines\r\t\u001b[2J', 80, 'twolines[2J'],
  ])('%j to %i is %j', (text, columns, expected) => {
    expect(cut(text, columns)).toBe(expected);
  });
});

const LINE = "log.info({ a: 1 }, 'hello');";
const COLOURED = /^\[\d\d:\d\d:\d\d\] \p{Cc}\[32mINFO\p{Cc}\[39m: \p{Cc}\[36mhello\p{Cc}\[39m .*"?a"?.*1/u;
const PLAIN = /^\[[\d: -]*\d\d:\d\d:\d\d\] INFO: hello \{"a":1\}\r?\n$/;
const JSON_LINE = /^\{"level":"info","time":"\d{4}-[^"]+Z","a":1,"msg":"hello"\}\r?\n?$/;
const logging = (options: string, script = LINE, level = 'info') =>
  `const log = await openLog('${level}', { terminal, ${options} }); ${script}`;

describe.skipIf(!hasPython)('the log on a terminal', () => {
  it.each([
    ['is pretty and coloured', '', {}, COLOURED],
    ['is JSON where that is wanted', "format: 'json'", {}, JSON_LINE],
    ['has no colours where NO_COLOR is set', '', { NO_COLOR: '1' }, PLAIN],
    ['has colours where NO_COLOR is empty', '', { NO_COLOR: '' }, COLOURED],
    ['has no colours where TERM is dumb', '', { TERM: 'dumb' }, PLAIN],
  ])('%s', async (_, options, environment, expected) => {
    const { shown } = await onTerminal(logging(options), { environment }).end();
    expect(shown).toMatch(expected);
  });

  it('is above the status line', async () => {
    const lines = "for (let n = 0; n < 200; n += 1) { log.info('line ' + n); await delay(3); }";
    const run = onTerminal(`terminal.show(() => 'STATUS'); ${logging('', lines)}`);
    const screen = new Screen(80).write((await run.end()).shown);
    const lineNumbers = screen.lines.map((line) => /INFO: line (\d+)$/.exec(line)?.[1]);
    expect(lineNumbers).toEqual([...upTo(200, String), undefined]);
    for (const view of screen.views) expect(view.at(-1)).toBe('STATUS');
  });

  it('lets nobody command the terminal', async () => {
    const said = String.raw`'\u001b[2J\u009b2J bell \u0007 back\r ok\ttab'`;
    const script = `log.warn({ said: ${said} }, ${said}); log.error(new Error(${said}));`;
    const { shown } = await onTerminal(logging('', script), { environment: { NO_COLOR: '1' } }).end();
    expect(shown.replaceAll('\r\n', '\n')).not.toMatch(/(?![\n\t])\p{Cc}/u);
    expect(shown).toContain(String.raw`WARN: \x1b[2J\x9b2J bell \x07 back\x0d ok`);
  });
});

describe('the log without a terminal', () => {
  it.each([
    ['is JSON, an object a line', '', JSON_LINE],
    ['is pretty without colours where that is wanted', "format: 'pretty'", PLAIN],
  ])('%s', async (_, options, expected) => {
    const { stderr } = await onPipe(logging(options));
    expect(`${stderr}\n`).toMatch(expected);
  });

  it.each([
    ['quiet: true', 'info', ['warn', 'error']],
    ['quiet: true', 'error', ['error']],
    ['quiet: true', 'silent', []],
    ['quiet: false', 'info', ['info', 'warn', 'error']],
    ['', 'debug', ['debug', 'info', 'warn', 'error']],
  ])('with %s and level %s has the levels %j', async (options, level, expected) => {
    const all = "for (const level of ['trace', 'debug', 'info', 'warn', 'error']) log[level]('x');";
    const { stderr } = await onPipe(logging(options, all, level));
    const levels = stderr
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line).level);
    expect(levels).toEqual(expected);
  });

  it.each(['json', 'pretty'])('loses no last line when the process exits, as %s', async (format) => {
    const script = "for (let n = 0; n < 5_000; n += 1) log.info('line ' + n + '.'); process.exit(7);";
    const { stderr, exitCode } = await onPipe(logging(`format: '${format}'`, script));
    expect(exitCode).toBe(7);
    expect(stderr.match(/line \d+\./g)).toEqual(upTo(5_000, (index) => `line ${index}.`));
  });

  it('loads pino-pretty only where it is used', async () => {
    const loaded = `
      const { createRequire } = await import('node:module');
      const files = Object.keys(createRequire(import.meta.url).cache);
      console.log(files.some((file) => file.includes('pino-pretty')));
    `;
    expect((await onPipe(logging('', loaded))).stdout).toBe('false');
    expect((await onPipe(logging("format: 'pretty'", loaded))).stdout).toBe('true');
  });

  it.each(['/dev/full', '/dev/null'])(
    'that cannot be written (2> %s) does not end the program',
    async (to) => {
      const file = programFile(logging('', `${LINE} await delay(100); ${LINE} console.log('alive');`));
      const shell = ['-c', `exec "$0" "$1" 2> ${to}`, process.execPath, file];
      const { stdout, exitCode } = await execa('sh', shell, { reject: false });
      expect({ stdout, exitCode }).toEqual({ stdout: 'alive', exitCode: 0 });
    },
  );

  it('whose reader is gone does not end the program', async () => {
    const file = programFile(logging('', `${LINE} await delay(300); ${LINE} console.log('alive');`));
    const child = execa(process.execPath, [file], { reject: false });
    child.stderr.once('data', () => child.stderr.destroy());
    const { stdout, exitCode } = await child;
    expect({ stdout, exitCode }).toEqual({ stdout: 'alive', exitCode: 0 });
  });
});
