import {
  AGGREGATES,
  type Aggregate,
  type Alert,
  type Condition,
  type Metric,
  type Query,
  type Receiver,
  SEVERITIES,
} from './definition.js';
import { shown } from './definition-issues.js';
import { formatDuration, parseDuration } from './quantity.js';
import * as z from './zod.js';

/**
 * The shape of a definition file, for zod; what zod cannot see is in `definition-names.ts`. Every message names the
 * value and what was expected. Titles and descriptions are for docs/definition.md, where each key has a line.
 */

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;
const name = z.string().check(
  z.regex(NAME, {
    error: ({ input }) => `${shown(input)} must be letters, digits, _, - and ., at most 64`,
  }),
  z.meta({ title: 'a name' }),
);
const text = z.string().check(z.minLength(1, { error: 'must not be empty' }), z.meta({ title: 'text' }));
const interval = z.tuple([z.number(), z.number()]).check(
  z.refine(([low, high]) => low < high, {
    error: ({ input }) => `${shown(input)} must be two numbers, the lower one first`,
  }),
  z.meta({ title: '`[low, high]`' }),
);
/** What is zero needs no unit, and reads as a number in YAML. */
const durationText = z.pipe(
  z.transform((raw) => (typeof raw === 'number' ? String(raw) : raw)),
  z.string(),
);
const duration = z.pipe(
  durationText,
  z.transform((written, { issues }) => {
    const milliseconds = parseDuration(written);
    if (milliseconds !== undefined) return milliseconds;
    issues.push(mistake(written, `${shown(written)} is no duration such as 30s, 1m or 1h30m`));
    return z.NEVER;
  }),
);
const durationOr = (fallback: number) =>
  z
    ._default(duration, fallback)
    .check(z.meta({ title: `a duration, \`${formatDuration(fallback)}\` unless given` }));

const metricBase = {
  name: name.check(z.describe('unique, in any case of its letters; the field that it is written to')),
  type: z.enum(['float', 'integer']).check(z.describe('a finite 64-bit float, or 64 bits, exact')),
  unit: z.optional(text.check(z.describe('shown beside its values'))),
};
const kind = <const K extends Metric['kind']>(named: K) =>
  z
    .literal(named)
    .check(z.describe('a level, a value drawn at random, or one that only rises: how it is shown'));
