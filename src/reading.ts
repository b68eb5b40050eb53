import type { Readings } from './readings.js';

/**
 * The only types that cross stages: what a sensor line becomes (Reading, packed by the thousand as `readings.ts`),
 * what the runner says about itself (Point), and the unit in which both travel from the intake to a destination (Batch).
 */

/** A float is a `number`, an integer is a `bigint`: 64-bit integers stay exact. */
export type Value = number | bigint;

/** One sensor line. `values` has one entry a metric, in the definition's order; `null` could not be cast. */
export interface Reading {
  /** Nanoseconds since the epoch, unique for the life of the state directory. */
  readonly timestamp: bigint;
  readonly values: readonly (Value | null)[];
  /** Every value of the line is zero: the sensor's known defect. */
  readonly defect: boolean;
}

/** A point of the runner's own: an error count or the runner's metrics. All its fields are integers. */
export interface Point {
  readonly measurement: string;
  /** The error's kind, equal to the measurement so that errors can be grouped; absent on `runner` points. */
  readonly kind?: string;
  readonly fields: Readonly<Record<string, number>>;
  /** Nanoseconds since the epoch. */
  readonly timestamp: bigint;
}

/** What is stored and sent together. */
export interface Batch {
  readonly readings: Readings;
  readonly points: readonly Point[];
  /** Lines refused at intake since the batch before: they hold no reading, but the ledger counts them. */
  readonly refused: number;
  /** Lines dropped since the batch before, because nothing had room for them. */
  readonly lost: number;
  /** To be called once all of this is safe. */
  readonly ack?: Ack | undefined;
  /** To be called once nobody looks at the readings any more, if at all: later ones are written into their memory. */
  readonly release?: () => void;
}

/** Tells a source that it need not give again what it has given so far; never rejects. */
export type Ack = () => Promise<void>;
