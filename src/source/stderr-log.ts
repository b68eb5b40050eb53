import { stripVTControlCharacters } from 'node:util';
import type { Log } from '../log.js';
import { LineSplitter, type Lines, textsOf } from './lines.js';

export interface StderrLogOptions {
  readonly sensor: string;
  readonly maxLineBytes: number;
  readonly log: Log;
}

const LINES_A_SECOND = 10;
const WINDOW_MS = 1_000;
/** How many of the newest lines are kept, for whoever wants to know why a sensor ended. */
const KEPT = 20;

/** How programs mark the weight of a line; Telegraf's plugins use the letters. */
const LEVELS = [
  [/^(E!|(error|fatal|critical):)/i, 'error'],
  [/^(W!|warn(ing)?:)/i, 'warn'],
  [/^(D!|debug:)/i, 'debug'],
] as const;

/**
 * What a sensor says on stderr, for the log: as fast as it comes, so that the sensor never waits for its pipe, but at
 * most ten lines a second of it. The rest is counted.
 */
export class StderrLog {
  readonly #options: StderrLogOptions;
  #newest: string[] = [];
  /** Lines that are known by now, since each process of a crash loop says the same. */
  #known = new Set<string>();
  #windowStart = Number.NEGATIVE_INFINITY;
  #saidInWindow = 0;
  #held = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: StderrLogOptions) {
    this.#options = options;
  }

  /** Reads the stderr of one process to its end. */
  async read(stderr: AsyncIterable<Buffer>): Promise<void> {
    const splitter = new LineSplitter(this.#options.maxLineBytes);
    this.#newest = [];
    for await (const chunk of stderr) this.#take(splitter.push(chunk));
    this.#take(splitter.end());
    this.#tellHeld();
  }

  /** The last lines of the newest process. */
  get newest(): readonly string[] {
    return this.#newest;
  }

  /** From now on says only what the newest process has not just said. */
  muteKnown(): void {
    this.#known = new Set(this.#newest);
  }

  unmute(): void {
    this.#known.clear();
  }

  #take(lines: Lines): void {
    for (const line of textsOf(lines)) {
      const text = forPeople(line);
      if (text !== '') this.#add(text);
    }
    for (const { reason, excerpt } of lines.refused) this.#add(`${forPeople(excerpt)}... (${reason})`);
  }

  #add(text: string): void {
    this.#newest.push(text);
    if (this.#newest.length > KEPT) this.#newest.shift();
    if (this.#known.has(text)) return;

    const now = performance.now();
    if (now - this.#windowStart >= WINDOW_MS) {
      this.#tellHeld();
      this.#windowStart = now;
      this.#saidInWindow = 0;
    }
    if (this.#saidInWindow < LINES_A_SECOND) {
      this.#saidInWindow += 1;
      this.#options.log[levelOf(text)]({ sensor: this.#options.sensor, stream: 'stderr' }, text);
    } else {
      this.#held += 1;
      this.#timer ??= setTimeout(() => this.#tellHeld(), WINDOW_MS).unref();
    }
  }

  #tellHeld(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#held === 0) return;
    const text = `The sensor says more on stderr than ${LINES_A_SECOND} lines a second; the rest was held back`;
    this.#options.log.warn({ sensor: this.#options.sensor, held: this.#held }, text);
    this.#held = 0;
  }
}

function levelOf(text: string): 'error' | 'warn' | 'info' | 'debug' {
  return LEVELS.find(([mark]) => mark.test(text))?.[1] ?? 'info';
}

/** Without what would move the cursor of the terminal that shows the log. */
function forPeople(line: string): string {
  return stripVTControlCharacters(line)
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
}
