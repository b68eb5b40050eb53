/** What was appended together: line protocol whose first `lines` lines are readings. */
export interface Entry {
  readonly sequence: number;
  readonly payload: Buffer;
  readonly lines: number;
}

/** The durable queue that delivery drains, first in, first out. */
export interface Backlog {
  /**
   * The oldest entries that are not settled, of those behind the sequence `after`: up to `maxBytes` of them but at least
   * one, if any.
   */
  peek(maxBytes: number, after?: number): Promise<readonly Entry[]>;
  /** The entry is done: `delivered + rejected` are its readings. */
  settle(outcome: { sequence: number; delivered: number; rejected: number }): Promise<void>;
}
