/** What a chart is, before it is drawn: its words, its columns, and how they are read from the answers. */
import type { AlertAbout } from '../api.js';
import type { Stretch } from './alert-states.js';
import type { Data } from './data.js';
import type { Mark } from './marks.js';
import type { Rows } from './rows.js';

export interface Chart {
  /** Unique on the page, and the same for the same definition. */
  readonly id: string;
  readonly title: string;
  /** What one should see in it, in a sentence. */
  readonly hint: string;
  readonly width: 'main' | 'side' | 'half' | 'quarter';
  readonly unit?: string | undefined;
  /** Which of the page's line colours. */
  readonly colour: number;
  readonly columns: readonly Column[];
  /** Alerts about what is drawn: their limits are lines in it. */
  readonly limits?: readonly AlertAbout[];
  /** Alerts whose states are a band under it. */
  readonly watched?: readonly AlertAbout[];
  /** What else is a line: a capacity, an expected rate. */
  readonly references?: readonly { readonly value: number; readonly label: string }[];
  /** The vertical axis holds this. */
  readonly holds?: number | undefined;
  /** Rows of counts, one above the other, instead of a vertical axis. */
  readonly lanes?: boolean;
  /** Undefined as long as its series has not been answered. */
  readonly rows: (data: Data) => Rows | undefined;
  readonly marks?: (data: Data) => Marks;
}

export interface Column {
  readonly label: string;
  /** `edge`: the lower or the upper one of a line's band; drawn by the first column. */
  readonly style: 'line' | 'thin' | 'edge' | 'stairs' | 'dashed' | 'bars' | 'lane';
  readonly format: (value: number | string) => string;
  /** Of a lane; an error's unless given. */
  readonly tone?: 'defect';
  /** Of a lane: alerts about its counts. */
  readonly limits?: readonly AlertAbout[];
}

export interface Marks {
  readonly defects: readonly Mark[];
  readonly errors: readonly Mark[];
}

/** What is drawn of it now. */
export interface Drawn {
  readonly rows: Rows;
  readonly marks: Marks;
  readonly stretches: readonly Stretch[];
}

export const NO_MARKS: Marks = { defects: [], errors: [] };
