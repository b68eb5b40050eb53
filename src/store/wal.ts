import { copyFileSync, existsSync, truncateSync } from 'node:fs';
import { messageOf } from '../errors.js';
import type { Log } from '../log.js';

/**
 * After a power failure a file system may leave zeros, or rubbish, at the end of DuckDB's write-ahead log. A
 * torn tail is skipped by DuckDB; a damaged one keeps it from opening:
 *
 *     Failure while replaying WAL file "...": Corrupt WAL file: entry at byte position 54460 computed checksum ...
 *
 * The position is where the entry's body begins, after its size and its checksum of 8 bytes each.
 */
export const DAMAGED_LOG = /Failure while replaying WAL/;
const POSITION = /entry at byte position (\d+)/;
const ENTRY_HEADER_BYTES = 16;

/**
 * Opens a database; where its log is damaged, sets the log aside as a copy, cuts the log before the first
 * damaged entry (the whole of it where that position is not known), says so, and opens what is sound.
 */
export async function openPastDamage<T>(file: string, open: () => Promise<T>, log: Log): Promise<T> {
  const wal = `${file}.wal`;
  let aside: string | undefined;
  let kept = Number.POSITIVE_INFINITY;
  while (true) {
    try {
      return await open();
    } catch (error) {
      const message = messageOf(error);
      const sound = Math.max(0, Number(POSITION.exec(message)?.[1] ?? 0) - ENTRY_HEADER_BYTES);
      if (!DAMAGED_LOG.test(message) || !existsSync(wal) || sound >= kept) throw error;
      kept = sound;
      if (aside === undefined) {
        aside = `${wal}.damaged-${new Date().toISOString().replaceAll(':', '-')}`;
        copyFileSync(wal, aside);
      }
      truncateSync(wal, sound);
      log.error(
        { wal, aside, soundBytes: sound, cause: message },
        'The write-ahead log of the store is damaged: readings of its last moments are lost. A copy of it was set aside',
      );
    }
  }
}
