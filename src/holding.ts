import type { Destination } from './destination.js';
import { messageOf } from './errors.js';
import type { Ledger } from './ledger.js';
import type { Log } from './log.js';
import type { Batch } from './reading.js';

/** How many readings wait in memory while the disk takes none: some 50 MB. */
const LIMIT = 200_000;

/**
 * Makes a destination whose disk may be full for a while: a batch that it does not take is held, and written
 * before the next one; beyond a bound the oldest are dropped, and counted. `write` never rejects.
 */
export function holdWhileFailing(
  destination: Destination,
  { ledger, log, limit = LIMIT }: { ledger: Ledger; log: Log; limit?: number },
): Destination {
  const held: Batch[] = [];
  let failing = false;

  const writeAll = async () => {
    for (let batch = held[0]; batch !== undefined; batch = held[0]) {
      await destination.write(batch);
      held.shift();
    }
  };

  const dropOldest = () => {
    const oldest = held.shift() as Batch;
    ledger.dropped(oldest.readings.length);
    ledger.error('error.buffer_overflow', oldest.readings.length);
    if (held[0] !== undefined) held[0] = withoutReadings(oldest, held[0]);
  };

  return {
    name: destination.name,
    runnerFields: () => destination.runnerFields?.() ?? {},
    history: (from) => destination.history?.(from) ?? NOTHING,
    async write(batch) {
      held.push(batch);
      try {
        await writeAll();
        if (failing) log.info(`Readings are stored in the ${destination.name} again`);
        failing = false;
      } catch (error) {
        const text = `Readings cannot be stored in the ${destination.name}; they wait in memory`;
        if (!failing) log.error({ cause: messageOf(error) }, text);
        failing = true;
        while (held.length > 1 && sizeOf(held) > limit) dropOldest();
      }
    },
    async close() {
      await writeAll().catch((error: unknown) => {
        log.error(
          { cause: messageOf(error), readings: sizeOf(held) },
          'Readings are lost: they could not be stored',
        );
        while (held.length > 0) dropOldest();
      });
      await destination.close();
    },
  };
}

const NOTHING: AsyncIterable<never> = {
  async *[Symbol.asyncIterator]() {},
};

/** What outlives a dropped batch in the one after it: its counts, and the errors that it told of. */
function withoutReadings(dropped: Batch, next: Batch): Batch {
  const errors = dropped.points.filter(({ kind, fields }) => kind !== undefined && fields.value !== 0);
  return {
    readings: next.readings,
    points: [...errors, ...next.points],
    refused: dropped.refused + next.refused,
    lost: dropped.lost + dropped.readings.length + next.lost,
  };
}

function sizeOf(batches: readonly Batch[]): number {
  return batches.reduce((size, { readings }) => size + readings.length, 0);
}
