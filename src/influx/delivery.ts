import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import { messageOf } from '../errors.js';
import type { Ledger } from '../ledger.js';
import type { Log } from '../log.js';
import type { LinkMonitor } from './link-monitor.js';
import type { RejectedLines } from './rejected.js';
import { RequestSize } from './request-size.js';
import { culprits, type Line, linesOf } from './sift.js';
import type { Verdict } from './verdict.js';

/** The way to a server; `write` sends lines, each ended by a newline, and tells what became of them. */
export interface Link {
  /** For people: `InfluxDB at host:port`. */
  readonly name: string;
  /** A request that takes longer has failed, in ms; absent where nothing is answered. */
  readonly timeoutMs?: number;
  write(lines: Buffer, signal: AbortSignal): Promise<Verdict>;
  close?(): Promise<void>;
}

/** What was appended together: line protocol whose first `lines` lines are readings. */
export interface Entry {
  readonly sequence: number;
  readonly payload: Buffer;
  readonly lines: number;
}

/** The durable queue that delivery drains, first in, first out. */
export interface Backlog {
  /**
   * The oldest entries that are not settled, of those behind the sequence `after`: up to `maxBytes` of them but at least
   * one, if any.
   */
  peek(maxBytes: number, after?: number): Promise<readonly Entry[]>;
  /** The entry is done: `delivered + rejected` are its readings. */
  settle(outcome: { sequence: number; delivered: number; rejected: number }): Promise<void>;
}

export interface DeliveryOptions {
  readonly link: Link;
  readonly backlog: Backlog;
  readonly ledger: Ledger;
  readonly rejected: RejectedLines;
  readonly monitor: LinkMonitor;
  readonly log: Log;
  /** First and longest wait between attempts, in ms. */
  readonly backOffMs?: readonly [number, number];
}

