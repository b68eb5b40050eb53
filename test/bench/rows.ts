import { quantile, type Samples } from './samples.js';

/** What the table shows, in its order, and what is wanted. */
interface RowPlan {
  readonly what: string;
  readonly sample: string;
  /** Of the runs: the median unless said otherwise. */
  readonly share?: number;
  readonly show: (value: number) => string;
  readonly atLeast?: number;
  readonly below?: number;
  /** The row says nothing where the peer is missing. */
  readonly onlyBesidePeer?: boolean;
  readonly peer?: { readonly name: string; readonly sample: string; readonly atLeast?: number };
}

export interface Row {
  readonly what: string;
  readonly measured: string;
  readonly wanted: string;
  /** What was measured (or its ratio to the peer, where that is what is wanted), divided by what is wanted. */
  readonly share: string;
  readonly peer: string;
  readonly ratio: string;
}

const MEGABYTE = 1_000_000;
const MOST_MEMORY = 150 * MEGABYTE;
const HIGHEST = 1;

const lines = (value: number) => Math.round(value).toLocaleString('en-US');
const megabytes = (value: number) => `${Math.round(value / MEGABYTE)} MB`;
const milliseconds = (value: number) => `${Math.round(value)} ms`;
const seconds = (value: number) => `${value.toFixed(2)} s`;
const percent = (value: number) => `${value.toFixed(2)} %`;

const BARE = 'a bare loop in Node that splits lines and concatenates strings';

const PLANS: readonly RowPlan[] = [
  {
    what: 'lines/s from a pipe to a server that answers at once',
    sample: 'http.rate',
    show: lines,
    atLeast: 500_000,
    peer: { name: BARE, sample: 'bare.rate' },
  },
  {
    what: 'CPU for a million lines, the whole process',
    sample: 'http.cpu',
    show: seconds,
    below: 2.5,
    peer: { name: BARE, sample: 'bare.cpu' },
  },
  {
    what: 'peak memory at that rate (the highest of all runs)',
    sample: 'http.peak',
    share: HIGHEST,
    show: megabytes,
    below: MOST_MEMORY,
  },
  {
    what: 'lines/s into an influxd 1.x on the same machine',
    sample: 'influxdb.rate',
    show: lines,
    peer: { name: 'a bare loop that posts ready-made bodies', sample: 'poster.rate', atLeast: 0.95 },
  },
  { what: 'lines/s into the embedded store', sample: 'embedded.rate', show: lines, atLeast: 400_000 },
  {
    what: 'peak memory at that rate (the highest of all runs)',
    sample: 'embedded.peak',
    share: HIGHEST,
    show: megabytes,
    below: MOST_MEMORY,
  },
  {
    what: 'from the start of `run` to the first line stored by the server (flush interval 10 ms)',
    sample: 'start-up.ms',
    show: milliseconds,
    below: 300,
    peer: { name: '`node -e 0`, to its end', sample: 'node.ms' },
  },
  {
    what: 'the same, by the first start after an installation',
    sample: 'first-start-up.ms',
    show: milliseconds,
    peer: { name: '`node -e 0`, to its end', sample: 'node.ms' },
  },
  { what: 'CPU at a line a second, of one core', sample: 'idle.cpu', show: percent, below: 0.5 },
  {
    what: 'a line a second: 99 of 100 are acknowledged within (flush interval 1 s)',
    sample: 'latency.ms',
    share: 0.99,
    show: milliseconds,
    below: 1_050,
  },
  {
    what: 'lines/s from a pipe to that server, beside a Python program',
    onlyBesidePeer: true,
    sample: 'http.rate',
    show: lines,
    peer: { name: 'python3-influxdb, one request a line', sample: 'python.rate', atLeast: 300 },
  },
  {
    what: 'lines/s from a pipe to that server, beside Telegraf',
    onlyBesidePeer: true,
    sample: 'http.rate',
    show: lines,
    peer: { name: 'Telegraf: execd, csv, influxdb_v2', sample: 'telegraf.rate' },
  },
  {
    what: 'lines/s at the end of a long run',
    sample: 'uptime.late.rate',
    show: lines,
    peer: { name: 'minute 1', sample: 'uptime.early.rate' },
  },
  {
    what: 'memory at its end',
    sample: 'uptime.late.resident',
    show: megabytes,
    peer: { name: 'minute 1', sample: 'uptime.early.resident' },
  },
  {
    what: 'its peak memory',
    sample: 'uptime.peak',
    share: HIGHEST,
    show: megabytes,
    below: MOST_MEMORY,
  },
  ...['10', '100', '1000'].map((size) => ({
    what: `from the start of \`run\` until it records, on a buffer of ${size} MB`,
    sample: `backlog.open.${size}`,
    show: milliseconds,
    peer: { name: 'an empty buffer', sample: 'backlog.open.0' },
  })),
  {
    what: 'peak memory while 1 GB gathers in the buffer',
    sample: 'backlog.fill.peak',
    share: HIGHEST,
    show: megabytes,
    below: MOST_MEMORY,
  },
  {
    what: 'peak memory while 1 GB is drained',
    sample: 'backlog.drain.peak',
    share: HIGHEST,
    show: megabytes,
    below: MOST_MEMORY,
  },
  { what: 'lines/s while it is drained', sample: 'backlog.drain.rate', show: lines },
  ...(['hour', 'first'] as const).map((question) => ({
    what: `the page asks for ${question === 'hour' ? 'an hour' : 'all'} of 20 million readings`,
    sample: `history.20.${question}`,
    show: milliseconds,
    peer: { name: 'of 1 million', sample: `history.1.${question}` },
  })),
  {
    what: 'peak memory of that page',
    sample: 'history.20.peak',
    share: HIGHEST,
    show: megabytes,
    peer: { name: 'of 1 million', sample: 'history.1.peak' },
  },
];

