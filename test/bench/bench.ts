import { writeFileSync } from 'node:fs';
import { describeMachine } from './machine.js';
import { MEASUREMENTS, SCALE_MEASUREMENTS } from './measurements.js';
import { type Options, readOptions } from './options.js';
import { writeIntoReadme } from './readme.js';
import { rowsOf } from './rows.js';
import { Samples } from './samples.js';
import { markdown } from './table.js';
import { Workbench } from './workbench.js';

/**
 * Measures the built command line from the outside: every number is taken from real processes, and every line that is
 * printed has to arrive. Rounds go through all measurements in turn, so that a peer and what it is compared to meet
 * the same machine. Returns the exit code.
 */
export async function bench(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv);
  if (typeof options === 'string') {
    process.stdout.write(options);
    return argv.includes('--help') ? 0 : 64;
  }
  const workbench = new Workbench(options.folder);
  for (const [number, signal] of [
    [2, 'SIGINT'],
    [15, 'SIGTERM'],
  ] as const) {
    // Not `once`: execa would take the process for one that nobody ends, and end it.
    process.on(signal, () => workbench.close().finally(() => process.exit(128 + number)));
  }
  try {
    const samples = await takeSamples(workbench, options);
    report(options, samples);
    return samples.failed ? 1 : 0;
  } catch (error) {
    if (!workbench.isClosing) say(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return 1;
  } finally {
    await workbench.close();
  }
}

async function takeSamples(workbench: Workbench, options: Options): Promise<Samples> {
  const samples = new Samples();
  const wanted = chosen(options).filter((measurement) => {
    const missing = measurement.missing?.();
    if (missing !== undefined) samples.skip(measurement.name, missing);
    return missing === undefined;
  });
  for (let round = 1; round <= options.runs; round += 1) {
    for (const { name, take, once } of wanted) {
      if (once && round > 1) continue;
      say(once ? name : `${name}, run ${round} of ${options.runs}`);
      try {
        await take(workbench, samples, options);
      } catch (error) {
        if (workbench.isClosing) throw error;
        samples.fail(name, error);
      }
    }
  }
  return samples;
}

function chosen({ only, scale }: Options) {
  const all = scale ? SCALE_MEASUREMENTS : MEASUREMENTS;
  return only === undefined
    ? all
    : [...MEASUREMENTS, ...SCALE_MEASUREMENTS].filter(({ name }) => name === only);
}

function report(options: Options, samples: Samples): void {
  const machine = describeMachine(options.folder);
  const rows = rowsOf(samples);
  const table = markdown({ rows, machine, options, skipped: samples.skipped });
  process.stdout.write(`\n${table}`);
  const results = { measured: new Date().toISOString(), machine, options, rows, samples };
  writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
  say(`written: ${options.json}`);
  if (options.readme) writeIntoReadme(table, options.scale);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
