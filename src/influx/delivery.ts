import { messageOf } from '../errors.js';
import type { Log } from '../log.js';
import { BackOff } from './back-off.js';
import type { Backlog, Entry } from './backlog.js';
import { Sender, type SenderOptions } from './sender.js';
import { halvesOf, Sieve, type SieveOptions } from './sieve.js';

export interface DeliveryOptions extends SenderOptions, SieveOptions {
  readonly backlog: Backlog;
  readonly log: Log;
  /** First and longest wait between attempts, in ms. */
  readonly backOffMs?: readonly [number, number];
}

/**
 * Drains the backlog into the link: one request in flight, each entry settled by a verdict, one after the other. What
 * the server does not take now is tried again for ever; what it will never take is sifted out.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #backOff: BackOff;
  readonly #sender: Sender;
  readonly #sieve: Sieve;
  #wake: () => void = () => {};
  #fault: string | undefined;
  /** Once the newest outcome is on disk. */
  #settled = Promise.resolve();

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#backOff = new BackOff(options.backOffMs);
    this.#sender = new Sender(options, this.#backOff);
    this.#sieve = new Sieve(options, this.#sender);
  }

  /** Says that the backlog has something new. */
  wake(): void {
    this.#wake();
  }

  /** Says that the end is near: the wait at hand is cut short, and those to come are the shortest. */
  hurry(): void {
    this.#backOff.hurry();
  }

  /** Delivers until `stop` is aborted; what is in flight then stays in the backlog. */
  async run(stop: AbortSignal): Promise<void> {
    const { backlog } = this.#options;
    stop.addEventListener('abort', () => this.#wake(), { once: true });
    while (!stop.aborted) {
      const woken = this.#nextWake();
      try {
        const entries = await backlog.peek(this.#sender.bytes);
        if (entries.length === 0) await woken;
        else await this.#drain(entries, stop);
      } catch (error) {
        if (!stop.aborted) await this.#survive(error, stop);
      }
    }
  }

  /** A disk that cannot be read, or a fault of ours, must not end delivery: it is said once, and tried again. */
  async #survive(error: unknown, stop: AbortSignal): Promise<void> {
    const { log } = this.#options;
    const text = 'Delivery failed for a reason that is not the server; trying again';
    if (messageOf(error) !== this.#fault) log.error({ err: error }, text);
    this.#fault = messageOf(error);
    await this.#backOff.longest(stop).catch(() => {});
  }

  /** Asked for before the backlog is looked at, so that nothing appended meanwhile is overlooked. */
  #nextWake(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /**
   * Delivers these entries, and those behind them until there are none. What comes next is looked for while the server
   * is at work, and sent before the disk knows what became of the ones before: a server waits for no disk.
   */
  async #drain(entries: readonly Entry[], stop: AbortSignal): Promise<void> {
    this.#settled = Promise.resolve();
    try {
      for (let due = entries; due.length > 0; ) {
        const next = this.#options.backlog.peek(this.#sender.bytes, due.at(-1)?.sequence);
        next.catch(() => {});
        await this.#deliver(due, stop);
        due = await next;
      }
    } finally {
      await this.#settled;
    }
  }

  /** What is too much at once is settled half by half: over a slow line all of it may take longer than a run. */
  async #deliver(entries: readonly Entry[], stop: AbortSignal): Promise<void> {
    const lines = entries.map(({ payload }) => payload);
    const verdict = await this.#sender.verdictOn(lines, stop);
    if (verdict.kind === 'split' && entries.length > 1) {
      for (const half of halvesOf(entries)) await this.#deliver(half, stop);
      return;
    }
    const rejected = await this.#sieve.sift(entries, verdict, stop);
    await this.#settled;
    this.#settled = this.#settle(entries, rejected);
    this.#settled.catch(() => {});
  }

  /** `rejected`: how many lines of each entry the server refused for good. */
  async #settle(entries: readonly Entry[], rejected: readonly number[]): Promise<void> {
    const { backlog, ledger } = this.#options;
    for (const [index, { sequence, lines }] of entries.entries()) {
      const lost = rejected[index] as number;
      // First in the backlog: what cannot be settled is delivered again, and must not be counted twice.
      await backlog.settle({ sequence, delivered: lines - lost, rejected: lost });
      ledger.delivered(lines - lost);
      ledger.rejected(lost);
    }
    this.#fault = undefined;
  }
}
