import { readFileSync, writeFileSync } from 'node:fs';

const README = new URL('../../README.md', import.meta.url);
const END = '<!-- end of measurements -->';

/** Puts a table between its markers. */
export function writeIntoReadme(table: string, scale: boolean): void {
  const command = scale ? 'npm run bench -- --scale --readme' : 'npm run bench -- --readme';
  const begin = `<!-- measurements: written by \`${command}\` -->`;
  const text = readFileSync(README, 'utf8');
  const start = text.indexOf(begin);
  if (start === -1) throw new Error(`the README has no ${begin}`);
  const end = text.indexOf(END, start);
  writeFileSync(README, `${text.slice(0, start)}${begin}\n\n${table}\n${text.slice(end)}`);
}
