import { mkdir, open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, systemCodeOf } from '../errors.js';
import type { Log } from '../log.js';

/** The newest rejected lines, and those before; both together are the bound. */
export const REJECTED_FILES = ['rejected.lp', 'rejected.1.lp'] as const;
const FILE_BYTES = 8 * 1024 * 1024;

/** The log tells of rejected lines at once, and then at most this often. */
const LOG_INTERVAL_MS = 60_000;

/**
 * Keeps what the server will never take in `rejected/`, as line protocol under a comment with the time and the
 * server's reason: readable, and ready to be sent again once the reason is mended.
 */
export class RejectedLines {
  readonly #directory: string;
  readonly #log: Log;
  #unsaid = 0;
  #saidAt = Number.NEGATIVE_INFINITY;
  #failing = false;

  constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#log = log;
  }

  /**
   * Resolves once the lines are on disk; where the disk does not take them, that is said, since a full disk must
   * not stop the delivery of the rest. `count`: how many were refused, where one does not know which.
   */
  async write(lines: readonly string[], reason: string, count: number): Promise<void> {
    try {
      await this.#append(lines, reason, count);
      this.#tell(count, false, { reason, directory: this.#directory });
    } catch (error) {
      this.#tell(count, true, { reason, cause: messageOf(error), example: lines[0] });
    }
  }

  async #append(lines: readonly string[], reason: string, count: number): Promise<void> {
    const [newest, older] = REJECTED_FILES.map((name) => join(this.#directory, name)) as [string, string];
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    if ((await sizeOf(newest)) > FILE_BYTES) await rename(newest, older);

    const which = count === lines.length ? `${count} lines` : `${count} of these ${lines.length} lines`;
    const header = `# ${new Date().toISOString()} ${which} refused: ${reason.replace(/\s+/g, ' ')}\n`;
    const file = await open(newest, 'a', 0o600);
    try {
      const { size } = await file.stat();
      try {
        await file.appendFile(`${header}${lines.join('\n')}\n`);
      } catch (error) {
        // Half a line must not be continued by what is set aside next.
        await file.truncate(size).catch(() => {});
        throw error;
      }
      await file.sync();
    } finally {
      await file.close();
    }
  }

  #tell(count: number, failing: boolean, details: object): void {
    this.#unsaid += count;
    if (failing === this.#failing && performance.now() - this.#saidAt < LOG_INTERVAL_MS) return;
    const fate = failing ? 'and they could not be set aside' : 'they were set aside';
    this.#log.error({ lines: this.#unsaid, ...details }, `The server refused lines for good; ${fate}`);
    this.#unsaid = 0;
    this.#saidAt = performance.now();
    this.#failing = failing;
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return 0;
    throw error;
  }
}
