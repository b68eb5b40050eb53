import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Takes as long whatever is the same. */
export function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/** The token of an Authorization header. Grafana may send blanks behind it. */
export function bearerOf({ headers }: IncomingMessage): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
}

const WINDOW_MS = 60_000;
const MOST_FAILURES = 10;
const MOST_ADDRESSES = 10_000;

/** Counts wrong tokens by who sent them: so many a minute, and no more are looked at until it is over. */
export class Attempts {
  readonly #failures = new Map<string, { count: number; readonly since: number }>();
  readonly #shutOut: (address: string) => void;
  readonly #now: () => number;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** @param shutOut is told, at most once a minute, whose tokens are looked at no more */
  constructor(shutOut: (address: string) => void = () => {}, now: () => number = () => performance.now()) {
    this.#shutOut = shutOut;
    this.#now = now;
  }

  /** Seconds until tokens are looked at again; 0: they are. */
  wait(request: IncomingMessage): number {
    const known = this.#failures.get(addressOf(request));
    if (known === undefined || known.count < MOST_FAILURES) return 0;
    return Math.max(0, Math.ceil((known.since + WINDOW_MS - this.#now()) / 1_000));
  }

  failed(request: IncomingMessage): void {
    const address = addressOf(request);
    const known = this.#failures.get(address);
    const isOver = known === undefined || this.#now() - known.since >= WINDOW_MS;
    const failures = isOver ? { count: 0, since: this.#now() } : known;
    failures.count += 1;
    this.#failures.delete(address);
    this.#failures.set(address, failures);
    if (this.#failures.size > MOST_ADDRESSES) {
      this.#failures.delete(this.#failures.keys().next().value as string);
    }
    if (failures.count !== MOST_FAILURES || this.#now() - this.#toldAt < WINDOW_MS) return;
    this.#toldAt = this.#now();
    this.#shutOut(address);
  }
}

/** A network of IPv6 is one sender: it has more addresses than anybody could count. */
function addressOf({ socket }: IncomingMessage): string {
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  return address.includes(':') ? address.split(':').slice(0, 4).join(':') : address;
}
