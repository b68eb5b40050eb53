import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { MEASUREMENTS, SCALE_MEASUREMENTS } from './measurements.js';

export interface Options {
  readonly runs: number;
  readonly lines: number;
  readonly only: string | undefined;
  readonly scale: boolean;
  readonly scaleLines: number;
  readonly json: string;
  readonly folder: string;
  readonly readme: boolean;
}

const MILLION = 1_000_000;

/** The options, or what to say instead of measuring. */
export function readOptions(argv: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        runs: { type: 'string' },
        lines: { type: 'string' },
        only: { type: 'string' },
        scale: { type: 'boolean', default: false },
        'scale-lines': { type: 'string' },
        json: { type: 'string', default: 'bench.json' },
        folder: { type: 'string', default: tmpdir() },
        readme: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return help();
    if (values.readme && values.only !== undefined)
      throw new Error('--readme wants a whole table: leave --only out.');
    return {
      runs: count('--runs', values.runs, values.scale ? 1 : 5),
      lines: count('--lines', values.lines, 2 * MILLION),
      only: values.only === undefined ? undefined : known(values.only),
      scale: values.scale,
      scaleLines: count('--scale-lines', values['scale-lines'], 50 * MILLION),
      json: values.json,
      folder: values.folder,
      readme: values.readme,
    };
  } catch (error) {
    return `${error instanceof Error ? error.message : error}\n\n${help()}`;
  }
}

function count(flag: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`${flag} ${text}: expected a whole number, 1 or more.`);
  return Number(text);
}

function known(name: string): string {
  const names = [...MEASUREMENTS, ...SCALE_MEASUREMENTS].map((measurement) => measurement.name);
  if (!names.includes(name)) throw new Error(`--only ${name}: expected one of ${names.join(', ')}.`);
  return name;
}

function help(): string {
  const list = (measurements: typeof MEASUREMENTS) =>
    measurements.map(({ name, about }) => `  ${name.padEnd(16)}${about}\n`).join('');
  return `Usage: npm run bench -- [options]

Measures what Visualizer takes and stores, beside peers where they are installed; prints a table as Markdown.

  --runs <n>      how often each measurement is taken (5; with --scale 1); the table has medians
  --lines <n>     lines of a run (2000000)
  --only <name>   take one measurement only
  --scale         measure how cost grows with uptime, backlog and history instead; takes a quarter of an hour
  --scale-lines   lines of the long run (50000000)
  --json <file>   where all samples are written to (bench.json)
  --folder <path> where buffers, stores and lines lie meanwhile (the system's folder for temporary files)
  --readme        write the table into the README
  --help          show this

Measurements:
${list(MEASUREMENTS)}
With --scale:
${list(SCALE_MEASUREMENTS)}`;
}
