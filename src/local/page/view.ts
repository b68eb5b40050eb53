/** Which time the charts show, as the URL has it: the last so much (`?range=1h`), or a fixed one (`?from=&to=`). */

export type View =
  | { readonly live: true; readonly lengthMs: number }
  | { readonly live: false; readonly from: number; readonly to: number };

/** ms since the epoch. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What can be asked for: nothing after now, nothing older than the reach. */
export interface Bounds {
  readonly now: number;
  readonly reachMs: number;
}

const UNITS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const;
const DEFAULT = { live: true, lengthMs: 5 * UNITS.m } as const;
const SHORTEST_MS = 10_000;
/** The latest time that the API takes. */
const LATEST_MS = 4_102_444_800_000;

export function defaultView(): View {
  return DEFAULT;
}

/** What a URL's search part says; the default where it says nothing that makes sense. */
export function viewOf(search: string): View {
  const parameters = new URLSearchParams(search);
  const lengthMs = lengthOf(parameters.get('range') ?? '');
  if (lengthMs !== undefined) return { live: true, lengthMs };
  const [from, to] = [momentOf(parameters.get('from')), momentOf(parameters.get('to'))];
  return from + SHORTEST_MS <= to ? { live: false, from, to } : DEFAULT;
}

export function searchOf(view: View): string {
  if (!view.live) return `?from=${view.from}&to=${view.to}`;
  return view.lengthMs === DEFAULT.lengthMs ? '' : `?range=${lengthText(view.lengthMs)}`;
}

/** Of `5m`, `90s`, `7d`. */
export function lengthOf(text: string): number | undefined {
  const [, count, unit] = /^([1-9]\d{0,8})([smhd])$/.exec(text) ?? [];
  const length = Number(count) * UNITS[(unit ?? 's') as keyof typeof UNITS];
  return length >= SHORTEST_MS ? length : undefined;
}

export function spanOf(view: View, now: number): Span {
  return view.live ? { from: Math.max(0, now - view.lengthMs), to: now } : { from: view.from, to: view.to };
}

/** What is longer than can be asked for is no longer. */
export function bounded(view: View, { reachMs }: Bounds): View {
  return view.live && view.lengthMs > reachMs ? { live: true, lengthMs: reachMs } : view;
}

/** Around the middle, or up to now; a factor above 1 shows more. */
export function zoomed(view: View, factor: number, bounds: Bounds): View {
  const { from, to } = spanOf(view, bounds.now);
  const lengthMs = clamp(whole((to - from) * factor), SHORTEST_MS, bounds.reachMs);
  return view.live ? { live: true, lengthMs } : fixed((from + to - lengthMs) / 2, lengthMs, bounds);
}

/** By half of what is shown; who arrives at now follows it. */
export function moved(view: View, direction: -1 | 1, bounds: Bounds): View {
  const { from, to } = spanOf(view, bounds.now);
  const lengthMs = whole(to - from);
  if (to + (direction * lengthMs) / 2 >= bounds.now) return { live: true, lengthMs };
  return fixed(from + (direction * lengthMs) / 2, lengthMs, bounds);
}

/** What was marked in a chart. */
export function between(from: number, to: number, bounds: Bounds): View {
  return fixed(from, Math.max(SHORTEST_MS, to - from), bounds);
}

/** From fixed to following, of the same length, and back. */
export function toggled(view: View, bounds: Bounds): View {
  if (!view.live) return bounded({ live: true, lengthMs: whole(view.to - view.from) }, bounds);
  return fixed(bounds.now - view.lengthMs, view.lengthMs, bounds);
}

function fixed(from: number, lengthMs: number, { now, reachMs }: Bounds): View {
  const start = Math.round(Math.max(now - reachMs, Math.min(from, now - lengthMs)));
  return { live: false, from: start, to: Math.round(start + lengthMs) };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

function whole(ms: number): number {
  return Math.max(SHORTEST_MS, Math.round(ms / 1_000) * 1_000);
}

function momentOf(text: string | null): number {
  const moment = text !== null && /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  return moment <= LATEST_MS ? moment : Number.NaN;
}

/** In the largest unit that divides it. */
function lengthText(ms: number): string {
  const [unit, size] = Object.entries(UNITS).find(([, size]) => ms % size === 0 && ms > size) ?? [
    's',
    UNITS.s,
  ];
  return `${Math.round(ms / size)}${unit}`;
}
