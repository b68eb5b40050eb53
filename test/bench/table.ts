import type { Machine } from './machine.js';
import type { Options } from './options.js';
import type { Row } from './rows.js';

export interface Report {
  readonly rows: readonly Row[];
  readonly machine: Machine;
  readonly options: Options;
  readonly skipped: Readonly<Record<string, string>>;
}

/** The results as Markdown. */
export function markdown({ rows, machine, options, skipped }: Report): string {
  const { cpu, cores, memory, node, system, disk } = machine;
  const head = ['what', 'measured', 'wanted', 'measured ÷ wanted', 'beside it, in the same run', 'ratio'];
  const cells = rows.map(({ what, measured, wanted, share, peer, ratio }) => [
    what,
    measured,
    wanted,
    share,
    peer,
    ratio,
  ]);
  const lines = options.scale ? options.scaleLines : options.lines;
  return [
    `Measured on ${cores} × ${cpu}, ${memory} of memory, ${system}, Node.js ${node}, ${disk}; ` +
      `${options.runs === 1 ? 'one run' : `medians of ${options.runs} runs`} of ${lines.toLocaleString('en-US')} lines.\n`,
    ...[head, head.map(() => '---'), ...cells].map((row) => `| ${row.join(' | ')} |`),
    ...Object.entries(skipped).map(([name, reason]) => `\nNot measured: ${name}: ${reason}.`),
    '',
  ].join('\n');
}
