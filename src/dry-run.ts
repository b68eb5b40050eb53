import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { Destination } from './destination.js';
import type { LineProtocol } from './influx/line-protocol.js';
import type { Ledger } from './ledger.js';

/** Prints what would be sent, and sends nothing: `--dry-run`. */
export function dryRun(output: Writable, lineProtocol: LineProtocol, ledger: Ledger): Destination {
  return {
    name: 'standard output',
    async write(batch) {
      if (!output.write(lineProtocol.encode(batch))) await once(output, 'drain');
      ledger.delivered(batch.readings.length);
    },
    async close() {},
  };
}
