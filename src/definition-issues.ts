/** How a mistake in a definition file is told: the value as it was written, then what was expected. */
import type * as z from './zod.js';

/** A mistake at a path of the file. */
export interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** As they are called in YAML. */
const TYPES: Readonly<Record<string, string>> = { array: 'a list', object: 'a mapping' };

/** zod's own findings in the same manner as ours: the value, then what was expected. */
export function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.input === undefined) return 'is missing';
  switch (issue.code) {
    case 'invalid_type':
      return `${shown(issue.input)} must be ${TYPES[issue.expected] ?? `a ${issue.expected}`}`;
    case 'invalid_value':
      return `${shown(issue.input)} must be one of ${issue.values.join(', ')}`;
    case 'invalid_union':
      return describeShape(issue as NoShape);
    case 'too_small':
      if (issue.origin === 'array') return 'must not be empty';
      return `${shown(issue.input)} must be more than ${issue.minimum}`;
    default:
      return undefined;
  }
}

type NoShape = Exclude<z.core.$ZodIssueInvalidUnion, { readonly inclusive: false }>;

/** By the key that tells which of several shapes is meant. */
function describeShape({ input, discriminator = '', options = [] }: NoShape): string {
  const value = asRecord(input)[discriminator];
  return `${value === undefined ? 'is missing, and' : shown(value)} must be one of ${options.join(', ')}`;
}

export function shown(value: unknown): string {
  return JSON.stringify(value) ?? 'nothing';
}

/** As a mapping, whatever it is: one without keys where it is none. */
export function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
