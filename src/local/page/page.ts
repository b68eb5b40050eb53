/**
 * The page: follows the run's events, asks for what its view shows, and draws it.
 *
 * Time is the server's: the browser only adds what has passed since the last event, so that a wall screen with a
 * wrong clock shows the right window.
 */
import type { Alerts, Series, Status } from '../api.js';
import { type Refusal, Track } from './ask.js';
import { Board } from './board.js';
import { otherKinds } from './charts-of-runner.js';
import { askAlerts, askCoarse, askFine, type Coarse } from './data.js';
import { byId } from './element.js';
import type { Shared } from './plot.js';
import { type Connection, LOGIN_ENDED, showAbout, showCounters, showState, showTrouble } from './status.js';
import { Stream } from './stream.js';
import { readTheme } from './theme.js';
import { listen, showView } from './toolbar.js';
import {
  type Bounds,
  between,
  bounded,
  moved,
  type Span,
  searchOf,
  spanOf,
  type View,
  viewOf,
  zoomed,
} from './view.js';

const TICK_MS = 500;
/** A live view is asked for anew when a bucket is full, but no more and no less often than this. */
const MIN_LIVE_MS = 950;
const MAX_LIVE_MS = 15_000;
/** Errors and the runner's metrics come without readings too. */
const IDLE_MS = 5_000;
const ALERTS_MS = 5_000;
const RETRY_MS = 3_000;

let connection: Connection = { name: 'connecting' };
let status: Status | undefined;
let view: View = viewOf(location.search);
let board: Board | undefined;
let fine: { readonly span: Span; readonly series: Series } | undefined;
let coarse: Coarse | undefined;
let alerts: Alerts | undefined;
let refusal: string | undefined;
/** The server's clock at the last event, and ours (performance.now) at that moment. */
let serverTime = Date.now();
let heardAt = performance.now();
/** By performance.now; when the two were last asked for. */
let seriesAt = Number.NEGATIVE_INFINITY;
let alertsAt = Number.NEGATIVE_INFINITY;
/** The newest reading when the series were last asked for: without a newer one there is little to ask. */
let newestAsked: Status['newest'] | undefined;
let retry: ReturnType<typeof setTimeout> | undefined;

const fineTrack = new Track();
const coarseTrack = new Track();
const alertsTrack = new Track();

const shared: Shared = {
  theme: readTheme(),
  span: spanOf(view, serverTime),
  gutter: 0,
  dragging: false,
  widened: () => queueMicrotask(() => board?.redraw()),
  zoomTo: (from, to) => go(between(from, to, bounds())),
  zoomOut: () => go(zoomed(view, 2, bounds())),
};

listen({ view: () => view, bounds, go, showNewest });
new Stream({ status: takeStatus, alert: askForAlerts, lost: loseConnection });
setInterval(tick, TICK_MS);
document.addEventListener('visibilitychange', tick);
addEventListener('popstate', () => show(bounded(viewOf(location.search), bounds())));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', recolour);

function takeStatus(next: Status): void {
  const before = status;
  const isOther = connection.name !== 'open' || before?.run !== next.run;
  connection = { name: 'open' };
  status = next;
  serverTime = next.now;
  heardAt = performance.now();
  if (before?.run !== next.run) startOver(next, []);
  board?.showStatus(next);
  showCounters(next);
  if (isOther) show(bounded(view, bounds()));
  else tick();
}

function loseConnection(refused?: Refusal): void {
  const since = connection.name === 'lost' ? connection.since : Date.now();
  connection = { name: 'lost', since, refusal: refused };
  tick();
}

/** Nothing is kept of a run before, or of a definition before. */
function startOver({ about }: Status, otherKinds: readonly string[]): void {
  board?.destroy();
  [fine, coarse, alerts] = [undefined, undefined, undefined];
  shared.gutter = 0;
  board = new Board(about, otherKinds, shared, {
    zoom: (direction) => go(zoomed(view, direction === 'in' ? 0.5 : 2, bounds())),
    move: (direction) => go(moved(view, direction, bounds())),
  });
  byId('board').replaceChildren(board.root);
  showAbout(about);
}

/** A view that someone chose: it has a place in the browser's history. */
function go(next: View): void {
  history.pushState(null, '', `${location.pathname}${searchOf(next)}`);
  show(next);
}

function show(next: View): void {
  view = next;
  shared.span = spanOf(view, serverNow());
  board?.redraw();
  [seriesAt, alertsAt] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  tick();
}

