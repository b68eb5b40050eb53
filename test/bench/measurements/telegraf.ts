import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { linesFile } from '../lines.js';
import type { Measurement } from '../measurement.js';
import { NullServer } from '../null-server.js';

const CONFIG = fileURLToPath(new URL('../peers/telegraf.conf', import.meta.url));
const DEADLINE_MS = 300_000;

export const telegraf: Measurement = {
  name: 'telegraf',
  about: 'the same lines through Telegraf: execd, csv, influxdb_v2',
  missing: () => (hasTelegraf() ? undefined : 'telegraf is not installed'),
  async take(workbench, samples, { lines }) {
    const file = await linesFile(workbench, lines);
    const server = await NullServer.open();
    await workbench.using(server, async () => {
      const started = performance.now();
      const env = {
        BENCH_LINES: file,
        BENCH_URL: `http://127.0.0.1:${server.port}`,
        BENCH_LINES_COUNT: String(lines),
      };
      const child = execa('telegraf', ['--config', CONFIG], { env, reject: false });
      const end = async () => {
        child.kill();
        await child;
      };
      await workbench.using({ end }, () => server.arrival(lines, DEADLINE_MS));
      samples.add('telegraf.rate', (lines * 1000) / (server.latestAt - started));
    });
  },
};

function hasTelegraf(): boolean {
  try {
    execFileSync('telegraf', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
