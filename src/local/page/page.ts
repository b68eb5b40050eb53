/**
 * The live page: follows the run's events and draws what they say.
 *
 * Time is the server's: the browser only adds what has passed since the last event, so that a wall screen with a
 * wrong clock shows the right window.
 */
import type { About, Change, Snapshot } from '../wire.js';
import { Chart } from './chart.js';
import { byId } from './element.js';
import { History } from './history.js';
import type { Shared } from './plot.js';
import { type State, showAbout, showCounters, showState } from './status.js';
import { follow } from './stream.js';
import { readTheme } from './theme.js';

/** Data is late after this time, or after three times the usual distance of the sensor's lines. */
const LATE_MS = 5_000;
const LATE_DISTANCES = 3;
const REFRESH_MS = 1_000;
/** The time axis of a young run: it grows with the run to the whole window. */
const SHORTEST_AXIS_MS = 60_000;

interface View {
  readonly about: About;
  readonly history: History;
  readonly charts: readonly Chart[];
  readonly shared: Shared;
  latest: readonly (string | null)[];
}

let view: View | undefined;
let connection: 'connecting' | 'open' | 'lost' = 'connecting';
let lostSince = 0;
let hasReadings = false;
/** The server's clock at the last event, and ours (performance.now) at that moment. */
let serverTime = 0;
let heardAt = 0;
/** When new readings last came, by performance.now. */
let newestAt = 0;

follow({ snapshot: takeSnapshot, change: takeChange, lost: loseConnection });
setInterval(refresh, REFRESH_MS);
document.addEventListener('visibilitychange', refresh);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', recolour);

function takeSnapshot(snapshot: Snapshot): void {
  connection = 'open';
  view = viewOf(snapshot.about);
  showAbout(snapshot.about);
  hasReadings = false;
  take(snapshot);
  const { lastReading } = snapshot.recent;
  if (lastReading !== null) newestAt = heardAt - Math.max(0, snapshot.now - lastReading);
  refresh();
}

function takeChange(change: Change): void {
  take(change);
  refresh();
}

function take(change: Change): void {
  if (!view) return;
  serverTime = change.now;
  heardAt = performance.now();
  if (change.recent.time.length > 0) newestAt = heardAt;
  hasReadings ||= change.recent.lastReading !== null;
  view.shared.end = rightEdge(change);
  view.history.merge(change.recent, view.shared.end);
  view.latest = change.recent.latest;
  showCounters(change.counters);
}

/** Readings may run ahead of a clock that was set back; the window then ends with them, as the server's does. */
function rightEdge(change: Change): number {
  return Math.max(change.now, change.recent.lastReading ?? 0);
}

function loseConnection(): void {
  if (connection !== 'lost') lostSince = Date.now();
  connection = 'lost';
  refresh();
}

/** A fresh history and charts, for each connection may find another run; nothing is kept of the one before. */
function viewOf(about: About): View {
  for (const chart of view?.charts ?? []) chart.destroy();
  const shared: Shared = {
    theme: readTheme(),
    start: 0,
    end: 0,
    gutter: 0,
    widened: redraw,
  };
  const charts = about.metrics.map((metric, index) => new Chart(metric, index, shared));
  byId('charts').replaceChildren(...charts.map((chart) => chart.root));
  return { about, history: new History(about), charts, shared, latest: [] };
}

function refresh(): void {
  showState(currentState());
  if (!view || document.hidden) return;
  byId('waiting').hidden = hasReadings;
  byId('charts').hidden = !hasReadings;
  byId('legend').hidden = !hasReadings;
  if (connection === 'open') draw(view);
}

function currentState(): State {
  if (connection === 'lost') return { name: 'lost', since: lostSince };
  if (connection === 'connecting') return { name: 'connecting' };
  if (!hasReadings) return { name: 'waiting' };
  const forMs = performance.now() - newestAt;
  const late = Math.max(LATE_MS, LATE_DISTANCES * (view?.history.usualDistance() ?? 0));
  return forMs > late ? { name: 'quiet', forMs } : { name: 'live' };
}

function draw({ about, history, charts, shared, latest }: View): void {
  shared.end = Math.max(shared.end, serverTime + performance.now() - heardAt);
  shared.start = Math.min(history.start ?? 0, shared.end - SHORTEST_AXIS_MS);
  shared.start = Math.max(shared.start, shared.end - about.windowMs);
  const defects = history.defects();
  const lines = charts.map((_, index) => history.line(index));
  charts.forEach((chart, index) => {
    const line = lines[index];
    if (line) chart.update(line, defects, latest[index] ?? null);
  });
  byId('legend-band').hidden = !lines.some((line) => line.spread);
}

function recolour(): void {
  if (!view) return;
  view.shared.theme = readTheme();
  redraw();
}

function redraw(): void {
  for (const chart of view?.charts ?? []) chart.redraw();
}
