import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { REJECTED_FILES } from './rejected.js';

/** What lies in `rejected/`, by reason, the newest reason first. */
export interface RejectedSummary {
  readonly lines: number;
  readonly reasons: readonly { readonly reason: string; readonly lines: number; readonly newest: string }[];
}

/** The comment above rejected lines: time, how many, why. */
const HEADER = /^# (\S+) (\d+) (?:of these \d+ )?lines refused: (.*)$/;

/** Sums up the rejected lines that a run has set aside in `directory`. */
export async function readRejected(directory: string): Promise<RejectedSummary> {
  const reasons = new Map<string, { lines: number; newest: string }>();
  for (const name of [...REJECTED_FILES].reverse()) {
    const file = join(directory, name);
    if (!existsSync(file)) continue;
    for await (const line of createInterface({ input: createReadStream(file) })) {
      const [, newest, count, reason] = HEADER.exec(line) ?? [];
      if (newest === undefined || reason === undefined) continue;
      reasons.set(reason, { lines: (reasons.get(reason)?.lines ?? 0) + Number(count), newest });
    }
  }
  const list = [...reasons].map(([reason, found]) => ({ reason, ...found }));
  return {
    lines: list.reduce((sum, { lines }) => sum + lines, 0),
    reasons: list.toSorted((a, b) => (a.newest < b.newest ? 1 : -1)),
  };
}