const metric = z.discriminatedUnion('kind', [
  z.strictObject({
    ...metricBase,
    kind: kind('gauge'),
    capacity: z.optional(z.number().check(z.positive(), z.describe('where what is measured is fully used'))),
  }),
  z.strictObject({
    ...metricBase,
    kind: kind('random'),
    range: interval.check(z.describe('the lowest and the highest that the sensor can print')),
  }),
  z.strictObject({
    ...metricBase,
    kind: kind('counter'),
    rate: z.optional(z.number().check(z.positive(), z.describe('by how much it rises from line to line'))),
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
  AGGREGATES.map((aggregate) => [aggregate, z.optional(text.check(z.describe(QUESTIONS[aggregate])))]),
);
const query = z.pipe(
  z.strictObject({
    ...(aggregateFields as Record<Aggregate, z.ZodMiniOptional<z.ZodMiniString>>),
    over: duration.check(
      z.refine((milliseconds) => milliseconds >= 1_000, { error: 'must be 1s or more' }),
      z.meta({
        title: 'a duration, needed',
        description: 'the window before each evaluation, 1s or more, in whole seconds',
      }),
    ),
    above: z.optional(z.number().check(z.describe('with `count` only: how many values are above this'))),
    defects: z
      ._default(z.enum(['excluded', 'only', 'included']), 'excluded')
      .check(z.describe('whether lines of zeros are asked')),
  }),
  z.transform((written, { issues }): Query => {
    const asked = AGGREGATES.filter((aggregate) => written[aggregate] !== undefined);
    const [aggregate] = asked;
    if (aggregate === undefined || asked.length > 1) {
      const found = asked.length === 0 ? 'none' : asked.join(', ');
      issues.push(mistake(written, `must ask for exactly one of ${AGGREGATES.join(', ')}; found ${found}`));
      return z.NEVER;
    }
    if (written.above !== undefined && aggregate !== 'count') {
      issues.push({ ...mistake(written.above, 'goes with count only'), path: ['above'] });
    }
    return {
      aggregate,
      of: written[aggregate] as string,
      overMs: written.over,
      above: written.above,
      defects: written.defects,
    };
  }),
);

const CONDITIONS = ['above', 'below', 'equals', 'outside'] as const;
const alert = z.pipe(
  z.strictObject({
    id: z.string().check(
      z.regex(/^[a-z0-9][a-z0-9-]{0,39}$/, {
        error: ({ input }) => `${shown(input)} must be lower-case letters, digits and -, at most 40`,
      }),
      z.describe('unique; lower-case letters, digits and -, at most 40'),
    ),
    query: query.check(z.describe('one number: exactly one of the questions below, and over which window')),
    above: z.optional(
      z.number().check(z.describe('the condition, exactly one of these four: it is above this')),
    ),
    below: z.optional(z.number().check(z.describe('it is below this'))),
    equals: z.optional(z.number().check(z.describe('it is this'))),
    outside: z.optional(interval.check(z.describe('it is below `low`, or above `high`'))),
    for: durationOr(0).check(z.describe('how long the condition must hold without a break')),
    keep_firing_for: durationOr(0).check(
      z.describe('how long it goes on firing after that, so that it does not flap'),
    ),
    action: z.optional(
      z.enum(['restart-sensor']).check(z.describe('what is done when it fires; not under `--restart never`')),
    ),
    cooldown: durationOr(5 * 60_000).check(
      z.describe('that is done at most once in this time; a new run begins anew'),
    ),
    severity: z.enum(SEVERITIES).check(z.describe('who is told, and how soon')),
    summary: text.check(z.describe('for people, as it is')),
    description: z.optional(
      text.check(z.describe('comes with the notification; the value and the limit are added')),
    ),
  }),
  z.transform((written, { issues }): Alert => {
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
      issues.push(mistake(written, `must have exactly one of ${CONDITIONS.join(', ')}; found ${found}`));
      return z.NEVER;
    }
    return {
      ...rest,
      forMs,
      keepFiringMs,
      cooldownMs,
      condition: { [condition]: limits[condition] } as unknown as Condition,
    };
  }),
);

const receiverBase = {
  name: z.optional(
    name.check(
      z.describe('unique; its type unless given. One with a name of its own has variables of its own'),
    ),
  ),
  severities: z
    ._default(z.array(z.enum(SEVERITIES)).check(z.minLength(1)), [...SEVERITIES])
    .check(z.describe('of which alerts it is told')),
};
const channel = <const T extends Receiver['type']>(type: T) =>
  z.literal(type).check(z.describe('how it is told: [notifications.md](notifications.md)'));
const address = z
  .string()
  .check(
    z.regex(/^[^\s@]+@[^\s@]+$/, { error: ({ input }) => `${shown(input)} is no e-mail address` }),
    z.meta({ title: 'addresses' }),
  );
const url = z.string().check(
  z.refine((written) => /^https?:\/\//.test(written) && URL.canParse(written), {
    error: ({ input }) => `${shown(input)} is no URL that begins with http:// or https://`,
  }),
  z.meta({ title: 'a URL', description: 'where it is told' }),
);
const keyed = (type: 'slack' | 'pagerduty' | 'opsgenie' | 'victorops') =>
  z.strictObject({ ...receiverBase, type: channel(type) });
const receiver = z.pipe(
  z.discriminatedUnion('type', [
    z.strictObject({ ...receiverBase, type: channel('webhook'), url }),
    z.strictObject({ ...receiverBase, type: channel('alertmanager'), url }),
    z.strictObject({
      ...receiverBase,
      type: channel('email'),
      to: z.array(address).check(z.minLength(1), z.describe('who is told')),
    }),
    keyed('slack'),
    keyed('pagerduty'),
    keyed('opsgenie'),
    keyed('victorops'),
  ]),
  z.transform((written): Receiver => ({ ...written, name: written.name ?? written.type })),
);

export const SCHEMA = z.strictObject({
  name: name.check(z.describe('the tag `sensor`, and the name of the state directory')),
  measurement: name.check(z.describe('where readings are written to')),
  separator: z
    ._default(
      text.check(z.refine((separator) => !/[\r\n]/.test(separator), { error: 'must not hold a line end' })),
      'whitespace',
    )
    .check(z.describe('what stands between two values; `whitespace` is any run of blanks and tabs')),
  metrics: z
    .array(metric)
    .check(
      z.minLength(1, { error: 'must name at least one metric' }),
      z.describe('what a line holds, in the order of its columns'),
    ),
  defect: z
    ._default(z.enum(['all-zero', 'none']), 'none')
    .check(z.describe('which lines are tagged `defect=true`: those of zeros only, or none')),
  alerts: z._default(z.array(alert), []).check(z.describe('when somebody is told')),
  notify: z._default(z.array(receiver), []).check(z.describe('who is told')),
});

/** What only a whole can get wrong. */
function mistake(input: unknown, message: string): z.core.$ZodRawIssue {
  return { code: 'custom', input, message };
}
