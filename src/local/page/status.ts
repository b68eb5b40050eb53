/** What is written above the charts: whose numbers these are, how the run is, and its counters. */
import type { About, Recording, Status } from '../api.js';
import { byId, element } from './element.js';
import { formatCount } from './format.js';
import { formatAge, formatLength, formatTime } from './moments.js';

export type Connection =
  | { readonly name: 'connecting' }
  | { readonly name: 'open' }
  | {
      readonly name: 'lost';
      readonly since: number;
      readonly refusal?: { status: number | undefined } | undefined;
    };

const WORDS = {
  connecting: 'connecting',
  lost: 'disconnected',
  stored: 'no run: what is stored',
  waiting: 'waiting for the first reading',
  failing: 'storing fails',
  held: 'refused by the database',
  offline: 'database away',
  quiet: 'no new data',
  live: 'live',
} as const;
type State = keyof typeof WORDS;

const TROUBLE: Partial<Record<State, string>> = {
  failing: 'Readings cannot be stored. See the run’s log: the disk may be full, or the file not writable.',
  held: 'The database refuses readings; they wait on disk. Check its token, bucket and database: the run’s log says more.',
  offline:
    'The database cannot be reached. Readings wait on disk and are sent when it is back; nothing is to be done here.',
};

export const LOGIN_ENDED =
  'The server asks who you are: your login has ended. Load this page again to log in.';

const LATE_MS = 5_000;

const COUNTERS: readonly { key: keyof Recording['counters']; bad?: true; words: string }[] = [
  { key: 'read', words: 'Lines that the sensor printed' },
  { key: 'stored', words: 'Lines that the destination has taken' },
  { key: 'queued', words: 'Lines on their way' },
  { key: 'rejected', bad: true, words: 'Lines refused for good' },
  { key: 'dropped', bad: true, words: 'Lines given up for want of room' },
  { key: 'errors', bad: true, words: 'Everything that went wrong' },
  { key: 'defects', words: 'Lines of zeros only' },
  { key: 'restarts', bad: true, words: 'How often the sensor was started again' },
];

export function showAbout(about: About): void {
  const { sensor, env, destination, reachMs, metrics } = about;
  byId('sensor').textContent = sensor;
  byId('logout').hidden = !about.login;
  const reach = reachMs > 600_000 ? '' : ` · this page keeps ${formatLength(reachMs)}`;
  byId('origin').textContent = `environment ${env} · ${destination}${reach}`;
  const columns = metrics.map(({ name, type }) => `${name} (${type})`);
  const numbers = columns.length === 1 ? 'one number' : `${columns.length} numbers`;
  byId('awaited').textContent =
    `The charts appear with the first line that ${sensor} prints, which should hold ${numbers}: ${columns.join(', ')}. ` +
    'A line that does not fit counts as an error. If none comes, look at the run’s log, or run the sensor by hand to see what it prints.';
}

export function showState(connection: Connection, status: Status | undefined, now: number): void {
  const state = stateOf(connection, status, now);
  document.body.dataset.state = state;
  // Only the words are a live region: a count of seconds would be read aloud every second.
  setText(byId('state'), WORDS[state]);
  const age = status?.newest == null ? '' : formatAge(now - status.newest);
  setText(byId('state-detail'), state === 'quiet' ? ` for ${age}` : '');

  const lost = byId('lost');
  lost.hidden = connection.name !== 'lost';
  if (connection.name === 'lost') setText(lost, lossText(connection));
  const sensor = status?.about.sensor ?? '';
  document.title = `${state === 'lost' ? 'Disconnected: ' : ''}${sensor} · Visualizer`;
}

/** Trouble of the run, or of a question that the server did not answer. */
export function showTrouble(status: Status | undefined, refusal: string | undefined): void {
  const state = status?.recording?.state;
  const text = refusal ?? (state ? TROUBLE[state as State] : undefined);
  const banner = byId('trouble');
  banner.hidden = text === undefined;
  setText(banner, text ?? '');
}

export function showCounters({ recording }: Status): void {
  const counters = byId('counters');
  counters.hidden = recording === undefined;
  if (!recording) return;
  counters.replaceChildren(
    ...COUNTERS.map(({ key, bad, words }) => {
      const count = recording.counters[key];
      const group = element(
        'div',
        { title: words },
        element('dt', {}, key),
        element('dd', {}, formatCount(count)),
      );
      if (bad) group.dataset.bad = String(count > 0);
      return group;
    }),
  );
}

function stateOf(connection: Connection, status: Status | undefined, now: number): State {
  if (connection.name === 'lost') return 'lost';
  if (connection.name === 'connecting' || !status) return 'connecting';
  const { recording, newest } = status;
  if (!recording) return 'stored';
  const { state } = recording;
  if (state === 'failing' || state === 'held' || state === 'offline') return state;
  if (newest === null) return 'waiting';
  return now - newest > LATE_MS ? 'quiet' : 'live';
}

function lossText({ since, refusal }: Connection & { name: 'lost' }): string {
  if (refusal?.status === 401) {
    return LOGIN_ENDED;
  }
  if (refusal?.status) return `The server refuses the event stream (HTTP ${refusal.status}); trying again.`;
  return `Disconnected since ${formatTime(since)}. The run has ended or cannot be reached; reconnecting. Start it again with visualizer run, or look at what is stored with visualizer view.`;
}

/** An unchanged text is left alone, or a live region would be read aloud again. */
function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}
