import { messageOf, systemCodeOf } from './errors.js';
import type { Log } from './log.js';

/** Asked for this often at most. */
const STATUS_MS = 10_000;
/** Longer than systemd-notify itself waits for the manager (5 s). */
const CALL_MS = 6_000;
const READY = 'READY=1';
const STOPPING = 'STOPPING=1';
const WATCHDOG = 'WATCHDOG=1';

export interface SystemdOptions {
  /** `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID` and `PATH` are looked at. */
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Log;
  /** For tests. */
  readonly statusMs?: number;
}

/**
 * Tells systemd how the run goes, where it has asked for it by `NOTIFY_SOCKET`; does nothing at all elsewhere.
 *
 * Node has no datagram sockets of the Unix kind, so `systemd-notify` carries each message; the unit needs
 * `NotifyAccess=all`, since that is a child. One call runs at a time, messages keep their order, and none ever holds
 * up or fails the run. The watchdog is fed by a timer: as long as the event loop lives, and no longer.
 */
export class Systemd {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #log: Log;
  readonly #statusMs: number;
  /** What waits for its turn. */
  #queue: string[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  #working: Promise<void> | undefined;
  #status: (() => string) | undefined;
  #toldStatus: string | undefined;
  #warned = false;
  /** Nobody has asked, the program is missing, or it is over. */
  #silent: boolean;

  constructor({ environment, log, statusMs = STATUS_MS }: SystemdOptions) {
    this.#environment = environment;
    this.#log = log;
    this.#statusMs = statusMs;
    this.#silent = !environment.NOTIFY_SOCKET;
    const watchdogMs = watchdogOf(environment);
    if (!this.#silent && watchdogMs !== undefined) this.#every(watchdogMs / 2, () => this.#ping());
  }

  /** What `systemctl status` shows; asked for every 10 s, and told where it has changed. */
  show(status: () => string): void {
    const begins = this.#status === undefined;
    this.#status = status;
    if (this.#silent || !begins) return;
    this.#every(this.#statusMs, () => this.#tellStatus());
    this.#tellStatus();
  }

  /** The run has begun. */
  ready(): void {
    this.#send(READY);
  }

  stopping(): void {
    this.#send(STOPPING);
  }

  /** Waits for what is under way, and says that the run stops where that was to be said; then no more. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#silent = true;
    this.#queue = this.#queue.filter((message) => message === READY || message === STOPPING);
    await this.#working;
  }

  #every(milliseconds: number, action: () => void): void {
    this.#timers.push(setInterval(action, milliseconds).unref());
  }

  #ping(): void {
    if (!this.#queue.includes(WATCHDOG)) this.#send(WATCHDOG);
  }

  #tellStatus(): void {
    const status = `STATUS=${this.#status?.().replace(/\p{Cc}/gu, ' ')}`;
    if (status === this.#toldStatus || this.#queue.some((message) => message.startsWith('STATUS='))) return;
    this.#toldStatus = status;
    this.#send(status);
  }

  #send(message: string): void {
    if (this.#silent) return;
    this.#queue.push(message);
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      try {
        await this.#call(next);
      } catch (error) {
        this.#warn(error);
      }
    }
    this.#working = undefined;
  }

  async #call(message: string): Promise<void> {
    const { execa } = await import('execa');
    const { PATH, NOTIFY_SOCKET } = this.#environment;
    await execa('systemd-notify', [message], {
      extendEnv: false,
      env: { ...(PATH !== undefined && { PATH }), NOTIFY_SOCKET },
      stdin: 'ignore',
      stdout: 'ignore',
      timeout: CALL_MS,
      forceKillAfterDelay: 500,
    });
  }

  #warn(error: unknown): void {
    const { cause } = error as { cause?: unknown };
    const isMissing = systemCodeOf(cause ?? error) === 'ENOENT';
    if (isMissing) {
      this.#silent = true;
      this.#queue = [];
    }
    if (this.#warned) return;
    this.#warned = true;
    const reason = isMissing ? 'there is no program systemd-notify' : messageOf(error);
    this.#log.warn({ reason }, 'systemd asked to be told how the run goes, and cannot be told');
  }
}

/** The time within which the watchdog wants to hear of this process, in ms; undefined where it does not. */
function watchdogOf({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number | undefined {
  const milliseconds = Number(WATCHDOG_USEC) / 1_000;
  if (WATCHDOG_PID && Number(WATCHDOG_PID) !== process.pid) return undefined;
  // systemd writes an endless time as the largest number there is.
  return milliseconds > 0 && milliseconds < 2 ** 31 ? milliseconds : undefined;
}
