import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../servers/server.js';
import { until } from '../../until.js';
import { BUNDLED_SENSOR } from '../../visualizer.js';
import { checkConserved, type Measurement } from '../measurement.js';
import { NullServer } from '../null-server.js';
import type { Samples } from '../samples.js';
import { quantile } from '../samples.js';
import { influxAt, type Sensor, visualizerRun } from '../visualizer.js';
import type { Workbench } from '../workbench.js';

const MEGABYTE = 1_000_000;
/** Of the bundled sensor's lines, as they lie in the buffer; what more there is to print is worked out from what is there. */
const FIRST_LINES = 50_000;
const OPENINGS = 3;
const LIMIT = ['--buffer-max', '4GiB'];
const DRAIN_DEADLINE_MS = 1_800_000;

export const backlog: Measurement = {
  name: 'backlog',
  about: 'how long a run takes until it records, on a buffer of 0, 10 MB, 100 MB and 1 GB, and how it drains',
  once: true,
  async take(workbench, samples) {
    await workbench.lend(async (state) => {
      const port = await freePort();
      const run = { workbench, state, port };
      await open(run, samples, 'backlog.open.0');
      let lines = await fill(run, samples, FIRST_LINES);
      for (const megabytes of [10, 100, 1_000]) {
        const missing = megabytes * MEGABYTE - bytesIn(state);
        lines += await fill(run, samples, Math.ceil((missing * lines) / bytesIn(state)));
        await open(run, samples, `backlog.open.${megabytes}`);
      }
      await drain(run, samples, lines);
    });
  },
};

interface Run {
  readonly workbench: Workbench;
  readonly state: string;
  /** Where nobody listens, until it is drained. */
  readonly port: number;
}

/** The sensor's lines go into the buffer, and stay there. */
async function fill({ workbench, state, port }: Run, samples: Samples, lines: number): Promise<number> {
  const sensor = { executable: BUNDLED_SENSOR, args: ['--interval', '0', '--lines', String(lines)] };
  const to = [...influxAt(port), ...LIMIT, '--drain-timeout', '0'];
  const run = visualizerRun(sensor, { state, to });
  const { peakBytes } = await workbench.using(run, () => run.ended());
  samples.add('backlog.fill.peak', peakBytes);
  return lines;
}

const SILENT: Sensor = { executable: 'sleep', args: ['600'] };

async function open({ workbench, state, port }: Run, samples: Samples, name: string): Promise<void> {
  const times: number[] = [];
  while (times.length < OPENINGS) {
    const to = [...influxAt(port), ...LIMIT, '--drain-timeout', '0'];
    const run = visualizerRun(SILENT, { state, to });
    await workbench.using(run, async () => {
      await until('a run records', () => run.log.includes('Recording to'), 120_000);
      times.push(performance.now() - run.started);
      run.stop();
      await run.ended();
    });
  }
  samples.add(name, quantile(times, 0.5));
}

async function drain({ workbench, state, port }: Run, samples: Samples, lines: number): Promise<void> {
  const server = await NullServer.open(port);
  await workbench.using(server, async () => {
    const run = visualizerRun(SILENT, { state, to: [...influxAt(port), ...LIMIT] });
    await workbench.using(run, async () => {
      await server.arrival(lines, DRAIN_DEADLINE_MS);
      samples.add('backlog.drain.rate', (1000 * lines) / (server.latestAt - run.started));
      samples.add('backlog.drain.peak', (await run.usage()).peakBytes);
      run.stop();
      await run.ended();
    });
    checkConserved('the backlog', server.readings, lines);
  });
}

function bytesIn(state: string): number {
  const folder = join(state, 'buffer');
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}
