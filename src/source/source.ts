import type { Ack } from '../reading.js';
import type { Lines } from './lines.js';

/** What a source tells the intake, in the order in which it happened. */
export type SourceEvent =
  | {
      readonly kind: 'lines';
      readonly lines: Lines;
      /** Absent where the source cannot give them a second time anyway. */
      readonly ack?: Ack;
    }
  | { readonly kind: 'stuck' }
  | { readonly kind: 'exit'; readonly exit: SensorExit };

/** How a sensor process ended. `wanted`: because it was stopped, or done and not to be restarted. */
export interface SensorExit {
  readonly code: number | undefined;
  readonly signal: string | undefined;
  readonly wanted: boolean;
  /** Whether another process follows. */
  readonly restarts: boolean;
}
