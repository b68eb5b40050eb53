import type { ErrorKind } from '../../src/definition.js';
import { type Second, sensorLines } from './timeline.js';

/** Everything that can go wrong, and which alert is meant to tell of it. */
export interface Fault {
  readonly name: string;
  readonly help: string;
  readonly alert: string;
  timeline(): Promise<Second[]>;
  /** Seconds of the timeline that are delivered late, at the end of it. */
  readonly late?: Span;
  /** Seconds of the timeline in which Grafana's queries fail. */
  readonly unanswered?: Span;
}

export type Span = readonly [from: number, to: number];

/**
 * After a good hour, where the load's sine is near its bottom: `cpu-load-high`, which the sine sets off in each
 * period, has just ended and is not due before three minutes.
 */
export const FAULT_AT = 3_800;
export const END = FAULT_AT + 600;
const SEED = 7;
/** How long the faults of the link last. */
const AWAY: Span = [FAULT_AT, FAULT_AT + 180];

export const FAULTS: readonly Fault[] = [
  ofSensor('cpu-high', 'the load stays near 9.5', 'cpu-load-high'),
  ofSensor('cpu-low', 'the load stays near 1.5', 'cpu-load-low'),
  ofSensor('cpu-spread', 'the load jumps between 3 and 9', 'cpu-load-spread-wide'),
  ofSensor('cpu-flat', 'the load is always 6.25', 'cpu-load-spread-zero'),
  ofSensor('cpu-overload', 'every 10th load is near 15', 'cpu-load-overload'),
  ofSensor('random-repeat', 'every 5th random value is the same', 'random-value-repeats'),
  ofSensor('random-narrow', 'the random value stays within a quarter of its range', 'random-value-narrow'),
  ofSensor('counter-stall', 'the counter stands still', 'counter-rate'),
  ofSensor('counter-fast', 'the counter rises by 10 a line', 'counter-rate'),
  ofSensor('counter-decrease', 'the counter drops by 5 at every 10th line', 'counter-decreasing'),
  ofSensor('defect-burst', 'half of the lines are defects', 'defects'),
  ofSensor('garbage', 'every 2nd line is not a reading', 'errors'),
  ofSensor('stuck', 'the same line for ever, with `--stuck-lines 0`', 'cpu-load-spread-zero'),
  {
    name: 'stuck, watched',
    help: 'the same line again and again; the runner starts it again after five',
    alert: 'errors',
    timeline: () => restarted('error.sensor_stuck', 5, (run) => ['--fault', 'stuck', '--seed', `${run}`]),
  },
  {
    name: 'silence',
    help: 'prints nothing more, with `--silence-timeout 0`',
    alert: 'no-data',
    timeline: () => healthyThen(() => ({ printed: [] })),
  },
  {
    name: 'silence, watched',
    help: 'prints nothing more; the runner starts it again and again',
    alert: 'errors',
    timeline: () => restarted('error.sensor_stuck', 30),
  },
  {
    name: 'crash',
    help: 'ends as soon as it is started',
    alert: 'errors',
    timeline: () => restarted('error.sensor_exit', 0),
  },
  {
    name: 'link flaky',
    help: 'one of five requests to the database fails',
    alert: 'connectivity-errors',
    timeline: () => withErrors('connectivity_error', (second) => second >= FAULT_AT && second % 5 === 0),
  },
  {
    name: 'link down',
    help: 'the runner does not reach the database for 3 minutes, Grafana does',
    alert: 'no-data',
    timeline: () => withErrors('connectivity_error', (second) => within(AWAY, second) && second % 30 === 0),
    late: AWAY,
  },
  {
    name: 'database down',
    help: 'nobody reaches the database for 3 minutes',
    alert: 'no-data',
    timeline: () => withErrors('connectivity_error', (second) => within(AWAY, second) && second % 30 === 0),
    late: AWAY,
    unanswered: AWAY,
  },
  {
    name: 'database refuses',
    help: 'one reading a minute is refused',
    alert: 'batch-sending-errors',
    timeline: () => withErrors('batch_sending_error', (second) => second >= FAULT_AT && second % 60 === 0),
  },
];

function within([from, to]: Span, second: number): boolean {
  return second >= from && second < to;
}

export async function healthy(seconds: number, seed = SEED): Promise<Second[]> {
  const lines = await sensorLines(['--lines', `${seconds}`, '--seed', `${seed}`]);
  return lines.map((line) => ({ printed: [line] }));
}

function ofSensor(name: string, help: string, alert: string): Fault {
  const args = ['--lines', `${END}`, '--seed', `${SEED}`, '--fault', `${name}@${FAULT_AT}`];
  const timeline = async () => (await sensorLines(args)).map((line) => ({ printed: [line] }));
  return { name, help, alert, timeline };
}

async function healthyThen(then: (second: number) => Second): Promise<Second[]> {
  const before = await healthy(FAULT_AT);
  return [...before, ...Array.from({ length: END - FAULT_AT }, (_, index) => then(FAULT_AT + index))];
}

async function withErrors(kind: ErrorKind, when: (second: number) => boolean): Promise<Second[]> {
  const seconds = await healthy(END);
  return seconds.map((second, index) => (when(index) ? { ...second, errors: [kind] } : second));
}

/**
 * The supervisor's work: a sensor that stays bad is started again with back-off, 0.5 s to 30 s. `lasts`: how many
 * seconds each run takes until it is found out; it prints a line in each where it has arguments.
 */
async function restarted(
  kind: ErrorKind,
  lasts: number,
  argsOf?: (run: number) => readonly string[],
): Promise<Second[]> {
  const seconds = await healthy(FAULT_AT);
  for (let run = 1; seconds.length < END; run += 1) {
    const lines = argsOf === undefined ? [] : await sensorLines([...argsOf(run), '--lines', `${lasts}`]);
    for (let second = 0; second < lasts; second += 1) {
      const line = lines[second];
      seconds.push({ printed: line === undefined ? [] : [line] });
    }
    seconds.push({ printed: [], errors: [kind] });
    const wait = Math.ceil(Math.min(0.5 * 2 ** (run - 1), 30));
    for (let second = 1; second < wait; second += 1) seconds.push({ printed: [] });
  }
  return seconds.slice(0, END);
}
