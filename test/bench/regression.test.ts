import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { linesFile } from './lines.js';
import { runBareLoop, runOverHttp } from './measurements/http.js';
import { Workbench } from './workbench.js';

/**
 * The most CPU time that a line may take on its whole way, in times of what a bare loop needs to split it off and to
 * put its line protocol together. About three times what it is: 2.7.
 */
const MOST_TIMES_A_BARE_LOOP = 8;

const LINES = 300_000;
const ROUNDS = 3;

let workbench: Workbench;
beforeAll(() => {
  workbench = new Workbench(tmpdir());
});
afterAll(() => workbench.close());

it('a line costs no more CPU time than a few times what it takes to split and concatenate it', async () => {
  const one = { file: await linesFile(workbench, 1), lines: 1 };
  const many = { file: await linesFile(workbench, LINES), lines: LINES };
  const startRun = (await runOverHttp(workbench, one)).cpuSeconds;
  const startBare = (await runBareLoop(workbench, one)).cpuSeconds;
  let run = Number.POSITIVE_INFINITY;
  let bare = Number.POSITIVE_INFINITY;
  let ratio = Number.POSITIVE_INFINITY;
  // In turn, and the best of each: who else is busy on this machine must not decide.
  for (let round = 0; round < ROUNDS && ratio >= MOST_TIMES_A_BARE_LOOP; round += 1) {
    run = Math.min(run, (await runOverHttp(workbench, many)).cpuSeconds);
    bare = Math.min(bare, (await runBareLoop(workbench, many)).cpuSeconds);
    ratio = (run - startRun) / (bare - startBare);
  }
  expect(ratio).toBeLessThan(MOST_TIMES_A_BARE_LOOP);
}, 120_000);
