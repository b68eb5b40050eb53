import type { Samples } from './samples.js';
import type { Workbench } from './workbench.js';

/** How many lines. */
export interface Sizes {
  readonly lines: number;
  readonly scaleLines: number;
}

/** Something to be measured. */
export interface Measurement {
  readonly name: string;
  readonly about: string;
  /** Takes its samples once; rejects where a line was lost on the way. */
  readonly take: (workbench: Workbench, samples: Samples, sizes: Sizes) => Promise<void>;
  /** Not in every round: it takes its samples itself, or takes too long. */
  readonly once?: boolean;
  /** What it needs and is not installed here. */
  readonly missing?: () => string | undefined;
}

/** @throws where not as many lines arrived as were printed: what is measured would be something else */
export function checkConserved(what: string, arrived: number, printed: number): void {
  if (arrived !== printed) throw new Error(`${what}: ${printed} lines were printed, ${arrived} arrived`);
}
