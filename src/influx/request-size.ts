/** What gets through at any speed at which readings can be sent at all. */
const LEAST_BYTES = 16 * 1024;
const MOST_BYTES = 1024 * 1024;
/** Twice as much takes about twice as long: what took longer than this part of the time limit is enough. */
const SHORT_PART = 0.25;
/** Halves of the lines are not quite halves of the bytes. */
const MARGIN = 1.1;
const MOST_PATIENCE = 64;

/**
 * How much is sent together: a long backlog of small entries goes out in large requests, as long as they get through.
 * A slow line would else never see the end of one within the time limit, and deliver nothing.
 */
export class RequestSize {
  readonly #shortMs: number;
  #bytes = MOST_BYTES;
  #most = MOST_BYTES;
  /** So many full requests are taken before more is tried: the more of them, the more often that was in vain. */
  #patience = 1;
  #taken = 0;
  #isTrial = false;

  /** `timeoutMs`: by when a request must be answered; absent where it is not. */
  constructor(timeoutMs = Number.POSITIVE_INFINITY) {
    this.#shortMs = timeoutMs * SHORT_PART;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether it is known that so much is too much, as it is of what was made ready before. */
  isExceededBy(bytes: number): boolean {
    return bytes > this.#bytes * MARGIN;
  }

  /** So much was taken, in that time. */
  accepted(bytes: number, tookMs: number): void {
    const isFull = bytes * 2 > this.#bytes;
    if (!isFull || tookMs >= this.#shortMs) return;
    if (this.#isTrial) this.#patience = 1;
    this.#isTrial = false;
    this.#taken += 1;
    if (this.#taken >= this.#patience && this.#bytes < this.#most) this.#tryMore();
  }

  /** So much did not get through. Returns whether its halves may. */
  cutOff(bytes: number): boolean {
    if (bytes <= LEAST_BYTES) return false;
    if (this.#isTrial) this.#patience = Math.min(this.#patience * 2, MOST_PATIENCE);
    this.#isTrial = false;
    this.#taken = 0;
    this.#bytes = Math.min(this.#bytes, halfOf(bytes));
    return true;
  }

  /** So much is more than the server takes, now and later. */
  tooLarge(bytes: number): void {
    this.#most = Math.min(this.#most, halfOf(bytes));
    this.#bytes = Math.min(this.#bytes, this.#most);
  }

  #tryMore(): void {
    this.#bytes = Math.min(this.#bytes * 2, this.#most);
    this.#taken = 0;
    this.#isTrial = true;
  }
}

function halfOf(bytes: number): number {
  return Math.max(LEAST_BYTES, bytes / 2);
}
