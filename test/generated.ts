import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';

/**
 * The part of a page between its markers `<!-- <name>: written by ... -->` and `<!-- end of <name> -->` is this text;
 * `npm run readme` puts it there.
 */
export function expectGenerated(page: string, name: string, text: string): void {
  const file = new URL(`../${page}`, import.meta.url);
  const parts = new RegExp(
    `^([^]*<!-- ${name}: written by [^\\n]* -->\\n)[^]*(<!-- end of ${name} -->[^]*)$`,
  );
  const [, before, after] = parts.exec(readFileSync(file, 'utf8')) ?? [];
  const current = `${before}\n${text}\n${after}`;
  if (process.env.UPDATE_README === 'true') writeFileSync(file, current);
  expect(readFileSync(file, 'utf8')).toBe(current);
}
