import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { hasInfluxd, type Influxd, numberOf, startInfluxd } from '../../servers/influxd.js';
import { CLI } from '../../visualizer.js';
import { linesFile } from '../lines.js';
import { Measured } from '../measure.js';
import { checkConserved, type Measurement } from '../measurement.js';
import { cat, influxAt, visualizerRun } from '../visualizer.js';
import type { Workbench } from '../workbench.js';

export const influxdb: Measurement = {
  name: 'influxdb',
  about: 'into an influxd 1.x on this machine; before and after it a bare loop that posts ready-made bodies',
  missing: () => (hasInfluxd ? undefined : 'influxd is not installed'),
  async take(workbench, samples, { lines }) {
    const file = await linesFile(workbench, lines);
    const bodies = await bodiesFile(workbench, file);
    const before = await postingSeconds(workbench, bodies, lines);
    await withInfluxd(workbench, async (influxd) => {
      await workbench.lend(async (state) => {
        const run = visualizerRun(cat(file), { state, to: influxAt(influxd.port) });
        const { seconds } = await workbench.using(run, () => run.ended());
        checkConserved('a run to influxd', await storedIn(influxd), lines);
        samples.add('influxdb.rate', lines / seconds);
      });
    });
    // On both sides of the run: influxd keeps all cores busy, and a machine is not the same for half a minute.
    const after = await postingSeconds(workbench, bodies, lines);
    samples.add('poster.rate', (2 * lines) / (before + after));
  },
};

const DATABASE = 'sensor';
const POSTER = fileURLToPath(new URL('../peers/post-bodies.mjs', import.meta.url));

async function postingSeconds(workbench: Workbench, bodies: string, lines: number): Promise<number> {
  return withInfluxd(workbench, async (influxd) => {
    const run = Measured.node([POSTER, bodies, String(influxd.port), DATABASE]);
    const { seconds } = await workbench.using(run, () => run.ended());
    checkConserved('ready-made bodies to influxd', await storedIn(influxd), lines);
    return seconds;
  });
}

/** What Visualizer would write, made once: the bodies of the loop that it is compared to. */
async function bodiesFile(workbench: Workbench, lines: string): Promise<string> {
  const file = join(workbench.folder, 'bodies');
  if (!existsSync(file)) {
    const args = [CLI, 'run', '--dry-run', '--quiet', '--input', lines];
    await execa(process.execPath, args, { buffer: false, stdout: { file }, stdin: 'ignore' });
  }
  return file;
}

/** An empty one each time: none finds the other's data in its way. */
async function withInfluxd<T>(workbench: Workbench, work: (influxd: Influxd) => Promise<T>): Promise<T> {
  const influxd = await startInfluxd();
  return workbench.using({ end: () => influxd.stop() }, () => work(influxd));
}

function storedIn(influxd: Influxd): Promise<number> {
  return numberOf(influxd, DATABASE, 'SELECT count(cpu_load) FROM sensor');
}
