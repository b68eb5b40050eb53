import { fileURLToPath } from 'node:url';
import { linesFile } from '../lines.js';
import { type Ending, Measured } from '../measure.js';
import { checkConserved, type Measurement } from '../measurement.js';
import { NullServer } from '../null-server.js';
import { cat, influxAt, visualizerRun } from '../visualizer.js';
import type { Workbench } from '../workbench.js';

export const http: Measurement = {
  name: 'http',
  about: 'pipe -> parse -> stamp -> buffer -> HTTP, to a server that answers at once; beside it a bare loop',
  async take(workbench, samples, { lines }) {
    const file = await linesFile(workbench, lines);
    const { seconds, cpuSeconds, peakBytes } = await runOverHttp(workbench, { file, lines });
    samples.add('http.rate', lines / seconds);
    samples.add('http.cpu', (cpuSeconds / lines) * 1e6);
    samples.add('http.peak', peakBytes);
    const bare = await runBareLoop(workbench, { file, lines });
    samples.add('bare.rate', lines / bare.seconds);
    samples.add('bare.cpu', (bare.cpuSeconds / lines) * 1e6);
  },
};

interface Lines {
  readonly file: string;
  readonly lines: number;
}

/** From the start of the process to the last line acknowledged. */
export async function runOverHttp(workbench: Workbench, { file, lines }: Lines): Promise<Ending> {
  const server = await NullServer.open();
  return workbench.using(server, () =>
    workbench.lend(async (state) => {
      const run = visualizerRun(cat(file), { state, to: influxAt(server.port) });
      const ending = await workbench.using(run, () => run.ended());
      checkConserved('a run to the null server', server.readings, lines);
      return { ...ending, seconds: (server.latestAt - run.started) / 1000 };
    }),
  );
}

const BARE = fileURLToPath(new URL('../peers/split-and-concatenate.mjs', import.meta.url));

/** From the start of the process to its end. */
export async function runBareLoop(workbench: Workbench, { file, lines }: Lines): Promise<Ending> {
  const run = Measured.nodeBehindCat(file, [BARE]);
  const ending = await workbench.using(run, () => run.ended());
  checkConserved('the bare loop', JSON.parse(ending.stdout).lines, lines);
  return ending;
}
