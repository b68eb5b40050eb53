import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { NEWLINE } from '../ascii.js';
import { systemCodeOf } from '../errors.js';
import { authorityOf } from './authority.js';
import type { Link } from './link.js';
import { type Verdict, verdictOf } from './verdict.js';

export interface UdpOptions {
  readonly host: string;
  readonly port: number;
  /** The largest datagram of more than one line. */
  readonly payloadBytes: number;
}

/** What fits into a datagram at all, on IPv4. */
const LARGEST_DATAGRAM = 65_507;

/**
 * A pause after every few datagrams of a long body, so that the receiver's socket buffer (about 90 datagrams by
 * default on Linux) is emptied in between. Measured with influxd 1.6 on two busy cores: at 20,000 lines a second
 * next to nothing is lost, at 45,000 up to 4 %.
 */
const BURST_DATAGRAMS = 4;
const PAUSE_MS = 1;

/** How long a write waits for the news that nobody listens, which comes back by ICMP. */
const REFUSAL_MS = 100;

/** A host name may have got another address since, and a lost datagram does not tell. */
const LOOKUP_AGE_MS = 60_000;

/**
 * Line protocol over UDP, for the listener of InfluxDB 1.x. Nobody answers: what was handed to the operating
 * system is accepted, and may still be lost on the way. The one thing that comes back is that nobody listens
 * (ECONNREFUSED, on a connected socket). It comes late, and does not say which datagram it is about; so a write
 * waits for it a moment, and then answers for all of its lines: sent twice, they overwrite themselves. Where it
 * comes later still, the write after it fails instead, unsent.
 */
export class UdpLink implements Link {
  readonly name: string;
  readonly #options: UdpOptions;
  #socket: Socket | undefined;
  #openedAt = 0;
  /** What the socket reported by itself, until a write has told it. */
  #reported: Error | undefined;
  /** A name may have an address where nobody listens (`localhost`: ::1, 127.0.0.1): each failure turns to the next. */
  #failures = 0;

  constructor(options: UdpOptions) {
    const { host, port } = options;
    this.name = `InfluxDB at ${authorityOf(host, port)} over UDP`;
    this.#options = options;
  }

  async write(lines: Buffer, signal: AbortSignal): Promise<Verdict> {
    const datagrams = pack(lines, this.#options.payloadBytes);
    // Looked for before anything is sent: the other lines are sent once, in requests of their own.
    const longest = datagrams.reduce((most, { length }) => Math.max(most, length), 0);
    if (longest > LARGEST_DATAGRAM) return tooLong(longest);

    const closeSocket = () => this.#closeSocket();
    signal.addEventListener('abort', closeSocket, { once: true });
    try {
      return await this.#send(datagrams, signal);
    } catch (error) {
      this.#closeSocket();
      this.#failures += 1;
      return verdictOf({ failure: error as Error });
    } finally {
      signal.removeEventListener('abort', closeSocket);
    }
  }

  async close(): Promise<void> {
    this.#closeSocket();
  }

  async #send(datagrams: readonly Buffer[], signal: AbortSignal): Promise<Verdict> {
    this.#throwReported();
    const socket = await this.#connected(signal);
    for (const [index, datagram] of datagrams.entries()) {
      if (index % BURST_DATAGRAMS === BURST_DATAGRAMS - 1) await delay(PAUSE_MS, undefined, { signal });
      this.#throwReported();
      if (!(await fits(socket, datagram))) return tooLong(datagram.length);
    }
    await delay(REFUSAL_MS, undefined, { signal });
    this.#throwReported();
    return { kind: 'accepted' };
  }

  #throwReported(): void {
    const reported = this.#reported;
    this.#reported = undefined;
    if (reported !== undefined) throw reported;
  }

  async #connected(signal: AbortSignal): Promise<Socket> {
    const { host, port } = this.#options;
    if (performance.now() - this.#openedAt > LOOKUP_AGE_MS) this.#closeSocket();
    if (this.#socket !== undefined) return this.#socket;

    const addresses = await unlessAborted(lookup(host, { all: true }), signal);
    const { address, family } = addresses[this.#failures % addresses.length] as (typeof addresses)[0];
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    this.#socket = socket;
    this.#openedAt = performance.now();
    socket.on('error', (error) => {
      if (this.#socket === socket) this.#reported = error;
    });
    socket.connect(port, address);
    await once(socket, 'connect', { signal });
    return socket;
  }

  #closeSocket(): void {
    this.#socket?.close();
    this.#socket = undefined;
    this.#reported = undefined;
  }
}

/** Whole lines, in order, in datagrams of at most `payloadBytes`; a longer line has one of its own. */
function pack(lines: Buffer, payloadBytes: number): Buffer[] {
  const datagrams: Buffer[] = [];
  let start = 0;
  let end = 0;
  while (end < lines.length) {
    const newline = lines.indexOf(NEWLINE, end);
    const next = newline === -1 ? lines.length : newline + 1;
    if (next - start > payloadBytes && end > start) {
      datagrams.push(lines.subarray(start, end));
      start = end;
    }
    end = next;
  }
  if (end > start) datagrams.push(lines.subarray(start, end));
  return datagrams;
}

/**
 * Sends a datagram, and tells whether the system allows one of this size. Asked twice: on a connected socket,
 * "too long" may be news about an earlier datagram that a router could not pass on whole; from then on the system
 * sends in fragments.
 */
async function fits(socket: Socket, datagram: Buffer): Promise<boolean> {
  return (await allowed(socket, datagram)) || (await allowed(socket, datagram));
}

async function allowed(socket: Socket, datagram: Buffer): Promise<boolean> {
  try {
    await send(socket, datagram);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'EMSGSIZE') return false;
    throw error;
  }
}

function send(socket: Socket, datagram: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(datagram, (error) => (error ? reject(error) : resolve()));
  });
}

function tooLong(bytes: number): Verdict {
  return { kind: 'refused', reason: `${bytes} bytes are too long for one datagram (--use-udp)` };
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
