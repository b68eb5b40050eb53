import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { SETTINGS, type Setting } from '../src/settings.js';

const README = new URL('../README.md', import.meta.url);
const BEGIN = '<!-- settings: written by `npm run readme` -->';
const END = '<!-- end of settings -->';

it('the table of settings in the README is the one in the code; `npm run readme` writes it', () => {
  const text = readFileSync(README, 'utf8');
  const [before, rest] = text.split(BEGIN) as [string, string];
  const [, after] = rest.split(END) as [string, string];
  const current = `${before}${BEGIN}\n\n${settingsTable()}\n${END}${after}`;
  if (process.env.UPDATE_README === 'true') writeFileSync(README, current);
  expect(readFileSync(README, 'utf8')).toBe(current);
});

function settingsTable(): string {
  const rows = Object.values<Setting>(SETTINGS).map(
    ({ flag, placeholder, env, fallback, help, commands }) =>
      `| ${flag === undefined ? '' : code(`--${flag}${placeholder ? ` <${placeholder}>` : ''}`)} | ${code(flag?.startsWith('no-') ? `${env}=false` : env)} | ` +
      `${fallback === undefined || !placeholder ? '' : code(fallback)} | ${cell(help)} (${commands.join(', ')}) |`,
  );
  return ['| flag | environment | default | what it does |', '| --- | --- | --- | --- |', ...rows, ''].join(
    '\n',
  );
}

function code(text: string): string {
  return `\`${cell(text)}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<sensor name>', '`<sensor name>`');
}
