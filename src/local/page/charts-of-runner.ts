/** What goes wrong, kind by kind, and how the runner itself does. */
import type { About, Numeric, Series } from '../api.js';
import type { Chart } from './chart.js';
import { formatNumber, formatShort } from './format.js';
import { rowsOf, wholeRows } from './rows.js';

export const DEFECTS = 'defects';

const KIND_WORDS: Readonly<Record<string, string>> = {
  'error.line': 'lines that do not fit the definition',
  'error.sensor_exit': 'the sensor ended and was started again',
  'error.sensor_stuck': 'the sensor hung and was started again',
  batch_sending_error: 'lines that the database refused, see rejected/',
  connectivity_error: 'attempts that did not reach the database',
  'error.buffer_overflow': 'readings given up for want of room',
  defects: 'lines of zeros only',
};

/** What every runner counts besides `error.<metric>`. */
const KINDS = Object.keys(KIND_WORDS).filter((kind) => kind !== DEFECTS);

/** Each with its own lane; `others` are those of a definition before this one. */
export function errorKindsOf({ metrics, defects }: About, others: readonly string[]): string[] {
  const kinds = [...metrics.map(({ name }) => `error.${name}`), ...KINDS, ...others];
  return defects ? [...kinds, DEFECTS] : kinds;
}

/** Kinds of which there are counts, but which this definition does not have. */
export function otherKinds(about: About, { errors }: Series): string[] {
  const known = errorKindsOf(about, []);
  return Object.keys(errors).filter((kind) => !known.includes(kind));
}

export function kindWords(kind: string): string {
  return KIND_WORDS[kind] ?? `values of ${kind.replace(/^error\./, '')} that are no number of its type`;
}

export function countsOf({ errors, defects }: Series, kind: string): readonly number[] {
  return kind === DEFECTS ? defects : (errors[kind] ?? []);
}

export function errorsChart({ alerts }: About, kinds: readonly string[]): Chart {
  return {
    id: 'errors',
    title: 'over time',
    hint: 'A lane for each kind; its highest bar is the most of that kind in a bucket. All should be empty.',
    width: 'main',
    colour: 0,
    lanes: true,
    columns: kinds.map((label) => ({
      label,
      style: 'lane',
      format: formatNumber,
      ...(label === DEFECTS ? { tone: 'defect' } : {}),
      limits: alerts.filter(({ counts }) => counts === label || (counts === 'any' && label !== DEFECTS)),
    })),
    watched: alerts.filter(({ counts }) => counts !== undefined),
    rows: ({ coarse }) =>
      coarse &&
      laned(
        coarse,
        kinds.map((kind) => countsOf(coarse, kind)),
      ),
  };
}

export function runnerCharts(): Chart[] {
  const plain = { colour: 0, width: 'quarter' } as const;
  const short = (value: number | string) => formatShort(Number(value));
  const lost = ['restarts', 'rejected', 'dropped'];
  return [
    {
      ...plain,
      id: 'runner.lines',
      title: 'lines per second',
      hint: 'What the sensor printed, and what was stored. Stored below read means that lines wait.',
      columns: [
        { label: 'read', style: 'stairs', format: short },
        { label: 'stored', style: 'dashed', format: short },
      ],
      holds: 0,
      rows: ({ coarse }) => {
        if (coarse === undefined) return undefined;
        const columns = [rates(coarse, coarse.runner.read), rates(coarse, stored(coarse))];
        return wholeRows(rowsOf(coarse, columns), coarse);
      },
    },
    {
      ...plain,
      id: 'runner.queued',
      title: 'lines queued',
      hint: 'Lines that wait to be stored. A few are usual; if they climb, the database is away or too slow.',
      columns: [{ label: 'queued', style: 'stairs', format: formatNumber }],
      holds: 0,
      rows: ({ coarse }) => coarse && rowsOf(coarse, [coarse.runner.queued ?? []]),
    },
    {
      ...plain,
      id: 'runner.blocked',
      title: 'time blocked',
      unit: '%',
      hint: 'How much of the time lines had to wait for the runner: more than now and then means that the disk is too slow.',
      columns: [{ label: 'blocked', style: 'bars', format: short }],
      holds: 1,
      rows: ({ coarse }) => coarse && rowsOf(coarse, [shares(coarse, coarse.runner.blocked_ms)]),
    },
    {
      ...plain,
      id: 'runner.lost',
      title: 'restarts and lost lines',
      hint: 'Restarts of the sensor, lines refused for good, and lines given up. All should be empty.',
      lanes: true,
      columns: lost.map((label) => ({ label, style: 'lane', format: formatNumber })),
      rows: ({ coarse }) =>
        coarse &&
        laned(
          coarse,
          lost.map((field) => (coarse.runner[field] ?? []).map(Number)),
        ),
    },
  ];
}

function laned({ times, every }: Series, columns: readonly (readonly number[])[]) {
  return { times, columns: columns.map((column) => times.map((_, row) => column[row] ?? 0)), every };
}

/** Of the embedded store and of an InfluxDB it is the same field under its old and its new name. */
function stored({ runner }: Series): readonly Numeric[] | undefined {
  return runner.stored ?? runner.delivered;
}

function rates({ every }: Series, increases: readonly Numeric[] = []): (number | null)[] {
  return increases.map((value) => (value === null ? null : (Number(value) * 1_000) / every));
}

/** The total is as it was: its rises, in parts of a bucket's time. A total starts again with each run. */
function shares({ every }: Series, totals: readonly Numeric[] = []): (number | null)[] {
  let before: number | null = null;
  return totals.map((value) => {
    if (value === null) return null;
    const rise = before === null ? null : Math.max(0, Number(value) - before);
    before = Number(value);
    return rise === null ? null : Math.min(100, (rise * 100) / every);
  });
}
