// A sensor that prints a line at a moment of each second that nobody can foresee: `7.5 <line> <time, ms>`. By the time
// in it a line tells, wherever it arrives, how long it was under way.
import { setTimeout as delay } from 'node:timers/promises';

const start = performance.now();
for (let line = 1; ; line += 1) {
  await delay(start + (line - 1 + Math.random()) * 1000 - performance.now());
  process.stdout.write(`7.5 ${line} ${Date.now()}\n`);
}
