import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { Destination } from './destination.js';
import type { LineProtocol } from './influx/line-protocol.js';
import type { Ledger } from './ledger.js';

/** Prints what would be sent, and sends nothing: `--dry-run`. */
export function dryRun(output: Writable, first: LineProtocol, ledger: Ledger): Destination {
  let lineProtocol = first;
  return {
    name: 'standard output',
    state: () => 'recording',
    async redefine(definition) {
      lineProtocol = lineProtocol.redefined(definition);
    },
    async write(batch) {
      if (!output.write(Buffer.from(lineProtocol.encode(batch)))) await once(output, 'drain');
      ledger.delivered(batch.readings.length);
    },
    async close() {},
  };
}
