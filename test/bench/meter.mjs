// Loaded into a Node process that is measured (node --import): tells on file descriptor 3 what the process has used,
// its threads included and its children not: once it can, whenever it gets a SIGUSR2, and when it ends.
import { readFileSync, writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const TOLD_ON = 3;

if (isMainThread) {
  process.on('exit', tell);
  process.on('SIGUSR2', tell);
  tell();
}

function tell() {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const usage = {
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    peakBytes: highWaterMark() ?? maxRSS * 1024,
    residentBytes: process.memoryUsage.rss(),
  };
  writeSync(TOLD_ON, `${JSON.stringify(usage)}\n`);
}

/** Linux hands the largest size of the parent down in maxRSS; this is the process's own. */
function highWaterMark() {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    return kilobytes === null ? undefined : Number(kilobytes[1]) * 1024;
  } catch {
    return undefined;
  }
}
