// How long a large backlog takes to open and to drain, and in how much memory: node test/bench/backlog.mjs [MiB]
// The drain reads and settles every record as delivery does; the network is left out.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DurableBuffer } from '../../dist/influx/buffer.js';

const mebibytes = Number(process.argv[2] ?? 1024);
const directory = mkdtempSync(join(tmpdir(), 'visualizer-bench-'));
const options = { maxBytes: Number.MAX_SAFE_INTEGER };
try {
  const filled = await DurableBuffer.open(directory, options);
  let line = 0;
  while (filled.bytes < mebibytes * 1024 * 1024) {
    const from = line;
    const payload = Buffer.from(Array.from({ length: 5_000 }, (_, index) => reading(from + index)).join(''));
    line += 5_000;
    await filled.append({ payload, lines: 5_000, refused: 0, time: BigInt(line) });
  }
  await filled.close();

  global.gc?.();
  const before = process.memoryUsage().rss;
  let started = performance.now();
  const buffer = await DurableBuffer.open(directory, options);
  const opened = performance.now() - started;

  started = performance.now();
  let bytes = 0;
  let peak = before;
  for (let entries = await next(buffer); entries.length > 0; entries = await next(buffer)) {
    for (const { sequence, lines, payload } of entries) {
      bytes += payload.length;
      await buffer.settle({ sequence, delivered: lines, rejected: 0 });
    }
    peak = Math.max(peak, process.memoryUsage().rss);
  }
  const seconds = (performance.now() - started) / 1000;
  await buffer.close();
  const mib = (value) => Math.round(value / 1024 / 1024);
  say(`backlog          ${mebibytes} MiB on disk, ${line} lines`);
  say(`open             ${opened.toFixed(0)} ms`);
  say(
    `drain            ${mib(bytes / seconds)} MiB/s of line protocol, ${Math.round(line / seconds)} lines/s`,
  );
  say(`memory           ${mib(before)} MiB before, ${mib(peak)} MiB at most`);
} finally {
  rmSync(directory, { recursive: true });
}

function say(text) {
  process.stdout.write(`${text}\n`);
}

function next(buffer) {
  return buffer.peek(1024 * 1024);
}

/** Random enough that gzip finds as little as in real readings. */
function reading(line) {
  const load = (5 + 5 * Math.random()).toFixed(4);
  const value = Math.floor(4e6 + 4e6 * Math.random());
  return `sensor,env=dev,sensor=demo,defect=false cpu_load=${load},random_value=${value}i,counter=${line}i ${1.8e18 + line * 1000}\n`;
}
