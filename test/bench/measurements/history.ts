import { until } from '../../until.js';
import { linesFile } from '../lines.js';
import type { Measurement } from '../measurement.js';
import { quantile, type Samples } from '../samples.js';
import { cat, visualizerRun, visualizerView } from '../visualizer.js';
import type { Workbench } from '../workbench.js';
import { withStore } from './embedded.js';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const QUESTIONS = 5;
const POINTS = 1_000;

export const history: Measurement = {
  name: 'history',
  about: 'what the page asks, of 1 million and of 20 million stored readings, one a second',
  once: true,
  async take(workbench, samples) {
    for (const millions of [1, 20]) {
      await workbench.lend(async (state) => {
        await fill(workbench, state, millions * 1_000_000);
        await ask(workbench, state, samples, millions);
      });
    }
  },
};

/** A run makes the store; the past is put in behind its back, a reading a second up to now. */
async function fill(workbench: Workbench, state: string, rows: number): Promise<void> {
  const run = visualizerRun(cat(await linesFile(workbench, 1)), { state, to: [] });
  await workbench.using(run, () => run.ended());
  await withStore(state, async (query) => {
    await query(`INSERT INTO readings BY NAME
      SELECT make_timestamp_ns(epoch_ns(now()) - (${rows} - range) * 1000000000) AS time, 'dev' AS env,
        range % 60 = 0 AS defect, 7.5 + 2.45 * sin(range / 48) AS cpu_load,
        4000000 + hash(range) % 4000001 AS random_value, range AS counter
      FROM range(${rows})`);
    await query('CHECKPOINT');
  });
}

async function ask(workbench: Workbench, state: string, samples: Samples, millions: number): Promise<void> {
  const view = visualizerView(state);
  await workbench.using(view, async () => {
    await until('the page is served', () => view.stdout.includes('\n'));
    const series = new URL('/api/series', view.stdout.trim());
    const now = Date.now();
    const whole = millions * 1_000_000 * SECOND_MS;
    try {
      samples.add(`history.${millions}.first`, await timeOf(series, now - whole, now));
    } catch (error) {
      samples.fail(`the page over all of ${millions} million readings`, error);
    }
    const times: number[] = [];
    for (let question = 1; question <= QUESTIONS; question += 1) {
      // Another hour each time: none is answered from memory.
      const to = now - question * HOUR_MS;
      times.push(await timeOf(series, to - HOUR_MS, to));
    }
    samples.add(`history.${millions}.hour`, quantile(times, 0.5));
    samples.add(`history.${millions}.peak`, (await view.usage()).peakBytes);
    view.stop();
    await view.ended();
  });
}

async function timeOf(series: URL, from: number, to: number): Promise<number> {
  const started = performance.now();
  const answer = await fetch(`${series}?from=${from}&to=${to}&points=${POINTS}`);
  if (answer.status !== 200) throw new Error(`the page answered ${answer.status}: ${await answer.text()}`);
  await answer.arrayBuffer();
  return performance.now() - started;
}
