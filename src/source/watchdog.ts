import { NEWLINE } from '../ascii.js';
import { formatDuration } from '../quantity.js';
import type { Lines } from './lines.js';

export interface WatchdogOptions {
  /** No line for this long is a sensor that hangs, in ms; 0: it may be silent for ever. */
  readonly silenceMs: number;
  /** So many identical lines in a row are a sensor that hangs; 0: it may repeat itself for ever. */
  readonly stuckLines: () => number;
  /** Whether a line is the sensor's known defect, which is counted as such and is no sign of hanging. */
  readonly isDefect: (line: string) => boolean;
}

/** So many looks at a silent sensor make the time of silence. */
const LOOKS = 10;
const SHORTEST_LOOK_MS = 10;
const LONGEST_LOOK_MS = 60_000;

/**
 * Tells when a sensor hangs: once when it falls silent, and once when it begins to repeat itself. Silence is counted
 * in looks, not read off a clock: while nobody looks, because the runner has no time for the sensor or the machine
 * sleeps, the sensor is not to blame.
 */
export class Watchdog {
  /** How often {@link look} is to be called, in ms. */
  readonly lookMs: number;
  readonly #options: WatchdogOptions;
  readonly #looksAllowed: number;
  #silentLooks = 0;
  #hasSpoken = false;
  #newest: Buffer = Buffer.alloc(0);
  /** How often in a row the newest line has come. */
  #repeated = 0;

  constructor(options: WatchdogOptions) {
    const { silenceMs } = options;
    this.#options = options;
    this.lookMs = Math.min(Math.max(silenceMs / LOOKS, SHORTEST_LOOK_MS), LONGEST_LOOK_MS);
    // The first look may follow the last line at once.
    this.#looksAllowed = silenceMs === 0 ? Number.POSITIVE_INFINITY : Math.ceil(silenceMs / this.lookMs) + 1;
  }

  /** Takes what was just read. Returns what is wrong with it, if anything is. */
  see({ blocks, refused }: Lines): string | undefined {
    if (blocks.length > 0 || refused.length > 0) {
      this.#silentLooks = 0;
      this.#hasSpoken = true;
    }
    const { isDefect } = this.#options;
    const stuckLines = this.#options.stuckLines();
    if (blocks.length === 0 || stuckLines === 0) return undefined;

    const wasStuck = this.#repeated >= stuckLines;
    const goesOn = blocks.map((block) => this.#count(block)).every(Boolean);
    if ((wasStuck && goesOn) || this.#repeated < stuckLines || isDefect(textOf(this.#newest)))
      return undefined;
    return `printed the same line ${this.#repeated} times in a row (--stuck-lines ${stuckLines})`;
  }

  /** To be called every `lookMs` while the sensor is listened to. Returns what is wrong, if anything is. */
  look(): string | undefined {
    this.#silentLooks += 1;
    if (this.#silentLooks !== this.#looksAllowed) return undefined;
    const silence = formatDuration(this.#options.silenceMs);
    // What writes into a pipe often holds its lines back until it has some KiB of them.
    const advice = this.#hasSpoken ? '' : '; it may have to flush after each line';
    return `has printed no line for ${silence} (--silence-timeout ${silence}${advice})`;
  }

  /** Returns whether there was nothing but the newest line again. */
  #count(block: Buffer): boolean {
    const newest = block.subarray(startOfLast(block));
    const { times, isAll } = timesAtEnd(block, newest);
    const goesOn = isAll && newest.equals(this.#newest);
    this.#repeated = goesOn ? this.#repeated + times : times;
    // A copy, so that no large block is kept for the sake of its end.
    this.#newest = Buffer.from(newest);
    return goesOn;
  }
}

/** How often in a row the newest line stands at the end, and whether there is nothing else. */
function timesAtEnd(bytes: Buffer, newest: Buffer): { times: number; isAll: boolean } {
  let end = bytes.length - newest.length;
  let times = 1;
  for (; end > 0; end -= newest.length) {
    const start = startOfLast(bytes.subarray(0, end));
    if (!newest.equals(bytes.subarray(start, end))) break;
    times += 1;
  }
  return { times, isAll: end === 0 };
}

function startOfLast(bytes: Buffer): number {
  return bytes.length < 2 ? 0 : bytes.lastIndexOf(NEWLINE, bytes.length - 2) + 1;
}

function textOf(line: Buffer): string {
  return line.toString('utf8', 0, line.length - 1);
}
