/**
 * Buckets that will not change any more, kept in memory: timestamps rise for the life of a store, so a bucket that
 * ends before the newest stored reading is complete. A chart of 30 days that follows the present is then asked for its
 * last buckets only, and not for 2.6 million rows each time.
 *
 * For each question and width of bucket one stretch is kept, the one that was asked last. What is asked anew begins
 * some buckets before what is new, so that differences between its first line and the line before are not lost.
 */
import { askSeries, type Measured } from '../queries/answers.js';
import type { Question } from '../queries/query.js';
import type { Value } from '../reading.js';
import type { StoreRows } from '../store/reader.js';
import type { Buckets } from './window.js';

/** A column has an entry for each bucket. */
export type BucketColumns = Measured<readonly (Value | null)[]>;

/** By error kind; of other questions there is one, named by no text, or none where nothing was found. */
type Answer = ReadonlyMap<string, BucketColumns>;

interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly answer: Answer;
}

/** For the questions of a dozen views. */
const STRETCHES = 400;
/** The runner's metrics come every 10 s. */
const LEAD_MS = 30_000;

export class BucketMemory {
  readonly #rows: StoreRows;
  readonly #env: string;
  /** Up to when everything is stored; null before the first reading. */
  readonly #storedUntil: () => number | null;
  /** The one that was used last is the last. */
  readonly #stretches = new Map<string, Stretch>();

  constructor(rows: StoreRows, env: string, storedUntil: () => number | null) {
    this.#rows = rows;
    this.#env = env;
    this.#storedUntil = storedUntil;
  }

  async ask(question: Question, buckets: Buckets, signal: AbortSignal): Promise<Answer> {
    const { from, to, every } = buckets;
    const key = JSON.stringify([question, every]);
    const complete = Math.floor((this.#storedUntil() ?? 0) / every) * every;
    const known = this.#stretches.get(key);
    const isUseful = known !== undefined && known.from <= from && from < known.to;
    const begin = isUseful ? Math.min(known.to, to) : from;
    const fresh = begin < to ? await this.#askFresh(question, { from: begin, to, every }, signal) : undefined;
    const parts = [...(isUseful ? [cut(known, from, begin, every)] : []), ...(fresh ? [fresh] : [])];
    const answer = joined(question, parts, every);
    if (fresh !== undefined) this.#keep(key, { from, to: Math.min(to, complete), answer }, every);
    return answer;
  }

  async #askFresh(question: Question, { from, to, every }: Buckets, signal: AbortSignal): Promise<Stretch> {
    const isPair = question.numbers.differences !== undefined;
    const lead = isPair ? (Math.ceil(LEAD_MS / every) + 1) * every : 0;
    // Both ends of a window are inside: a bucket of what is exactly at `to` comes with it, and is cut off.
    const scope = { env: this.#env, time: { fromMs: from - lead, toMs: to } };
    const rows = (sql: string) => this.#rows(sql, signal);
    const series = await askSeries(rows, question, scope, every);
    const answer = new Map(series.map(({ kind = '', values }) => [kind, values]));
    return cut({ from: scope.time.fromMs, to: to + every, answer }, from, to, every);
  }

  #keep(key: string, stretch: Stretch, every: number): void {
    this.#stretches.delete(key);
    if (stretch.to <= stretch.from) return;
    this.#stretches.set(key, cut(stretch, stretch.from, stretch.to, every));
    for (const oldest of this.#stretches.keys()) {
      if (this.#stretches.size <= STRETCHES) break;
      this.#stretches.delete(oldest);
    }
  }
}

function cut(stretch: Stretch, from: number, to: number, every: number): Stretch {
  const [first, last] = [(from - stretch.from) / every, (to - stretch.from) / every];
  const answer = [...stretch.answer].map(([kind, columns]) => {
    return [kind, mapped(columns, (column) => column.slice(first, last))] as const;
  });
  return { from, to, answer: new Map(answer) };
}

/** One after the other; a series that is missing in one of them has nothing there. */
function joined({ measures, numbers }: Question, parts: readonly Stretch[], every: number): Answer {
  const kinds = new Set(parts.flatMap(({ answer }) => [...answer.keys()]));
  return new Map(
    [...kinds].map((kind) => {
      const columns = measures.map((measure) => {
        const counted = measure === 'count' || measure === 'repeats' || numbers.of === 'errors';
        const column = parts.flatMap(({ from, to, answer }) => {
          return answer.get(kind)?.[measure] ?? new Array((to - from) / every).fill(counted ? 0 : null);
        });
        return [measure, column] as const;
      });
      return [kind, Object.fromEntries(columns)];
    }),
  );
}

function mapped<T>(columns: BucketColumns, change: (column: readonly (Value | null)[]) => T): Measured<T> {
  return Object.fromEntries(Object.entries(columns).map(([measure, column]) => [measure, change(column)]));
}
