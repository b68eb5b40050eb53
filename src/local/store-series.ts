import { type Definition, errorKinds, type Metric } from '../definition.js';
import { emptyBucket } from '../queries/answers.js';
import {
  ask,
  defectCount,
  differences,
  errors,
  increases,
  type Measure,
  type Question,
  RUNNER_FIELDS,
  runner,
  values,
} from '../queries/query.js';
import type { Value } from '../reading.js';
import type { Numeric, SeriesMeasure } from './api.js';
import type { BucketColumns, BucketMemory } from './bucket-memory.js';
import { type Columns, type SeriesAnswer, type SeriesQuestion, TOTALS } from './data.js';
import { startsOf } from './window.js';

/** A question of a chart, and under which names its measures are shown. */
interface Asked {
  readonly question: Question;
  readonly shown: Partial<Record<Measure, SeriesMeasure>>;
}

type AskBuckets = (question: Question) => Promise<ReadonlyMap<string, BucketColumns>>;

/** The answers of the embedded store, bucket by bucket; each question is one scan of what the window holds. */
export async function storeSeries(
  memory: BucketMemory,
  definition: Definition,
  { buckets, metrics, measures, parts }: SeriesQuestion,
  signal: AbortSignal,
): Promise<SeriesAnswer> {
  const askBuckets: AskBuckets = (question) => memory.ask(question, buckets, signal);
  const length = startsOf(buckets).length;
  const asksDefects = parts.includes('defects') && definition.defect !== 'none';
  const [columns, defects, errorCounts, runnerFields] = await Promise.all([
    Promise.all(metrics.map((metric) => metricColumns(askBuckets, metric, measures, length))),
    asksDefects ? askBuckets(defectCount(definition)) : NO_ANSWER,
    parts.includes('errors') ? askErrors(askBuckets, definition) : {},
    parts.includes('runner') ? askRunner(askBuckets) : {},
  ]);
  return {
    metrics: Object.fromEntries(metrics.map(({ name }, index) => [name, columns[index] as Columns])),
    defects: parts.includes('defects') ? counts(defects.get('')?.count, length) : [],
    errors: errorCounts,
    runner: runnerFields,
  };
}

const NO_ANSWER: ReadonlyMap<string, BucketColumns> = new Map();

async function metricColumns(
  askBuckets: AskBuckets,
  metric: Metric,
  wanted: readonly SeriesMeasure[],
  length: number,
): Promise<Columns> {
  const columns: Columns = {};
  const answers = await Promise.all(
    questionsOf(metric, wanted).map(async (asked) => ({
      ...asked,
      answer: (await askBuckets(asked.question)).get(''),
    })),
  );
  for (const { question, shown, answer } of answers) {
    for (const measure of question.measures) {
      const column =
        answer?.[measure]?.map(numeric) ?? new Array(length).fill(emptyBucket(question, measure));
      columns[shown[measure] as SeriesMeasure] = column;
    }
  }
  return columns;
}

/** One scan each, without the measures that nobody wants. */
function questionsOf(metric: Metric, wanted: readonly SeriesMeasure[]): Asked[] {
  return allQuestionsOf(metric).flatMap(({ question, shown }) => {
    const measures = question.measures.filter((measure) => wanted.includes(shown[measure] as SeriesMeasure));
    return measures.length === 0 ? [] : [{ question: { ...question, measures }, shown }];
  });
}

function allQuestionsOf(metric: Metric): Asked[] {
  const stored = values(metric);
  switch (metric.kind) {
    case 'gauge':
      return [asItIs(ask(stored, ['mean', 'min', 'max', 'spread', 'count']))];
    case 'random':
      return [
        asItIs(ask(stored, ['mean', 'min', 'max', 'stddev', 'count'])),
        asItIs(ask(stored, ['repeats'])),
      ];
    case 'counter':
      return [
        asItIs(ask(stored, ['last', 'count'])),
        { question: ask(increases(stored), ['mean']), shown: { mean: 'increase' } },
        { question: ask(differences(stored), ['min']), shown: { min: 'min_difference' } },
      ];
  }
}

function asItIs(question: Question): Asked {
  return { question, shown: Object.fromEntries(question.measures.map((measure) => [measure, measure])) };
}

/** Only the kinds that occurred. */
async function askErrors(askBuckets: AskBuckets, definition: Definition): Promise<Record<string, number[]>> {
  const answers = await askBuckets(ask(errors(errorKinds(definition)), ['sum']));
  const columns = [...answers].map(([kind, { sum = [] }]) => [kind, counts(sum, sum.length)] as const);
  return Object.fromEntries(columns.filter(([, column]) => column.some((count) => count > 0)));
}

/** Only the fields that this kind of run has. */
async function askRunner(askBuckets: AskBuckets): Promise<Record<string, Numeric[]>> {
  const totals: readonly string[] = TOTALS;
  const columns = await Promise.all(
    RUNNER_FIELDS.map(async (field) => {
      const rises = totals.includes(field);
      const question = rises ? ask(increases(runner(field)), ['sum']) : ask(runner(field), ['max']);
      const answer = (await askBuckets(question)).get('');
      return [field, answer?.[rises ? 'sum' : 'max']?.map(numeric)] as const;
    }),
  );
  return Object.fromEntries(columns.flatMap(([field, column]) => (column ? [[field, column]] : [])));
}

function counts(column: readonly (Value | null)[] | undefined, length: number): number[] {
  return Array.from({ length }, (_, index) => Number(column?.[index] ?? 0));
}

/** An integer that a double cannot hold is text. */
function numeric(value: Value | null): Numeric {
  return typeof value === 'bigint' ? String(value) : value;
}
