/** What is written above the charts: whose numbers these are, how the run is, and its counters. */
import type { About, Counters } from '../wire.js';
import { byId, element } from './element.js';
import { formatAge, formatCount, formatTime } from './format.js';

export type State =
  | { readonly name: 'connecting' }
  | { readonly name: 'waiting' }
  | { readonly name: 'live' }
  | { readonly name: 'quiet'; readonly forMs: number }
  | { readonly name: 'lost'; readonly since: number };

const WORDS = {
  connecting: 'connecting',
  waiting: 'waiting for the first reading',
  live: 'live',
  quiet: 'no new data',
  lost: 'disconnected',
} as const;

/** The first ones are always shown, the others once they are not zero. */
const COUNTERS: readonly { key: keyof Counters; always: boolean; tone?: 'bad' | 'defect' }[] = [
  { key: 'read', always: true },
  { key: 'stored', always: true },
  { key: 'queued', always: true },
  { key: 'errors', always: true, tone: 'bad' },
  { key: 'defects', always: true, tone: 'defect' },
  { key: 'rejected', always: false, tone: 'bad' },
  { key: 'dropped', always: false, tone: 'bad' },
  { key: 'restarts', always: false, tone: 'bad' },
];

export function showAbout(about: About): void {
  byId('sensor').textContent = about.sensor;
  byId('origin').textContent = `environment ${about.env} · ${about.destination} · last 10 min`;
  const metrics = about.metrics.map(({ name, type }) => `${name} (${type})`);
  const numbers = metrics.length === 1 ? 'one number' : `${metrics.length} numbers`;
  byId('awaited').textContent =
    `The charts appear with the first line that ${about.sensor} prints, which should hold ${numbers}: ${metrics.join(', ')}. ` +
    'A line that does not fit counts as an error.';
}

export function showState(state: State): void {
  document.body.dataset.state = state.name;
  // Only the words are a live region: a count of seconds would be read aloud every second.
  setText(byId('state'), WORDS[state.name]);
  setText(byId('state-detail'), state.name === 'quiet' ? ` for ${formatAge(state.forMs)}` : '');

  const banner = byId('banner');
  banner.hidden = state.name !== 'lost';
  if (state.name === 'lost') {
    const since = `Disconnected since ${formatTime(state.since)}.`;
    setText(banner, `${since} The run has ended or cannot be reached; reconnecting.`);
  }
  const sensor = byId('sensor').textContent;
  document.title = `${state.name === 'lost' ? 'Disconnected: ' : ''}${sensor} · Visualizer`;
}

export function showCounters(counters: Counters): void {
  const shown = COUNTERS.filter(({ key, always }) => always || counters[key] > 0);
  byId('counters').replaceChildren(
    ...shown.map(({ key, tone }) => {
      const group = element('div', {}, element('dt', {}, key), element('dd', {}, formatCount(counters[key])));
      if (tone && counters[key] > 0) group.dataset.tone = tone;
      return group;
    }),
  );
}

/** An unchanged text is left alone, or a live region would be read aloud again. */
function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}
