import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { BUNDLED_SENSOR } from '../visualizer.js';
import type { Workbench } from './workbench.js';

/** A file with as many lines of the bundled sensor's, made once: `cat` prints it far faster than any sensor. */
export async function linesFile(workbench: Workbench, lines: number): Promise<string> {
  const file = join(workbench.folder, `${lines}.lines`);
  if (!existsSync(file)) {
    const args = [BUNDLED_SENSOR, '--interval', '0', '--seed', '1', '--lines', String(lines)];
    await execa(process.execPath, args, { buffer: false, stdout: { file }, stdin: 'ignore' });
  }
  return file;
}