const SHORTEST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** A server may ask for patience, but not for ever. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/**
 * Drains the backlog into the link: one request in flight, each entry settled by a verdict, one after the other. What
 * the server does not take now is tried again for ever; what it will never take is sifted out.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #size: RequestSize;
  readonly #hurry = new AbortController();
  #wake: () => void = () => {};
  /** For what is sent together: made anew for each request, it would keep the garbage collector busy. */
  #room = Buffer.alloc(0);
  #fault: string | undefined;
  /** Once the newest outcome is on disk. */
  #settled = Promise.resolve();

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#size = new RequestSize(options.link.timeoutMs);
  }

  /** Says that the backlog has something new. */
  wake(): void {
    this.#wake();
  }

  /** Says that the end is near: the wait at hand is cut short, and those to come are the shortest. */
  hurry(): void {
    this.#hurry.abort();
  }

  /** Delivers until `stop` is aborted; what is in flight then stays in the backlog. */
  async run(stop: AbortSignal): Promise<void> {
    const { backlog } = this.#options;
    stop.addEventListener('abort', () => this.#wake(), { once: true });
    while (!stop.aborted) {
      const woken = this.#nextWake();
      try {
        const entries = await backlog.peek(this.#size.bytes);
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
    await this.#pause(this.#backOff[1], stop).catch(() => {});
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
        const next = this.#options.backlog.peek(this.#size.bytes, due.at(-1)?.sequence);
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
    const verdict = await this.#verdictOn(this.#join(entries), stop);
    if (verdict.kind === 'split' && entries.length > 1) {
      for (const half of halvesOf(entries)) await this.#deliver(half, stop);
      return;
    }
    const rejected = entries.map(() => 0);
    if (verdict.kind !== 'accepted') await this.#sift(linesOf(entries), verdict, rejected, stop);
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

  /** The lines of all entries; the next call overwrites them. */
  #join(entries: readonly Entry[]): Buffer {
    const [first] = entries;
    if (entries.length === 1 && first !== undefined) return first.payload;
    const bytes = entries.reduce((sum, { payload }) => sum + payload.length, 0);
    if (this.#room.length < bytes) this.#room = Buffer.allocUnsafeSlow(bytes);
    let end = 0;
    for (const { payload } of entries) end += payload.copy(this.#room, end);
    return this.#room.subarray(0, end);
  }

  /**
   * Finds the lines that the server will not take, by halving: k bad ones among n cost O(k log n) requests.
   * Where the server has taken the rest already, nothing is sent again.
   */
  async #sift(lines: Line[], verdict: Verdict, rejected: number[], stop: AbortSignal): Promise<void> {
    if (verdict.kind === 'accepted') return;
    const { reason } = verdict;
    const leftOut = verdict.kind === 'refused' ? verdict.leftOut : undefined;
    const named = leftOut && culprits(lines, leftOut);
    if (named !== undefined) return this.#reject(named.lines, reason, named.count, rejected);
    if (lines.length === 1) return this.#reject(lines, reason, 1, rejected);
    for (const half of halvesOf(lines)) {
      const body = Buffer.from(half.map(({ text }) => `${text}\n`).join(''));
      await this.#sift(half, await this.#verdictOn(body, stop), rejected, stop);
    }
  }

  /** `count` of these lines are refused for good; the server does not always say which. */
  async #reject(lines: Line[], reason: string, count: number, rejected: number[]): Promise<void> {
    await this.#options.rejected.write(
      lines.map(({ text }) => text),
      reason,
      count,
    );
    this.#options.ledger.error('batch_sending_error', count);
    for (const { entry } of lines.filter(({ reading }) => reading).slice(0, count)) {
      rejected[entry] = (rejected[entry] as number) + 1;
    }
  }

  /**
   * Sends until there is a verdict on the lines themselves: accepted, split or refused. One that comes when all is
   * stopped already counts. What was cut off is split as well, after a while: half of it may get through.
   */
  async #verdictOn(body: Buffer, stop: AbortSignal): Promise<Verdict> {
    const { link, ledger, monitor } = this.#options;
    const isOneLine = body.indexOf('\n') === body.length - 1;
    if (!isOneLine && this.#size.isExceededBy(body.length)) return TOO_MUCH;
    let halves: Verdict | undefined;
    const attempt = async () => {
      stop.throwIfAborted();
      if (halves !== undefined) return halves;
      const started = performance.now();
      const verdict = await link.write(body, stop);
      const tookMs = performance.now() - started;
      if (stop.aborted && verdict.kind === 'retry') throw stop.reason;
      monitor.observe(verdict, tookMs);
      if (verdict.kind === 'accepted') this.#size.accepted(body.length, tookMs);
      if (verdict.kind === 'split') this.#size.tooLarge(body.length);
      if (verdict.kind === 'retry') {
        ledger.error('connectivity_error');
        const { reason, cutOff } = verdict;
        if (cutOff && !isOneLine && this.#size.cutOff(body.length)) halves = { kind: 'split', reason };
      }
      if (verdict.kind === 'hold') ledger.error('batch_sending_error');
      if (verdict.kind === 'retry' || verdict.kind === 'hold') throw new NotNow(verdict);
      return verdict;
    };
    return pRetry(attempt, {
      retries: Number.POSITIVE_INFINITY,
      // The wait is ours: full jitter, or what the server asks for.
      minTimeout: 0,
      onFailedAttempt: async ({ error, attemptNumber }) => {
        if (error instanceof NotNow) await this.#pause(this.#waitMs(error.verdict, attemptNumber), stop);
      },
      shouldRetry: ({ error }) => error instanceof NotNow,
    });
  }

  async #pause(ms: number, stop: AbortSignal): Promise<void> {
    if (this.#hurry.signal.aborted) {
      await delay(Math.min(ms, this.#backOff[0]), undefined, { signal: stop });
    } else {
      const signal = AbortSignal.any([stop, this.#hurry.signal]);
      await delay(ms, undefined, { signal }).catch(() => stop.throwIfAborted());
    }
  }

  get #backOff(): readonly [number, number] {
    return this.#options.backOffMs ?? [SHORTEST_WAIT_MS, LONGEST_WAIT_MS];
  }

  #waitMs(verdict: Verdict, attempt: number): number {
    const [shortest, longest] = this.#backOff;
    if (verdict.kind === 'hold') return longest * (0.5 + Math.random() / 2);
    const backOff = Math.random() * Math.min(shortest * 2 ** (attempt - 1), longest);
    const asked = verdict.kind === 'retry' ? (verdict.afterMs ?? 0) : 0;
    // Never shorter than our own: a server that asks for no time at all would be overrun.
    return Math.max(backOff, Math.min(asked, LONGEST_RETRY_AFTER_MS));
  }
}

const TOO_MUCH: Verdict = { kind: 'split', reason: 'more than gets through at once' };

function halvesOf<T>(all: readonly T[]): [T[], T[]] {
  const middle = Math.ceil(all.length / 2);
  return [all.slice(0, middle), all.slice(middle)];
}

class NotNow extends Error {
  readonly verdict: Verdict;

  constructor(verdict: Verdict) {
    super(verdict.kind);
    this.verdict = verdict;
  }
}
