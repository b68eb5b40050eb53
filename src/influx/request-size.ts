/** What gets through at any speed at which readings can be sent at all. */
const LEAST_BYTES = 16 * 1024;
const MOST_BYTES = 1024 * 1024;
/** Twice as much takes about twice as long: what took longer than this part of the time limit is enough. */
const SHORT_PART = 0.25;

/**
 * How much is sent together: a long backlog of small entries goes out in large requests, as long as they get through.
 * A slow line would else never see the end of one within the time limit, and deliver nothing.
 */
export class RequestSize {
  readonly #shortMs: number;
  #bytes = MOST_BYTES;
  #most = MOST_BYTES;

  /** `timeoutMs`: by when a request must be answered; absent where it is not. */
  constructor(timeoutMs = Number.POSITIVE_INFINITY) {
    this.#shortMs = timeoutMs * SHORT_PART;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** So much was taken, in that time. */
  accepted(bytes: number, tookMs: number): void {
    const isFull = bytes * 2 > this.#bytes;
    if (isFull && tookMs < this.#shortMs) this.#bytes = Math.min(this.#bytes * 2, this.#most);
  }

  /** So much did not get through. Returns whether its halves may. */
  cutOff(bytes: number): boolean {
    if (bytes <= LEAST_BYTES) return false;
    this.#halve(bytes);
    return true;
  }

  /** So much is more than the server takes, now and later. */
  tooLarge(bytes: number): void {
    this.#halve(bytes);
    this.#most = this.#bytes;
  }

  #halve(bytes: number): void {
    this.#bytes = Math.max(LEAST_BYTES, Math.min(this.#bytes, bytes / 2));
  }
}
