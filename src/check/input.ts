import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Definition } from '../definition.js';
import { messageOf } from '../errors.js';
import { openInputFile } from '../source/input.js';
import { type Finding, fail, ok, warn } from './finding.js';
import { firstLines, judge, LISTEN_MS } from './first-lines.js';

export interface InputOptions {
  readonly definition: Definition | undefined;
  readonly maxLineBytes: number;
  readonly follow: boolean;
}

/** Reads the first lines of a file; what else may be an input gives its lines once, and they are the run's. */
export async function checkInput(
  input: string,
  { definition, maxLineBytes, follow }: InputOptions,
): Promise<Finding> {
  if (input === '-') return ok('input', 'stdin; it is not read by a check');
  try {
    const stat = statSync(resolve(input), { throwIfNoEntry: false });
    if (stat === undefined && follow) {
      return warn(
        'input',
        `${input} is not there yet; a run waits for it`,
        'see whether its name is right (--input)',
      );
    }
    if (stat !== undefined && !stat.isFile() && !stat.isDirectory()) {
      return ok('input', `${input} is no ordinary file; it is not read by a check`);
    }
    const stream = await openInputFile(resolve(input));
    const enough = () => void stream.destroy();
    const deadline = setTimeout(enough, LISTEN_MS);
    const lines = await firstLines(stream, maxLineBytes, enough).finally(() => clearTimeout(deadline));
    if (lines.length > 0) return { ...judge(input, lines, definition), subject: 'input' };
    return warn(
      'input',
      `${input} holds no line so far`,
      `have a program write to it, or follow it with --follow`,
    );
  } catch (error) {
    return fail('input', 'SENSOR_NOT_RUNNABLE', messageOf(error), 'name a file that is there with --input');
  }
}
