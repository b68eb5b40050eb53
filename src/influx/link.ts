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
