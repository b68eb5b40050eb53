import { setTimeout as delay } from 'node:timers/promises';
import { linesFile } from '../lines.js';
import { checkConserved, type Measurement } from '../measurement.js';
import { NullServer } from '../null-server.js';
import { cat, influxAt, visualizerRun } from '../visualizer.js';

const MINUTE_MS = 60_000;
const WINDOW_MS = 10_000;
/** The lines come from a file of this many, again and again. */
const FILES = 10;

export const uptime: Measurement = {
  name: 'uptime',
  about: 'lines/s and memory at minute 1, and after 50 million lines',
  once: true,
  async take(workbench, samples, { scaleLines }) {
    const file = await linesFile(workbench, Math.ceil(scaleLines / FILES));
    const printed = Math.ceil(scaleLines / FILES) * FILES;
    const server = await NullServer.open();
    await workbench.using(server, () =>
      workbench.lend(async (state) => {
        const sensor = cat(...Array.from({ length: FILES }, () => file));
        const run = visualizerRun(sensor, { state, to: influxAt(server.port) });
        await workbench.using(run, async () => {
          const moments: Moment[] = [];
          while (server.readings < printed) {
            const { residentBytes } = await run.usage();
            moments.push({ at: performance.now() - run.started, readings: server.readings, residentBytes });
            await delay(500);
          }
          const { peakBytes } = await run.ended();
          checkConserved('the long run', server.readings, printed);
          const middle = moments.findLastIndex(({ at }) => at <= MINUTE_MS) + 1;
          const early = rateAtEnd(moments.slice(0, middle));
          samples.add('uptime.early.rate', early.rate);
          samples.add('uptime.early.resident', early.residentBytes);
          const late = rateAtEnd(moments);
          samples.add('uptime.late.rate', late.rate);
          samples.add('uptime.late.resident', late.residentBytes);
          samples.add('uptime.peak', peakBytes);
        });
      }),
    );
  },
};

interface Moment {
  readonly at: number;
  readonly readings: number;
  readonly residentBytes: number;
}

/** Over the last seconds. */
function rateAtEnd(moments: readonly Moment[]): { rate: number; residentBytes: number } {
  const last = moments.at(-1) as Moment;
  const first = moments.find(({ at }) => at >= last.at - WINDOW_MS) as Moment;
  const rate = (1000 * (last.readings - first.readings)) / (last.at - first.at);
  return { rate, residentBytes: last.residentBytes };
}
