import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { until } from '../until.js';

/** What a process has used so far, in all its threads; its children are not included. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly peakBytes: number;
  readonly residentBytes: number;
}

export interface Ending extends Usage {
  /** From its start to its end. */
  readonly seconds: number;
  readonly stdout: string;
  readonly log: string;
}

const METER = fileURLToPath(new URL('meter.mjs', import.meta.url));
const PATIENCE_MS = 5_000;
const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

/** A Node process that tells what it uses. */
export class Measured {
  readonly started = performance.now();
  stdout = '';
  log = '';
  readonly #child: ReturnType<typeof spawn>;
  #told = '';

  private constructor(command: string, args: readonly string[], environment: Record<string, string> = {}) {
    this.#child = spawn(command, args, environment);
    this.#child.stdout.on('data', (chunk) => {
      this.stdout += chunk;
    });
    this.#child.stderr.on('data', (chunk) => {
      this.log += chunk;
    });
    this.#child.stdio[3].on('data', (chunk: Buffer) => {
      this.#told += chunk;
    });
  }

  static node(args: readonly string[], environment?: Record<string, string>): Measured {
    return new Measured(process.execPath, ['--import', METER, ...args], environment);
  }

  /** One that tells nothing, for what takes about as long as to load the meter. */
  static unmetered(args: readonly string[], environment?: Record<string, string>): Measured {
    return new Measured(process.execPath, args, environment);
  }

  /** Behind a pipe from `cat`, as a sensor's output comes. */
  static nodeBehindCat(file: string, args: readonly string[]): Measured {
    const script = 'cat "$0" | exec "$@"';
    return new Measured('sh', ['-c', script, file, process.execPath, '--import', METER, ...args]);
  }

  /** What it uses up to now. */
  async usage(): Promise<Usage> {
    // Before that the signal would end it.
    await until('a process can tell what it uses', () => this.#told !== '');
    const before = this.#usages().length;
    this.#child.kill('SIGUSR2');
    await until('a process tells what it uses', () => this.#usages().length > before);
    return this.#usages().at(-1) as Usage;
  }

  /** Asks it to end. */
  stop(): void {
    this.#signal('SIGTERM');
  }

  /** Ends it where it is not over yet, in good order if it can: it stops its sensor then. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#signal('SIGTERM');
    const timer = setTimeout(() => this.#signal('SIGKILL'), PATIENCE_MS);
    await this.#child;
    clearTimeout(timer);
  }

  /** Resolves when it has ended well, and rejects when it has ended badly. */
  async ended(): Promise<Ending> {
    const { exitCode, signal } = await this.#child;
    const seconds = (performance.now() - this.started) / 1000;
    const usage = this.#usages().at(-1);
    if (exitCode !== 0 || usage === undefined) {
      throw new Error(`a measured process ended with ${signal ?? exitCode}: ${this.log.slice(-2000)}`);
    }
    return { ...usage, seconds, stdout: this.stdout, log: this.log };
  }

  /** To all that is in its process group, such as both ends of a pipe. */
  #signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-(this.#child.pid as number), signal);
    } catch {} // It has ended.
  }

  #usages(): Usage[] {
    const whole = this.#told.slice(0, this.#told.lastIndexOf('\n') + 1);
    return whole
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }
}

function spawn(command: string, args: readonly string[], environment: Record<string, string>) {
  return execa(command, args, {
    cwd: REPOSITORY,
    reject: false,
    buffer: false,
    // In a process group of its own: a Ctrl-C is for the bench, which ends it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    extendEnv: false,
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', ...environment },
  });
}
