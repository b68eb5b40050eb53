import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { execa, type ResultPromise } from 'execa';
import { systemCodeOf } from '../errors.js';
import { isWithheld } from '../secret-file.js';
import { closeWriters, openPipes } from './pipes.js';

export interface ProcessOptions {
  readonly executable: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/** How a process ended; neither code nor signal where it could not be started, or would not end. */
export interface ProcessEnd {
  /** Something that the sensor has started held its output open, and talked on. */
  readonly outlived: boolean;
  readonly code: number | undefined;
  readonly signal: string | undefined;
  readonly spawnFailure: Error | undefined;
}

type Child = ResultPromise<{ buffer: false; reject: false; encoding: 'buffer' }>;

/** How long the pipes may stay silent, and open, once the sensor has ended, ... */
const GRACE_MS = 1_000;
/** ... and how long they are listened to in all, should something else talk on. */
const LONGEST_GRACE_MS = 5_000;
const LOOK_MS = 100;

/**
 * One process of the sensor, which leads a process group of its own so that its children end with it. Both its
 * pipes are read to their ends before its end is told; where something that outlives it holds them open and says
 * nothing, they are given up.
 */
export class SensorProcess {
  readonly #child: Child;
  readonly #stdout: Readable;
  readonly #stderr: Readable;
  readonly #killAtExit = () => this.#signal('SIGKILL');
  readonly #gone = new AbortController();
  /** How many chunks are being worked on: as long as there is one, the pipes are not silent but unread. */
  #atWork = 0;
  #activeAt = 0;
  #outlived = false;

  constructor({ executable, args, environment }: ProcessOptions) {
    const pipes = openPipes();
    this.#child = execa(executable, args, {
      stdin: 'ignore',
      // A file descriptor will do as well, which the types do not know.
      stdout: (pipes?.[0].writer ?? 'pipe') as 'pipe',
      stderr: (pipes?.[1].writer ?? 'pipe') as 'pipe',
      buffer: false,
      reject: false,
      detached: true,
      encoding: 'buffer',
      extendEnv: false,
      env: forSensor(environment),
    }) as Child;
    closeWriters(pipes ?? []);
    this.#stdout = pipes?.[0].reader ?? this.#child.stdout;
    this.#stderr = pipes?.[1].reader ?? this.#child.stderr;
    this.#child.once('exit', () => void this.#giveUpSilence());
    // A runner that ends at once, at a second signal, leaves no sensor behind.
    process.once('exit', this.#killAtExit);
  }

  /** What it prints on stdout, as it comes; one that closes its stdout may go on, and so does this. */
  async *stdout(): AsyncGenerator<Buffer> {
    yield* this.#read(this.#stdout);
    await this.#ended();
  }

  /** What it prints on stderr, as it comes. */
  stderr(): AsyncGenerator<Buffer> {
    return this.#read(this.#stderr);
  }

  /** Asks the group to end, and makes it after `killAfterMs`; `failed` is told where it may not be signalled. */
  async stop(killAfterMs: number, failed: (error: unknown) => void): Promise<void> {
    try {
      this.#signal('SIGTERM');
      await delay(killAfterMs, undefined, { signal: this.#gone.signal });
      this.#signal('SIGKILL');
    } catch (error) {
      if (this.#gone.signal.aborted) return;
      failed(error);
    }
    // Not even SIGKILL ends what waits for a broken disk, or belongs to somebody else.
    await this.#giveUpSilence();
  }

  /** How it ended; to be asked for once both streams have. */
  async end(): Promise<ProcessEnd> {
    const result = await this.#ended();
    const spawnFailure = this.#child.pid === undefined ? (result?.cause as Error | undefined) : undefined;
    return { outlived: this.#outlived, code: result?.exitCode, signal: result?.signal, spawnFailure };
  }

  /** Ends what is left of the group, and lets go of it. */
  release(): void {
    process.off('exit', this.#killAtExit);
    this.#gone.abort();
    try {
      this.#signal('SIGKILL');
    } catch (error) {
      if (systemCodeOf(error) !== 'EPERM') throw error;
    }
  }

  async *#read(stream: Readable): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of stream) {
        this.#atWork += 1;
        try {
          yield chunk as Buffer;
        } finally {
          this.#atWork -= 1;
          this.#activeAt = performance.now();
        }
      }
    } catch (error) {
      if (!this.#gone.signal.aborted) throw error;
    }
  }

  /** Cuts off pipes that nobody has written to for a while although they were waited for. */
  async #giveUpSilence(): Promise<void> {
    const { signal } = this.#gone;
    this.#activeAt = performance.now();
    let listenedMs = 0;
    while (!signal.aborted && (this.#atWork > 0 || performance.now() - this.#activeAt < GRACE_MS)) {
      await delay(LOOK_MS, undefined, { signal }).catch(() => {});
      if (this.#atWork === 0) listenedMs += LOOK_MS;
      this.#outlived = listenedMs >= LONGEST_GRACE_MS;
      if (this.#outlived) break;
    }
    this.#gone.abort();
    this.#stdout.destroy();
    this.#stderr.destroy();
  }

  #ended() {
    return Promise.race([this.#child, this.#hopeless()]);
  }

  /** Resolves some time after the pipes were given up: a process that is still there then does not end. */
  async #hopeless(): Promise<undefined> {
    const { signal } = this.#gone;
    if (!signal.aborted) await once(signal, 'abort');
    await delay(GRACE_MS);
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch (error) {
      if (systemCodeOf(error) !== 'ESRCH') throw error;
    }
  }
}

function forSensor(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !isWithheld(name)));
}
