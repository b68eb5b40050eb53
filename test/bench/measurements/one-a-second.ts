import { fileURLToPath } from 'node:url';
import type { Measurement } from '../measurement.js';
import { NullServer } from '../null-server.js';
import { influxAt, type Sensor, visualizerRun } from '../visualizer.js';

/** What the start left behind is collected as garbage by then. */
const WARM_UP_LINES = 15;
const LINES = 25;

export const oneASecond: Measurement = {
  name: 'one-a-second',
  about: 'a line a second: CPU, and how long a line is under way until the server has acknowledged it',
  async take(workbench, samples) {
    const server = await NullServer.open();
    const latencies: number[] = [];
    server.onBody = (body) => latencies.push(...latenciesIn(body.toString(), Date.now()));
    await workbench.using(server, () =>
      workbench.lend(async (state) => {
        const run = visualizerRun(SENSOR, { state, to: influxAt(server.port) });
        await workbench.using(run, async () => {
          await server.arrival(WARM_UP_LINES, 60_000);
          const before = { ...(await run.usage()), at: performance.now() };
          await server.arrival(WARM_UP_LINES + LINES, 120_000);
          const after = { ...(await run.usage()), at: performance.now() };
          const cores = (1000 * (after.cpuSeconds - before.cpuSeconds)) / (after.at - before.at);
          samples.add('idle.cpu', 100 * cores);
          samples.add('latency.ms', ...latencies.slice(WARM_UP_LINES));
          run.stop();
          await run.ended();
        });
      }),
    );
  },
};

const SENSOR: Sensor = {
  executable: process.execPath,
  args: [fileURLToPath(new URL('../sensors/once-a-second.mjs', import.meta.url))],
};

/** The sensor's counter is the time at which it printed the line. */
function latenciesIn(body: string, now: number): number[] {
  return [...body.matchAll(/^sensor,.*,counter=(\d+)i /gm)].map(([, time]) => now - Number(time));
}
