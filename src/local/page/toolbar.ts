/** The buttons for time, and in words what is shown. */
import { byId } from './element.js';
import { formatLength, formatMoment, formatSpan } from './moments.js';
import {
  type Bounds,
  bounded,
  defaultView,
  lengthOf,
  moved,
  type Span,
  toggled,
  type View,
  zoomed,
} from './view.js';

/** What the buttons act on. */
export interface Steering {
  readonly view: () => View;
  readonly bounds: () => Bounds;
  readonly go: (view: View) => void;
  readonly showNewest: (newest: number) => void;
}

export function listen({ view, bounds, go, showNewest }: Steering): void {
  for (const button of rangeButtons()) {
    button.addEventListener('click', () => {
      const lengthMs = lengthOf(button.dataset.range ?? '');
      if (lengthMs !== undefined) go({ live: true, lengthMs });
    });
  }
  const actions: Record<string, (view: View) => View> = {
    live: (view) => toggled(view, bounds()),
    earlier: (view) => moved(view, -1, bounds()),
    later: (view) => moved(view, 1, bounds()),
    'zoom-out': (view) => zoomed(view, 2, bounds()),
    'zoom-in': (view) => zoomed(view, 0.5, bounds()),
    reset: () => bounded(defaultView(), bounds()),
  };
  for (const [id, act] of Object.entries(actions)) {
    byId(id).addEventListener('click', () => go(act(view())));
  }
  byId('newest').addEventListener('click', () => showNewest(Number(byId('newest').dataset.time)));
}

/** `newest`: the time of a reading where there is none in sight. */
export function showView(view: View, span: Span, { now, reachMs }: Bounds, newest: number | undefined): void {
  for (const button of rangeButtons()) {
    const lengthMs = lengthOf(button.dataset.range ?? '') ?? 0;
    button.disabled = lengthMs > reachMs;
    button.title = button.disabled ? `This page keeps the last ${formatLength(reachMs)} only` : '';
    button.setAttribute('aria-pressed', String(view.live && view.lengthMs === lengthMs));
  }
  byId('live').setAttribute('aria-pressed', String(view.live));
  (byId('later') as HTMLButtonElement).disabled = view.live;
  (byId('zoom-out') as HTMLButtonElement).disabled = span.to - span.from >= reachMs;
  byId('newest').hidden = newest === undefined;
  byId('newest').dataset.time = String(newest);
  byId('span').textContent =
    newest === undefined
      ? `${formatSpan(span, now)} · ${formatLength(span.to - span.from)}`
      : `No readings here; the newest is of ${formatMoment(newest, now)}`;
}

function rangeButtons(): HTMLButtonElement[] {
  return [...document.querySelectorAll<HTMLButtonElement>('[data-range]')];
}
