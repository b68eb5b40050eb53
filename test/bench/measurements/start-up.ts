import { execa } from 'execa';
import { Measured } from '../measure.js';
import type { Measurement } from '../measurement.js';
import { NullServer } from '../null-server.js';
import { influxAt, type Sensor, visualizerRun } from '../visualizer.js';
import type { Workbench } from '../workbench.js';

export const startUp: Measurement = {
  name: 'start-up',
  about: 'from the start of `run` to the first line stored by the server, with a flush interval of 10 ms',
  async take(workbench, samples) {
    const started = performance.now();
    await execa(process.execPath, ['-e', '0'], { extendEnv: false, env: {} });
    samples.add('node.ms', performance.now() - started);

    // The first one finds nothing compiled, and leaves what it has compiled to the second.
    await workbench.lend(async (cache) => {
      samples.add('first-start-up.ms', await startUpMs(workbench, cache));
      samples.add('start-up.ms', await startUpMs(workbench, cache));
    });
  },
};

async function startUpMs(workbench: Workbench, cache: string): Promise<number> {
  const server = await NullServer.open();
  return workbench.using(server, () =>
    workbench.lend(async (state) => {
      const to = [...influxAt(server.port), '--flush-interval', '10ms'];
      const run = visualizerRun(ONE_LINE, { state, to, cache }, Measured.unmetered);
      return workbench.using(run, async () => {
        await server.arrival(1, 30_000);
        return server.firstAt - run.started;
      });
    }),
  );
}

/** Prints a line at once and then none for a while, as one does that measures once a minute. */
const ONE_LINE: Sensor = { executable: 'sh', args: ['-c', 'echo 7.5 5123123 1; exec sleep 60'] };
