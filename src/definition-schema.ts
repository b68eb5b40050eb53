import { z } from 'zod';
import {
  AGGREGATES,
  type Aggregate,
  type Alert,
  type Condition,
  type Metric,
  type Query,
  type Receiver,
  RUNNER_ERROR_KINDS,
  SEVERITIES,
} from './definition.js';
import { formatDuration, parseDuration } from './quantity.js';

/**
 * What a definition file may say: the shape (zod), then what zod cannot see: names that must differ, exist, or
 * not be Visualizer's own. Every message names the value and what was expected. Titles and descriptions are for
 * docs/definition.md, where each key has a line.
 */

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;
const name = z
  .string()
  .regex(NAME, { error: ({ input }) => `${shown(input)} must be letters, digits, _, - and ., at most 64` })
  .meta({ title: 'a name' });
const text = z.string().min(1, { error: 'must not be empty' }).meta({ title: 'text' });
const interval = z
  .tuple([z.number(), z.number()])
  .refine(([low, high]) => low < high, {
    error: ({ input }) => `${shown(input)} must be two numbers, the lower one first`,
  })
  .meta({ title: '`[low, high]`' });
/** What is zero needs no unit, and reads as a number in YAML. */
const durationText = z.preprocess((raw) => (typeof raw === 'number' ? String(raw) : raw), z.string());
const duration = durationText.transform((written, context) => {
  const milliseconds = parseDuration(written);
  if (milliseconds !== undefined) return milliseconds;
  context.addIssue({ code: 'custom', message: `${shown(written)} is no duration such as 30s, 1m or 1h30m` });
  return z.NEVER;
});
const durationOr = (fallback: number) =>
  duration.default(fallback).meta({ title: `a duration, \`${formatDuration(fallback)}\` unless given` });

const metricBase = {
  name: name.describe('unique, in any case of its letters; the field that it is written to'),
  type: z.enum(['float', 'integer']).describe('a finite 64-bit float, or 64 bits, exact'),
  unit: text.describe('shown beside its values').optional(),
};
const kind = <const K extends Metric['kind']>(named: K) =>
  z.literal(named).describe('a level, a value drawn at random, or one that only rises: how it is shown');
const metric = z.discriminatedUnion('kind', [
  z.strictObject({
    ...metricBase,
    kind: kind('gauge'),
    capacity: z.number().positive().describe('where what is measured is fully used').optional(),
  }),
  z.strictObject({
    ...metricBase,
    kind: kind('random'),
    range: interval.describe('the lowest and the highest that the sensor can print'),
  }),
  z.strictObject({
    ...metricBase,
    kind: kind('counter'),
    rate: z.number().positive().describe('by how much it rises from line to line').optional(),
  }),
]);

