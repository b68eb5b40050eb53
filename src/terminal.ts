import { cut } from './terminal-line.js';
import { ownDescriptor, TerminalOutput } from './terminal-output.js';

/** At most five redraws a second. */
const REDRAW_MS = 200;
const LOOK_MS = 100;
/** An unchanged line is drawn again this often, since others may have written over it. */
const REPAIR_MS = 1_000;
const USUAL_COLUMNS = 80;
/** Erases the status line, also where a narrower window has folded it: the cursor rests at its first column. */
const ERASE = '\r\u001b[J';

/** What is used of `process.stderr`. */
export interface TerminalStream {
  readonly fd: number;
  readonly isTTY?: boolean;
  readonly columns?: number;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

export interface TerminalOptions {
  /** `NO_COLOR` and `TERM` are looked at. */
  readonly environment?: NodeJS.ProcessEnv;
  /** False for no status line, also on a terminal: `--quiet`, `--log-format json`. */
  readonly statusLine?: boolean;
}

/**
 * Where the log goes: stderr, and on a terminal one live status line below it.
 *
 * - Log lines are written above the status line, each of them whole; an unfinished one waits for its end.
 * - The status line is never wider than the terminal, and is erased when it is hidden or the process ends.
 * - What is written is out before `write` returns. Only a terminal that takes nothing (Ctrl-S) is not waited for:
 *   what it should show follows later, so that a stopped terminal never stops the sensor.
 * - No write ever fails: a log that nobody can read is no reason to end a run.
 */
export class Terminal {
  readonly isTTY: boolean;
  readonly colour: boolean;
  readonly #stream: TerminalStream;
  readonly #output: TerminalOutput;
  #statusLine: boolean;
  #status: (() => string) | undefined;
  /** The beginning of a log line. */
  #unfinished = '';
  /** What the status line shows now; absent where there is none on the screen. */
  #shown: string | undefined;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: TerminalStream, { environment = {}, statusLine = true }: TerminalOptions = {}) {
    this.isTTY = stream.isTTY === true;
    const capable = isCapable(stream, environment);
    this.colour = hasColour(stream, environment);
    this.#statusLine = capable && statusLine;
    this.#stream = stream;
    this.#output = new TerminalOutput(this.isTTY ? ownDescriptor(stream.fd) : stream.fd);
    process.once('exit', () => this.#end());
  }

  /** Writes log text, in pieces of any size. */
  write(text: string): void {
    const all = this.#unfinished + text;
    const whole = this.#statusLine ? all.lastIndexOf('\n') + 1 : all.length;
    this.#unfinished = all.slice(whole);
    if (whole === 0) return;
    this.#writeAbove(all.slice(0, whole));
    this.#draw();
  }

  /** Shows a status line, asked for anew at each redraw, until the returned function is called. */
  show(status: () => string): () => void {
    if (!this.#statusLine) return () => {};
    if (this.#status !== undefined) this.#hide();
    this.#status = status;
    this.#stream.on('resize', this.#draw);
    this.#timer = setInterval(this.#draw, LOOK_MS).unref();
    this.#draw();
    return () => {
      if (this.#status === status) this.#hide();
    };
  }

  #hide(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stream.off('resize', this.#draw);
    this.#status = undefined;
    this.#writeAbove('');
  }

  #end(): void {
    this.#hide();
    this.#statusLine = false;
    this.write('');
    this.#output.finish();
  }

  #writeAbove(lines: string): void {
    const erase = this.#shown === undefined ? '' : ERASE;
    this.#shown = undefined;
    this.#output.write(erase + lines);
  }

  /** One write, without erasing first, so that nothing flickers; without wrapping, should a width be misjudged. */
  readonly #draw = (): void => {
    const now = performance.now();
    if (this.#status === undefined || this.#output.isStopped || now - this.#drawnAt < REDRAW_MS) return;
    const line = cut(this.#status(), (this.#stream.columns || USUAL_COLUMNS) - 1);
    if (line === this.#shown && now - this.#drawnAt < REPAIR_MS) return;
    this.#output.write(`\r\u001b[?7l${line}\u001b[J\u001b[?7h\r`);
    this.#shown = line;
    this.#drawnAt = now;
  };
}

/** By no-color.org, a NO_COLOR that is present and not empty forbids colours. */
export function hasColour(stream: Pick<TerminalStream, 'isTTY'>, environment: NodeJS.ProcessEnv): boolean {
  return isCapable(stream, environment) && !environment.NO_COLOR;
}

function isCapable({ isTTY }: Pick<TerminalStream, 'isTTY'>, { TERM }: NodeJS.ProcessEnv): boolean {
  return isTTY === true && TERM !== 'dumb';
}
