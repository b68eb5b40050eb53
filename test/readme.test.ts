import { it } from 'vitest';
import { SETTINGS, type Setting } from '../src/settings.js';
import { expectGenerated } from './generated.js';

it('the table of settings in the README is the one in the code; `npm run readme` writes it', () => {
  expectGenerated('README.md', 'settings', settingsTable());
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
