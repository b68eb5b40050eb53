import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ScriptedInflux, startScriptedInflux } from '../servers/scripted-influx.js';
import { logLines, type Run, temporaryFolder, untilLogged, visualizer } from '../visualizer.js';

/** By hand: `SOAK_MINUTES=10 npx vitest run test/chaos/soak.test.ts`. The short one has its outages closer together. */
const MINUTES = Number(process.env.SOAK_MINUTES ?? 0.6);
const LINES_A_SECOND = 5_000;
const OUTAGES = Math.max(3, Math.round(MINUTES));
const ROUND_MS = (MINUTES * 60_000) / OUTAGES;
/** How long the server is away each time. */
const OUTAGE_MS = Math.min(10_000, ROUND_MS / 3);
const SAMPLE_MS = 250;
/** The first part is not measured: code is compiled, and the heap finds its size. */
const WARM_UP = 1 / 3;
/** How much more memory the last third may take than the second one, ... */
const GROWTH_MB = 20;
/** ... and how much at all. */
const MOST_MB = 400;

const SENSOR = fileURLToPath(new URL('./steady-sensor.cjs', import.meta.url));

interface Sample {
  readonly megabytes: number;
  readonly descriptors: number;
}

describe(`a run of ${MINUTES} min at ${LINES_A_SECOND} lines/s, with ${OUTAGES} outages`, () => {
  let folder: string;
  let server: ScriptedInflux;
  let run: Run | undefined;
  beforeEach(async () => {
    folder = temporaryFolder();
    server = await startScriptedInflux();
    // Counted by the run's own books: what is kept here for an hour would outgrow the machine.
    server.otherwise = ({ response }) => response.writeHead(204).end();
  });
  afterEach(async () => {
    run?.kill('SIGKILL');
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('keeps its memory and its descriptors flat, and loses no line', {
    timeout: MINUTES * 60_000 + 120_000,
  }, async () => {
    run = visualizer(
      [
        ...[
          'run',
          '--no-page',
          '--host',
          '127.0.0.1',
          '--port',
          String(server.port),
          '--drain-timeout',
          '60s',
        ],
        ...['--state-dir', join(folder, 'state'), '--path-executable', SENSOR],
      ],
      { LINES_A_SECOND: String(LINES_A_SECOND) },
    );
    const { pid } = run;
    await untilLogged(run, 'takes the readings');
    const samples: Sample[] = [];
    const sampler = setInterval(() => samples.push(sampleOf(pid as number)), SAMPLE_MS);
    try {
      for (let outage = 0; outage < OUTAGES; outage += 1) {
        await delay(ROUND_MS - OUTAGE_MS);
        server.writes.length = 0;
        server.requests.length = 0;
        await server.refuse();
        await delay(OUTAGE_MS);
        await server.listen();
      }
    } finally {
      clearInterval(sampler);
    }
    run.kill('SIGTERM');
    const { exitCode, stderr } = await run;
    const { read, delivered, queued, dropped, rejected } = logLines(stderr).at(-1) as Record<string, number>;
    expect({ exitCode, queued, dropped, rejected }).toEqual({
      exitCode: 0,
      queued: 0,
      dropped: 0,
      rejected: 0,
    });
    expect(delivered).toBe(read);
    expect(read).toBeGreaterThan(LINES_A_SECOND * MINUTES * 60 * 0.9);

    const measured = samples.slice(Math.floor(samples.length * WARM_UP));
    const half = Math.floor(measured.length / 2);
    const [earlier, later] = [measured.slice(0, half), measured.slice(half)];
    const found = {
      megabytes: [median(earlier, 'megabytes'), median(later, 'megabytes'), most(measured, 'megabytes')],
      descriptors: [
        median(earlier, 'descriptors'),
        median(later, 'descriptors'),
        most(measured, 'descriptors'),
      ],
    };
    if (process.env.SOAK_MINUTES)
      writeFileSync(2, `${JSON.stringify({ read, samples: samples.length, ...found })}\n`);
    const [before = 0, after = 0, highest = 0] = found.megabytes;
    expect(after - before, JSON.stringify(found)).toBeLessThan(GROWTH_MB);
    expect(highest, JSON.stringify(found)).toBeLessThan(MOST_MB);
    const [few = 0, many = 0] = found.descriptors;
    expect(many - few, JSON.stringify(found)).toBeLessThanOrEqual(2);
  });
});

function sampleOf(pid: number): Sample {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { megabytes: Number(kilobytes) / 1024, descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

function median(samples: readonly Sample[], what: keyof Sample): number {
  const sorted = samples.map((sample) => sample[what]).sort((a, b) => a - b);
  return Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0);
}

function most(samples: readonly Sample[], what: keyof Sample): number {
  return Math.round(Math.max(...samples.map((sample) => sample[what])));
}
