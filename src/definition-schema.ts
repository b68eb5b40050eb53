import { z } from 'zod';
import {
  AGGREGATES,
  type Aggregate,
  type Alert,
  type Condition,
  type Query,
  type Receiver,
  RUNNER_ERROR_KINDS,
  SEVERITIES,
} from './definition.js';
import { parseDuration } from './quantity.js';

/**
 * What a definition file may say: the shape (zod), then what zod cannot see: names that must differ, exist, or
 * not be Visualizer's own. Every message names the value and what was expected.
 */

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;
const name = z
  .string()
  .regex(NAME, { error: ({ input }) => `${shown(input)} must be letters, digits, _, - and ., at most 64` });
const text = z.string().min(1, { error: 'must not be empty' });
const interval = z.tuple([z.number(), z.number()]).refine(([low, high]) => low < high, {
  error: ({ input }) => `${shown(input)} must be two numbers, the lower one first`,
});
/** What is zero needs no unit, and reads as a number in YAML. */
const durationText = z.preprocess((raw) => (typeof raw === 'number' ? String(raw) : raw), z.string());
const duration = durationText.transform((written, context) => {
  const milliseconds = parseDuration(written);
  if (milliseconds !== undefined) return milliseconds;
  context.addIssue({ code: 'custom', message: `${shown(written)} is no duration such as 30s, 1m or 1h30m` });
  return z.NEVER;
});

const metricBase = { name, type: z.enum(['float', 'integer']), unit: text.optional() };
const metric = z.discriminatedUnion('kind', [
  z.strictObject({ ...metricBase, kind: z.literal('gauge'), capacity: z.number().positive().optional() }),
  z.strictObject({ ...metricBase, kind: z.literal('random'), range: interval }),
  z.strictObject({ ...metricBase, kind: z.literal('counter'), rate: z.number().positive().optional() }),
]);

const aggregateFields = Object.fromEntries(AGGREGATES.map((aggregate) => [aggregate, text.optional()]));
const query = z
  .strictObject({
    ...(aggregateFields as Record<Aggregate, z.ZodOptional<z.ZodString>>),
    over: duration.refine((milliseconds) => milliseconds >= 1_000, { error: 'must be 1s or more' }),
    above: z.number().optional(),
    defects: z.enum(['excluded', 'only', 'included']).default('excluded'),
  })
  .transform((written, context): Query => {
    const asked = AGGREGATES.filter((aggregate) => written[aggregate] !== undefined);
    const [aggregate] = asked;
    if (aggregate === undefined || asked.length > 1) {
      const found = asked.length === 0 ? 'none' : asked.join(', ');
      context.addIssue({
        code: 'custom',
        message: `must ask for exactly one of ${AGGREGATES.join(', ')}; found ${found}`,
      });
      return z.NEVER;
    }
    if (written.above !== undefined && aggregate !== 'count') {
      context.addIssue({ code: 'custom', path: ['above'], message: 'goes with count only' });
    }
    return {
      aggregate,
      of: written[aggregate] as string,
      overMs: written.over,
      above: written.above,
      defects: written.defects,
    };
  });

const CONDITIONS = ['above', 'below', 'equals', 'outside'] as const;
const alert = z
  .strictObject({
    id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, {
      error: ({ input }) => `${shown(input)} must be lower-case letters, digits and -, at most 40`,
    }),
    query,
    above: z.number().optional(),
    below: z.number().optional(),
    equals: z.number().optional(),
    outside: interval.optional(),
    for: duration.default(0),
    keep_firing_for: duration.default(0),
    action: z.enum(['restart-sensor']).optional(),
    cooldown: duration.default(5 * 60_000),
    severity: z.enum(SEVERITIES),
    summary: text,
    description: text.optional(),
  })
  .transform((written, context): Alert => {
    const {
      for: forMs,
      keep_firing_for: keepFiringMs,
      cooldown: cooldownMs,
      above,
      below,
      equals,
      outside,
      ...rest
    } = written;
    const limits = { above, below, equals, outside };
    const given = CONDITIONS.filter((condition) => limits[condition] !== undefined);
    const [condition] = given;
    if (condition === undefined || given.length > 1) {
      const found = given.length === 0 ? 'none' : given.join(', ');
      context.addIssue({
        code: 'custom',
        message: `must have exactly one of ${CONDITIONS.join(', ')}; found ${found}`,
      });
      return z.NEVER;
    }
    return {
      ...rest,
      forMs,
      keepFiringMs,
      cooldownMs,
      condition: { [condition]: limits[condition] } as unknown as Condition,
    };
  });

const receiverBase = {
  name: name.optional(),
  severities: z
    .array(z.enum(SEVERITIES))
    .min(1)
    .default([...SEVERITIES]),
};
const address = z.string().regex(/^[^\s@]+@[^\s@]+$/, {
  error: ({ input }) => `${shown(input)} is no e-mail address`,
});
const url = z.string().refine((written) => /^https?:\/\//.test(written) && URL.canParse(written), {
  error: ({ input }) => `${shown(input)} is no URL that begins with http:// or https://`,
});
const keyed = (type: 'slack' | 'pagerduty' | 'opsgenie' | 'victorops') =>
  z.strictObject({ ...receiverBase, type: z.literal(type) });
