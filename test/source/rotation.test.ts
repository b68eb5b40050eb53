import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { renameSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Rotation } from '../../src/source/rotation.js';
import { temporaryFolder } from '../visualizer.js';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Renames the file again and again, until it is told to stop. */
const ROTATING = `
  const { renameSync } = require('node:fs');
  const [base] = process.argv.slice(1);
  let number = 1;
  const rename = () => {
    const next = number % 5 + 1;
    renameSync(base + '.' + number, base + '.' + next);
    number = next;
    setTimeout(rename, Math.random() * 20);
  };
  rename();
  console.log('begun');
`;

it('a file that nothing was read of yet is found, though it is given another name again and again', async () => {
  const file = join(folder, 'sensor.log');
  writeFileSync(file, '');
  const { ino, mtimeNs } = statSync(file, { bigint: true });
  renameSync(file, `${file}.1`);
  const rotating = spawn(process.execPath, ['-e', ROTATING, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(rotating.stdout, 'data');
    const rotation = new Rotation(file);
    for (let round = 0; round < 300; round += 1) {
      const found = await rotation.find({
        ino,
        mtimeNs,
        offset: 0,
        remembered: Buffer.alloc(0),
        inLine: false,
      });
      expect(found?.ino, `round ${round}`).toBe(ino);
      await found?.close();
    }
  } finally {
    rotating.kill();
    await once(rotating, 'close');
  }
});
