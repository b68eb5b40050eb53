import { readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasInfluxd, type Influxd, startInfluxd } from '../servers/influxd.js';
import { until } from '../until.js';
import { temporaryFolder, untilLogged, visualizer } from '../visualizer.js';

/** How often the runner is killed: `KILLS=500 npx vitest run test/chaos` for a long night. */
const KILLS = Number(process.env.KILLS ?? (process.env.CI === 'true' ? 50 : 10));
const SENSOR = fileURLToPath(new URL('./journal-sensor.cjs', import.meta.url));
const FLUSH_MS = 100;
/** For a disk that other programs keep busy: a line is safe once it is synced. */
const SLACK_MS = 10_000;
/** Until the sensor notices that nobody reads it any more. */
const DYING_MS = 100;

interface Line {
  readonly at: number;
  readonly counter: number;
}

/** A process does not end before its writing to the disk has: from the signal until then the sensor prints on. */
interface Kill {
  readonly at: number;
  readonly endedAt: number;
}

describe.skipIf(!hasInfluxd)(
  `a runner that is killed ${KILLS} times while its InfluxDB comes and goes`,
  () => {
    let influxd: Influxd;
    let folder: string;
    beforeEach(async () => {
      folder = temporaryFolder();
      influxd = await startInfluxd();
    });
    afterEach(async () => {
      await influxd?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    it('has delivered every line exactly once, and its books balance at every restart', {
      timeout: 120_000 + KILLS * 10_000,
    }, async () => {
      const journal = join(folder, 'journal');
      writeFileSync(journal, '');
      const stateDir = join(folder, 'state');
      const start = () =>
        visualizer(
          [
            ...['run', '--no-page', '--state-dir', stateDir, '--path-executable', SENSOR],
            ...['--host', '127.0.0.1', '--port', String(influxd.port), '--write-timeout', '500ms'],
            ...['--flush-interval', `${FLUSH_MS}ms`, '--drain-timeout', '60s'],
          ],
          { JOURNAL: journal },
        );
      const disturbances = new AbortController();
      const disturbed = disturb(influxd, disturbances.signal);

      const kills: Kill[] = [];
      while (kills.length < KILLS) {
        const before = readFileSync(journal, 'utf8').length;
        const run = start();
        await until('the sensor prints', () => readFileSync(journal, 'utf8').length > before);
        await delay(Math.random() * 1_000);
        const at = Date.now();
        run.kill('SIGKILL');
        await run;
        kills.push({ at, endedAt: Date.now() });
        expectBalance(await inspect(stateDir));
      }
      disturbances.abort();
      await disturbed;

      const last = start();
      await untilLogged(last, 'Recording');
      last.kill('SIGTERM');
      expect(await last).toMatchObject({ exitCode: 0 });

      const totals = await inspect(stateDir);
      expectBalance(totals);
      expect(totals).toMatchObject({ queued: 0, rejected: 0, dropped: 0 });
      const stored = await countersIn(influxd);
      expect(new Set(stored).size).toBe(stored.length);
      expect(stored.length).toBe(totals.delivered);
      const found = new Set(stored);
      const printed = linesIn(journal);
      const killOf = ({ at }: Line) => kills.find(({ endedAt }) => endedAt >= at - DYING_MS);
      const missing = printed.filter(({ counter }) => !found.has(counter));
      // What a kill costs is the end of a life, and nothing before what was stored of it.
      const inBetween = missing.filter((lost) =>
        printed.some(
          (line) => line.counter > lost.counter && found.has(line.counter) && killOf(line) === killOf(lost),
        ),
      );
      expect(inBetween.map((lost) => ({ ...lost, kill: killOf(lost) }))).toEqual([]);
      const beforeKill = missing.map((lost) => (killOf(lost)?.at ?? Number.POSITIVE_INFINITY) - lost.at);
      expect(Math.max(0, ...beforeKill)).toBeLessThan(FLUSH_MS + SLACK_MS);
    });
  },
);

/** Kills, restarts and freezes the server at random until it is told to stop; leaves it running. */
async function disturb(influxd: Influxd, stop: AbortSignal): Promise<void> {
  const pause = (ms: number) => delay(ms, undefined, { signal: stop }).catch(() => {});
  while (!stop.aborted) {
    await pause(500 + Math.random() * 2_000);
    if (Math.random() < 0.5) {
      await influxd.kill();
      await pause(Math.random() * 2_000);
      await influxd.start();
    } else {
      influxd.signal('SIGSTOP');
      await pause(Math.random() * 1_500);
      influxd.signal('SIGCONT');
    }
  }
}

interface Totals {
  readonly read: number;
  readonly delivered: number;
  readonly queued: number;
  readonly rejected: number;
  readonly dropped: number;
}

async function inspect(stateDir: string): Promise<Totals> {
  const { stdout, stderr } = await visualizer(['buffer', 'inspect', '--json', '--state-dir', stateDir]);
  expect(stderr).toBe('');
  return (JSON.parse(stdout) as { totals: Totals }).totals;
}

function expectBalance({ read, delivered, queued, rejected, dropped }: Totals): void {
  expect(delivered + queued + rejected + dropped).toBe(read);
}

async function countersIn(influxd: Influxd): Promise<number[]> {
  const series = await influxd.query('sensor', 'SELECT counter FROM sensor').catch(() => []);
  return series.flatMap(({ values }) => values.map(([, counter]) => counter as number));
}

function linesIn(journal: string): Line[] {
  return readFileSync(journal, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [at, counter] = line.split(' ').map(Number) as [number, number];
      return { at, counter };
    });
}
