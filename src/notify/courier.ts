import pRetry from 'p-retry';
import { messageOf } from '../errors.js';
import type { Log } from '../log.js';
import type { Channel } from './channel.js';
import type { Clock } from './clock.js';
import type { Group } from './group.js';
import { type Message, titleOf } from './message.js';
import type { ReceiverLog } from './receiver-log.js';
import type { Verdict } from './verdict.js';

export interface CourierOptions {
  readonly group: Group;
  /** What every message about the group has. */
  readonly about: Omit<Message, 'alerts' | 'at'>;
  readonly channel: Channel;
  readonly clock: Clock;
  readonly log: Log;
  readonly receiverLog: ReceiverLog;
  /** Keeps what was told over a restart. */
  readonly save: () => void;
}

const SHORTEST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
/** A server may ask for patience, but not for ever. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;
/** So often it looks at the time, since the wall clock may be set. */
const LONGEST_SLEEP_MS = 60_000;

/** Brings the messages about one group to its receiver, one at a time, each when it is due. */
export class Courier {
  readonly #options: CourierOptions;
  #woken = new AbortController();
  #fault: string | undefined;

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  /** Says that the group has changed. */
  wake(): void {
    this.#woken.abort();
  }

  /** Works until `stop` is aborted; a message that is on its way then is given until `force`. */
  async run(stop: AbortSignal, force: AbortSignal): Promise<void> {
    const { group, clock } = this.#options;
    const onStop = () => this.wake();
    stop.addEventListener('abort', onStop, { once: true });
    while (!stop.aborted) {
      this.#woken = new AbortController();
      const waitMs = group.dueAt(clock.now()) - clock.now();
      if (waitMs > 0) await clock.wait(Math.min(waitMs, LONGEST_SLEEP_MS), this.#woken.signal);
      else await this.#deliver(stop, force);
    }
  }

  /** A fault of ours must not end the notifications: it is said once, and tried again. */
  async #deliver(stop: AbortSignal, force: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    try {
      await this.#attempts(stop, force);
      this.#fault = undefined;
    } catch (error) {
      if (stop.aborted) return;
      const text = 'A notification failed for a reason that is not the receiver; trying again';
      if (messageOf(error) !== this.#fault) log.error({ err: error }, text);
      this.#fault = messageOf(error);
      await clock.wait(LONGEST_WAIT_MS, stop);
    }
  }

  /** Each attempt tells what there is to be told by then. */
  #attempts(stop: AbortSignal, force: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    return pRetry(() => this.#attempt(stop, force), {
      retries: Number.POSITIVE_INFINITY,
      // The wait is ours: full jitter, or what the receiver asks for.
      minTimeout: 0,
      onFailedAttempt: async ({ error, attemptNumber }) => {
        if (error instanceof NotNow) await clock.wait(waitMs(error.afterMs, attemptNumber), stop);
      },
      shouldRetry: ({ error }) => error instanceof NotNow && !stop.aborted,
    });
  }

  async #attempt(stop: AbortSignal, force: AbortSignal): Promise<void> {
    const { group, about, channel, clock, receiverLog, save } = this.#options;
    stop.throwIfAborted();
    const { entries, isRepeat } = group.message();
    if (entries.length === 0) return;
    const alerts = entries.toSorted(
      (one, other) => Number(one.endsAt !== null) - Number(other.endsAt !== null),
    );
    const message: Message = { ...about, alerts, at: clock.now() };
    const verdict: Verdict = await channel.send(message, force);
    const now = clock.now();
    if (verdict.kind === 'retry') group.failed(entries);
    else group.settle(entries, now, verdict.kind);
    save();
    if (verdict.kind === 'retry' && force.aborted) return;
    receiverLog.observe(verdict, titleOf(message), isRepeat, now);
    if (verdict.kind === 'retry') throw new NotNow(verdict.reason, verdict.afterMs);
  }
}

function waitMs(askedMs: number | undefined, attempt: number): number {
  const backOff = Math.random() * Math.min(SHORTEST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS);
  // Never shorter than our own: a server that asks for no time at all would be overrun.
  return Math.max(backOff, Math.min(askedMs ?? 0, LONGEST_RETRY_AFTER_MS));
}

class NotNow extends Error {
  readonly afterMs: number | undefined;

  constructor(reason: string, afterMs: number | undefined) {
    super(reason);
    this.afterMs = afterMs;
  }
}
