/** However much gets through, more at once gains nothing. */
const MOST_BYTES = 1024 * 1024;
/** What gets through at any speed at which readings can be sent at all. */
const LEAST_BYTES = 16 * 1024;
/** Halves of the lines are not quite halves of the bytes. */
const MARGIN = 1.1;
/** Twice as much takes about twice as long: what took longer than this part of the time limit is enough. */
const SHORT_PART = 0.25;
const MOST_PATIENCE = 64;

/**
 * How much is sent together: a long backlog of small entries goes out in large requests, as long as they get through.
 * A slow line would else never see the end of one within the time limit, and deliver nothing.
 */
export class RequestSize {
  readonly #shortMs: number;
  /** What gets through, as far as is known: there is no limit before something was too much. */
  #limit = Number.POSITIVE_INFINITY;
  /** What the server takes at all. */
  #most = Number.POSITIVE_INFINITY;
  /** So many full requests are taken before more is tried: the more of them, the more often that was in vain. */
  #patience = 1;
  #taken = 0;
  #isTrial = false;

  /** `timeoutMs`: by when a request must be answered; absent where it is not. */
  constructor(timeoutMs = Number.POSITIVE_INFINITY) {
    this.#shortMs = timeoutMs * SHORT_PART;
  }

  /** How much is to be put together. */
  get bytes(): number {
    return Math.min(this.#limit, MOST_BYTES);
  }

  /** Whether it is known that so much is too much, as it is of what was made ready before. */
  isExceededBy(bytes: number): boolean {
    return bytes > this.#limit * MARGIN;
  }

  /** So much was taken, in that time. */
  accepted(bytes: number, tookMs: number): void {
    const isFull = bytes * 2 > this.#limit;
    if (!isFull || tookMs >= this.#shortMs) return;
    if (this.#isTrial) this.#patience = 1;
    this.#isTrial = false;
    this.#taken += 1;
    if (this.#taken >= this.#patience && this.#limit < this.#most) this.#tryMore();
  }

  /** So much did not get through. Returns whether its halves may. */
  cutOff(bytes: number): boolean {
    if (bytes <= LEAST_BYTES) return false;
    if (this.#isTrial) this.#patience = Math.min(this.#patience * 2, MOST_PATIENCE);
    this.#isTrial = false;
    this.#taken = 0;
    this.#limit = Math.min(this.#limit, halfOf(bytes));
    return true;
  }

  /** So much is more than the server takes, now and later. */
  tooLarge(bytes: number): void {
    this.#most = Math.min(this.#most, halfOf(bytes));
    this.#limit = Math.min(this.#limit, this.#most);
  }

  #tryMore(): void {
    this.#limit = Math.min(this.#limit * 2, this.#most);
    this.#taken = 0;
    this.#isTrial = true;
  }
}

function halfOf(bytes: number): number {
  return Math.max(LEAST_BYTES, bytes / 2);
}