const receiver = z
  .discriminatedUnion('type', [
    z.strictObject({ ...receiverBase, type: z.literal('webhook'), url }),
    z.strictObject({ ...receiverBase, type: z.literal('alertmanager'), url }),
    z.strictObject({ ...receiverBase, type: z.literal('email'), to: z.array(address).min(1) }),
    keyed('slack'),
    keyed('pagerduty'),
    keyed('opsgenie'),
    keyed('victorops'),
  ])
  .transform((written): Receiver => ({ ...written, name: written.name ?? written.type }));

export const SCHEMA = z.strictObject({
  name,
  measurement: name,
  separator: text
    .refine((separator) => !/[\r\n]/.test(separator), { error: 'must not hold a line end' })
    .default('whitespace'),
  metrics: z.array(metric).min(1, { error: 'must name at least one metric' }),
  defect: z.enum(['all-zero', 'none']).default('none'),
  alerts: z.array(alert).default([]),
  notify: z.array(receiver).default([]),
});

/** A mistake at a path of the file. */
export interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Names that a store or a query language already uses for a column of its own. */
const RESERVED_METRICS = ['time', 'env', 'sensor', 'defect', 'kind'];

/** Works on the raw data, so that a mistake elsewhere in the file does not hide what is found here. */
export function crossCheck(raw: unknown): Issue[] {
  const { measurement, metrics, alerts, notify } = asRecord(raw);
  const metricNames = asList(metrics).map((entry) => asRecord(entry).name);
  const known = metricNames.filter((entry) => typeof entry === 'string');
  const alertIds = asList(alerts).map((entry) => asRecord(entry).id);
  const receiverNames = asList(notify).map((entry) => asRecord(entry).name ?? asRecord(entry).type);
  return [
    ...repeated(metricNames, ['metrics'], 'name'),
    ...metricNames.flatMap((metricName, index) => reservedMetric(metricName, index)),
    ...repeated(alertIds, ['alerts'], 'id'),
    ...repeated(receiverNames, ['notify'], 'name'),
    ...asList(alerts).flatMap((entry, index) => unknownSubject(asRecord(entry).query, index, known)),
    ...reservedMeasurement(measurement),
  ];
}

/** Compared without regard to case, as SQL compares the names of columns. */
function repeated(names: unknown[], path: string[], field: string): Issue[] {
  const folded = names.map((entry) => (typeof entry === 'string' ? entry.toLowerCase() : entry));
  return folded.flatMap((entry, index) =>
    typeof entry === 'string' && folded.indexOf(entry) < index
      ? [{ path: [...path, index, field], message: `${shown(names[index])} is already taken` }]
      : [],
  );
}

function reservedMetric(metricName: unknown, index: number): Issue[] {
  const taken =
    typeof metricName === 'string' &&
    (RESERVED_METRICS.includes(metricName.toLowerCase()) ||
      (RUNNER_ERROR_KINDS as readonly string[]).includes(`error.${metricName}`));
  const message = `${shown(metricName)} is a name that Visualizer uses itself; take another one`;
  return taken ? [{ path: ['metrics', index, 'name'], message }] : [];
}

function reservedMeasurement(measurement: unknown): Issue[] {
  const taken =
    typeof measurement === 'string' &&
    (measurement === 'runner' ||
      measurement.startsWith('error.') ||
      (RUNNER_ERROR_KINDS as readonly string[]).includes(measurement));
  const message = `${shown(measurement)} is a measurement that Visualizer writes itself; take another name`;
  return taken ? [{ path: ['measurement'], message }] : [];
}

function unknownSubject(rawQuery: unknown, index: number, metricNames: string[]): Issue[] {
  return Object.entries(asRecord(rawQuery)).flatMap(([aggregate, subject]) => {
    if (!(AGGREGATES as readonly string[]).includes(aggregate) || typeof subject !== 'string') return [];
    const known = aggregate === 'errors' ? errorSubjects(metricNames) : metricNames;
    if (known.includes(subject)) return [];
    const what = aggregate === 'errors' ? 'error kind' : 'metric';
    const message = `${shown(subject)} is no ${what} of this definition; known: ${known.join(', ')}`;
    return [{ path: ['alerts', index, 'query', aggregate], message }];
  });
}

function errorSubjects(metricNames: string[]): string[] {
  return ['any', ...metricNames.map((metricName) => `error.${metricName}`), ...RUNNER_ERROR_KINDS];
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** By the key that tells which of several shapes is meant. */
const SHAPES: Readonly<Record<string, string>> = {
  kind: 'gauge, random, counter',
  type: 'webhook, alertmanager, email, slack, pagerduty, opsgenie, victorops',
};

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
      return describeShape(issue.input, String(issue.discriminator));
    case 'too_small':
      if (issue.origin === 'array') return 'must not be empty';
      return `${shown(issue.input)} must be more than ${issue.minimum}`;
    default:
      return undefined;
  }
}

function describeShape(input: unknown, key: string): string {
  return `${shown(asRecord(input)[key])} must be one of ${SHAPES[key]}`;
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? 'nothing';
}