/** Those rows whose samples were taken. */
export function rowsOf({ numbers }: Samples): Row[] {
  const isMeasured = (sample = '') => sample in numbers;
  return PLANS.filter(
    ({ sample, onlyBesidePeer, peer }) => isMeasured(sample) && (!onlyBesidePeer || isMeasured(peer?.sample)),
  ).map((plan) => rowOf(plan, numbers));
}

function rowOf(plan: RowPlan, numbers: Samples['numbers']): Row {
  const { what, sample, share = 0.5, show, atLeast, below, peer } = plan;
  const measured = quantile(numbers[sample] ?? [], share);
  const beside = peer && numbers[peer.sample] ? quantile(numbers[peer.sample] ?? [], share) : undefined;
  const ratio = peer && beside !== undefined ? ratioOf(plan, numbers) : undefined;
  const wanted = atLeast ?? below;
  const wantedRatio = peer?.atLeast;
  return {
    what,
    measured: show(measured),
    wanted: wantedText(plan),
    share: shareText(wanted === undefined ? ratio : measured, wanted ?? wantedRatio),
    peer: peer === undefined || beside === undefined ? '' : `${peer.name}: ${show(beside)}`,
    ratio: ratio === undefined ? '' : significant(ratio),
  };
}

/** The median of each run's: a machine that others slow down slows both of a run. */
function ratioOf({ sample, peer }: RowPlan, numbers: Samples['numbers']): number {
  const own = numbers[sample] ?? [];
  const others = numbers[peer?.sample ?? ''] ?? [];
  const pairs = own.slice(0, others.length).map((measured, run) => measured / (others[run] as number));
  return quantile(pairs, 0.5);
}

function wantedText({ show, atLeast, below, peer }: RowPlan): string {
  if (atLeast !== undefined) return `${show(atLeast)} or more`;
  if (below !== undefined) return `under ${show(below)}`;
  if (peer?.atLeast !== undefined) return `a ratio of ${peer.atLeast} or more`;
  return '';
}

function shareText(measured: number | undefined, wanted: number | undefined): string {
  return measured === undefined || wanted === undefined ? '' : significant(measured / wanted);
}

function significant(ratio: number): string {
  return ratio >= 100 ? String(Math.round(ratio)) : ratio.toPrecision(2);
}
