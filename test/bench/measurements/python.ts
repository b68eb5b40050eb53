import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { linesFile } from '../lines.js';
import { checkConserved, type Measurement } from '../measurement.js';
import { NullServer } from '../null-server.js';

/** Some seconds' worth. */
const LINES = 3_000;
const PROGRAM = fileURLToPath(new URL('../peers/one-request-a-line.py', import.meta.url));

export const python: Measurement = {
  name: 'python',
  about: 'a Python program that writes each line in a request of its own; without its start-up',
  missing: () => (interpreter() === undefined ? 'python3-influxdb is not installed' : undefined),
  async take(workbench, samples) {
    const file = await linesFile(workbench, LINES);
    const server = await NullServer.open();
    await workbench.using(server, async () => {
      const child = execa(interpreter() as string, [PROGRAM, String(server.port)], { stdin: { file } });
      await workbench.using({ end: async () => child.kill() }, () => child);
      checkConserved('the Python program', server.readings, LINES);
      samples.add('python.rate', ((LINES - 1) * 1000) / (server.latestAt - server.firstAt));
    });
  },
};

/** A Python that has the package: that of the system, where another one comes first. */
function interpreter(): string | undefined {
  return ['python3', '/usr/bin/python3'].find((python) => {
    try {
      execFileSync(python, ['-c', 'import influxdb'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
}
