import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Whether a program that a test needs is installed. Where it is not, the test is skipped and the line says what
 * to install; with CI=true a missing program fails.
 */
export function installed(program: string, debianPackage: string): boolean {
  const folders = (process.env.PATH ?? '').split(delimiter);
  if (folders.some((folder) => existsSync(join(folder, program)))) return true;
  const advice = `${program} is not installed; on Debian: apt-get install ${debianPackage}`;
  if (process.env.CI === 'true') throw new Error(advice);
  process.stderr.write(`skipped: ${advice}\n`);
  return false;
}
