import type { Timing } from '../alerting/timing.js';
import type { Told } from './notice.js';

/**
 * What one receiver is told of together, and what it was told so far. It compares rather than queues: a message is
 * made of what differs at the moment it is sent, so that an outage of the receiver ends with one message, and what
 * waits is bounded by the number of alerts. Pure and without a clock of its own.
 */
export interface Entry extends Told {
  readonly key: string;
  /** Whether the receiver believes that it fires. */
  readonly told: boolean;
  /** Whether it was tried to be told: then it is told even where it has ended meanwhile. */
  readonly tried: boolean;
  /** Since when the receiver has been owed a message of it; null where it is owed none, or would not have it. */
  readonly changedAt: number | null;
}

export interface GroupState {
  readonly entries: readonly Entry[];
  /** When the newest message was. */
  readonly lastAt: number | null;
  /** Whether the receiver would not have it. */
  readonly refused: boolean;
}

/** A run that goes on knows by then what still fires. */
const SETTLING_MS = 15_000;

export type Change = Told & { readonly key: string };

export class Group {
  readonly #timing: Timing;
  readonly #entries = new Map<string, Entry>();
  #lastAt: number | null;
  #refused = false;
  #notBefore = 0;

  /**
   * What an earlier run could not tell is told even where it has ended since; what was refused then is owed again,
   * since somebody may have mended it.
   */
  constructor(timing: Timing, saved?: GroupState, now = 0) {
    this.#timing = timing;
    this.#lastAt = saved === undefined || saved.refused ? null : saved.lastAt;
    if (saved === undefined) return;
    this.#notBefore = now + SETTLING_MS;
    for (const entry of saved.entries) {
      const fires = entry.endsAt === null;
      const told = entry.told && !(saved.refused && fires);
      const restored = { ...entry, told, tried: entry.tried || (fires && !told) };
      const owedAt = isOwed(restored) ? now : null;
      this.#entries.set(entry.key, { ...restored, changedAt: entry.changedAt ?? owedAt });
    }
  }

  get state(): GroupState {
    return { entries: [...this.#entries.values()], lastAt: this.#lastAt, refused: this.#refused };
  }

  get intervalMs(): number {
    return this.#timing.intervalMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Those that fire, as far as is known here. */
  firing(): Entry[] {
    return [...this.#entries.values()].filter(({ endsAt }) => endsAt === null);
  }

  /** Whether there is anything new in it. */
  take(change: Change, now: number): boolean {
    const before = this.#entries.get(change.key);
    const ends = change.endsAt !== null;
    if (ends && (before === undefined || before.endsAt !== null)) return false;
    if (!ends && before?.endsAt === null) {
      this.#entries.set(change.key, { ...before, value: change.value, annotations: change.annotations });
      return false;
    }
    const startsAt = ends ? (before as Entry).startsAt : change.startsAt;
    // The clock may have been set back since it began.
    const endsAt = change.endsAt === null ? null : Math.max(change.endsAt, startsAt);
    const { told = false, tried = false } = before ?? {};
    const after = { ...change, startsAt, endsAt, told, tried };
    // One that comes again before anybody was told has been owed a message since it first came.
    const changedAt = told && !ends ? null : (before?.changedAt ?? now);
    this.#entries.set(change.key, { ...after, changedAt });
    return true;
  }

  /** When the next message is due; Infinity for never, as things are. */
  dueAt(now: number): number {
    const { waitMs, intervalMs, repeatMs } = this.#timing;
    this.#comeBackTo(now);
    this.#forgetBlips(now);
    const all = [...this.#entries.values()];
    const last = this.#lastAt ?? Number.NEGATIVE_INFINITY;
    const changed = Math.min(
      ...all.filter(isOwed).map(({ changedAt }) => changedAt ?? Number.POSITIVE_INFINITY),
    );
    const fires = all.some(({ endsAt, told }) => endsAt === null && told);
    const repeat = fires ? last + repeatMs : Number.POSITIVE_INFINITY;
    return Math.max(Math.min(Math.max(changed + waitMs, last + intervalMs), repeat), this.#notBefore);
  }

  /** What a message of now tells: all that fires, and what has ended since the one before. */
  message(): { readonly entries: readonly Entry[]; readonly isRepeat: boolean } {
    const all = [...this.#entries.values()];
    const entries = all.filter((entry) => entry.endsAt === null || isOwed(entry));
    return { entries, isRepeat: !all.some(isOwed) };
  }

  /** The message did not arrive, and will be tried again. */
  failed(entries: readonly Entry[]): void {
    for (const { key } of entries) {
      const current = this.#entries.get(key);
      if (current !== undefined) this.#entries.set(key, { ...current, tried: true });
    }
  }

  /**
   * The message has arrived, or would not be taken: what has changed since it was made is owed from now on. An end
   * that was refused goes with the next message, or the next run's first, lest an incident stays open for ever; one
   * that is refused a second time is given up.
   */
  settle(entries: readonly Entry[], now: number, outcome: 'sent' | 'refused'): void {
    this.#lastAt = now;
    this.#refused = outcome === 'refused';
    for (const { key, endsAt, changedAt } of entries) {
      const current = this.#entries.get(key);
      if (current === undefined) continue;
      const told = endsAt === null;
      const fires = current.endsAt === null;
      const comesLater = this.#refused && changedAt !== null;
      if (!told && !fires && comesLater) {
        this.#entries.set(key, { ...current, told, tried: true, changedAt: null });
      } else if (!told && !fires) this.#entries.delete(key);
      else this.#entries.set(key, { ...current, told, tried: false, changedAt: told === fires ? null : now });
    }
  }

  /** The wall clock may be set back: nobody waits for it to come round again. */
  #comeBackTo(now: number): void {
    this.#notBefore = Math.min(this.#notBefore, now + SETTLING_MS);
    if (this.#lastAt !== null) this.#lastAt = Math.min(this.#lastAt, now);
    for (const [key, entry] of this.#entries) {
      if ((entry.changedAt ?? 0) > now) this.#entries.set(key, { ...entry, changedAt: now });
    }
  }

  /** One that came and went before it was to be told is kept for a while, in case that it flaps. */
  #forgetBlips(now: number): void {
    for (const [key, entry] of this.#entries) {
      const isBlip = entry.endsAt !== null && !isOwed(entry);
      if (isBlip && now - (entry.changedAt ?? 0) >= this.#timing.intervalMs) this.#entries.delete(key);
    }
  }
}

function isOwed({ endsAt, told, tried }: Entry): boolean {
  return endsAt === null ? !told : told || tried;
}