/** What each of them asks, of the metric that it names. */
const QUESTIONS: Readonly<Record<Aggregate, string>> = {
  mean: 'the mean of this metric',
  min: 'its lowest value',
  max: 'its highest value',
  spread: 'highest less lowest',
  stddev: 'its standard deviation, of a sample',
  count: 'how many values there are',
  repeats: 'values less distinct values',
  rate: 'mean step of a counter from line to line, without its falls',
  min_difference: 'its smallest step',
  last: 'its newest value',
  errors: 'how many errors of this kind, such as `error.cpu_load`, or of `any`',
};
const aggregateFields = Object.fromEntries(
  AGGREGATES.map((aggregate) => [aggregate, text.describe(QUESTIONS[aggregate]).optional()]),
);
const query = z
  .strictObject({
    ...(aggregateFields as Record<Aggregate, z.ZodOptional<z.ZodString>>),
    over: duration
      .refine((milliseconds) => milliseconds >= 1_000, { error: 'must be 1s or more' })
      .meta({
        title: 'a duration, needed',
        description: 'the window before each evaluation, 1s or more, in whole seconds',
      }),
    above: z.number().describe('with `count` only: how many values are above this').optional(),
    defects: z
      .enum(['excluded', 'only', 'included'])
      .default('excluded')
      .describe('whether lines of zeros are asked'),
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
    id: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, {
        error: ({ input }) => `${shown(input)} must be lower-case letters, digits and -, at most 40`,
      })
      .describe('unique; lower-case letters, digits and -, at most 40'),
    query: query.describe('one number: exactly one of the questions below, and over which window'),
    above: z.number().describe('the condition, exactly one of these four: it is above this').optional(),
    below: z.number().describe('it is below this').optional(),
    equals: z.number().describe('it is this').optional(),
    outside: interval.describe('it is below `low`, or above `high`').optional(),
    for: durationOr(0).describe('how long the condition must hold without a break'),
    keep_firing_for: durationOr(0).describe(
      'how long it goes on firing after that, so that it does not flap',
    ),
    action: z
      .enum(['restart-sensor'])
      .describe('what is done when it fires; not under `--restart never`')
      .optional(),
    cooldown: durationOr(5 * 60_000).describe(
      'that is done at most once in this time; a new run begins anew',
    ),
    severity: z.enum(SEVERITIES).describe('who is told, and how soon'),
    summary: text.describe('for people, as it is'),
    description: text.describe('comes with the notification; the value and the limit are added').optional(),
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
  name: name
    .describe('unique; its type unless given. One with a name of its own has variables of its own')
    .optional(),
  severities: z
    .array(z.enum(SEVERITIES))
    .min(1)
    .default([...SEVERITIES])
    .describe('of which alerts it is told'),
};
const channel = <const T extends Receiver['type']>(type: T) =>
  z.literal(type).describe('how it is told: [notifications.md](notifications.md)');
const address = z
  .string()
  .regex(/^[^\s@]+@[^\s@]+$/, {
    error: ({ input }) => `${shown(input)} is no e-mail address`,
  })
  .meta({ title: 'addresses' });
const url = z
  .string()
  .refine((written) => /^https?:\/\//.test(written) && URL.canParse(written), {
    error: ({ input }) => `${shown(input)} is no URL that begins with http:// or https://`,
  })
  .meta({ title: 'a URL', description: 'where it is told' });
const keyed = (type: 'slack' | 'pagerduty' | 'opsgenie' | 'victorops') =>
  z.strictObject({ ...receiverBase, type: channel(type) });
const receiver = z
  .discriminatedUnion('type', [
    z.strictObject({ ...receiverBase, type: channel('webhook'), url }),
    z.strictObject({ ...receiverBase, type: channel('alertmanager'), url }),
    z.strictObject({
      ...receiverBase,
      type: channel('email'),
      to: z.array(address).min(1).describe('who is told'),
    }),
    keyed('slack'),
    keyed('pagerduty'),
    keyed('opsgenie'),
    keyed('victorops'),
  ])
  .transform((written): Receiver => ({ ...written, name: written.name ?? written.type }));

export const SCHEMA = z.strictObject({
  name: name.describe('the tag `sensor`, and the name of the state directory'),
  measurement: name.describe('where readings are written to'),
  separator: text
    .refine((separator) => !/[\r\n]/.test(separator), { error: 'must not hold a line end' })
    .default('whitespace')
    .describe('what stands between two values; `whitespace` is any run of blanks and tabs'),
  metrics: z
    .array(metric)
    .min(1, { error: 'must name at least one metric' })
    .describe('what a line holds, in the order of its columns'),
  defect: z
    .enum(['all-zero', 'none'])
    .default('none')
    .describe('which lines are tagged `defect=true`: those of zeros only, or none'),
  alerts: z.array(alert).default([]).describe('when somebody is told'),
  notify: z.array(receiver).default([]).describe('who is told'),
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
  const value = asRecord(input)[key];
  return `${value === undefined ? 'is missing, and' : shown(value)} must be one of ${SHAPES[key]}`;
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? 'nothing';
}