function tick(): void {
  const now = serverNow();
  showState(connection, status, now);
  showTrouble(status, connection.name === 'open' ? refusal : undefined);
  showView(view, spanOf(view, now), bounds(), newestElsewhere(spanOf(view, now)));
  const empty = status !== undefined && status.newest === null && status.oldest === null;
  byId('waiting').hidden = !empty;
  byId('board').hidden = empty;
  if (!document.hidden && connection.name === 'open' && !shared.dragging) askWhatIsDue(now);
}

function askWhatIsDue(now: number): void {
  const span = spanOf(view, now);
  const age = performance.now() - seriesAt;
  const every = Math.max(MIN_LIVE_MS, Math.min(MAX_LIVE_MS, (span.to - span.from) / (board?.pixels ?? 1)));
  const isNew = seriesAt === Number.NEGATIVE_INFINITY;
  const isNewer = status?.newest !== newestAsked || age > IDLE_MS;
  if (isNew || (view.live && isNewer && !isAskingForSeries() && age > every)) askForSeries(now);
  const areNew = alertsAt === Number.NEGATIVE_INFINITY;
  if (areNew || (!alertsTrack.busy && performance.now() - alertsAt > ALERTS_MS)) askForAlerts();
}

function isAskingForSeries(): boolean {
  return fineTrack.busy || coarseTrack.busy;
}

function askForSeries(now: number): void {
  if (!board) return;
  const span = spanOf(view, now);
  seriesAt = performance.now();
  newestAsked = status?.newest;
  document.body.toggleAttribute('data-loading', true);
  const { pixels } = board;
  const { metrics } = board.about;
  fineTrack.run(
    (signal) => askFine(span, metrics, pixels, signal),
    (series) => {
      fine = { span, series };
      draw();
    },
    refuse,
  );
  coarseTrack.run(
    (signal) => askCoarse(span, metrics, pixels, now, signal),
    (answer) => {
      coarse = answer;
      draw();
    },
    refuse,
  );
}

function askForAlerts(): void {
  if (!status) return;
  const span = spanOf(view, serverNow());
  alertsAt = performance.now();
  alertsTrack.run(
    (signal) => askAlerts(span, signal),
    (answer) => {
      alerts = answer;
      draw();
    },
    refuse,
  );
}

function refuse({ message, status }: Refusal): void {
  refusal =
    status === 401
      ? LOGIN_ENDED
      : `The data could not be asked for: ${message}. Trying again; if this stays, see the run’s log.`;
  document.body.toggleAttribute('data-loading', false);
  clearTimeout(retry);
  retry = setTimeout(() => show(view), RETRY_MS);
  tick();
}

function draw(): void {
  if (!board || !status || !fine || !alerts || shared.dragging) return;
  refusal = undefined;
  document.body.toggleAttribute('data-loading', isAskingForSeries());
  const others = coarse === undefined ? [] : otherKinds(status.about, coarse);
  if (others.some((kind) => !board?.kinds.includes(kind))) {
    const kept = { fine, coarse, alerts };
    startOver(status, others);
    ({ fine, coarse, alerts } = kept);
    board.showStatus(status);
  }
  shared.span = fine.span;
  // Where nothing is recorded the last state of an alert holds no longer than the readings.
  const evaluatedUntil = status.recording ? serverNow() : (status.newest ?? 0);
  board.show({ span: fine.span, fine: fine.series, coarse, alerts }, serverNow(), evaluatedUntil);
}

/** The time of the newest reading, where the charts are empty and it is not in them. */
function newestElsewhere(span: Span): number | undefined {
  const newest = status?.newest;
  if (newest == null || !fine || fineTrack.busy || (newest >= span.from && newest <= span.to)) return;
  const counts = Object.values(fine.series.metrics).map(({ count }) => count ?? []);
  return counts.flat().some((count) => Number(count) > 0) ? undefined : newest;
}

function showNewest(newest: number): void {
  const { from, to } = spanOf(view, serverNow());
  go(between(newest - (to - from) / 2, newest + (to - from) / 2, bounds()));
}

function recolour(): void {
  shared.theme = readTheme();
  board?.redraw();
}

/** What is kept for ever reaches back to the epoch. */
function bounds(): Bounds {
  const now = serverNow();
  return { now, reachMs: Math.min(status?.about.reachMs ?? Number.POSITIVE_INFINITY, Math.floor(now)) };
}

/** Readings may run ahead of a clock that was set back. */
function serverNow(): number {
  return Math.max(serverTime + performance.now() - heardAt, status?.newest ?? 0);
}
