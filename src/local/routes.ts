import type { IncomingMessage } from 'node:http';
import type { RandomValue } from '../definition.js';
import { SERIES_MEASURES, type Series } from './api.js';
import type { Asset } from './assets.js';
import { PARTS, type SeriesQuestion } from './data.js';
import type { Access } from './gate.js';
import { BadParameter, Parameters } from './parameters.js';
import { Questions } from './questions.js';
import { failure, json, type Reply } from './replies.js';
import type { Shown } from './shown.js';
import { bucketsOf, startsOf } from './window.js';

/** What is at a path; `stream` hands the client to the event stream. `gone` is aborted when the client has gone. */
export interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly access: Access;
  readonly answer: (request: IncomingMessage, gone: AbortSignal) => Promise<Reply> | Reply | 'stream';
}

const MOST_POINTS = 5_000;

/** The API: see `api.ts`. */
export function apiRoutes(shown: () => Shown): Route[] {
  const questions = new Questions();
  const get = (path: string, answer: Route['answer']): Route => ({
    method: 'GET',
    path,
    access: 'page',
    answer,
  });
  return [
    get('/api/status', ({ url = '' }) => {
      new Parameters(url, []);
      return json(200, shown().status());
    }),
    get('/api/series', ({ url = '' }, gone) => {
      const { subject } = shown();
      const question = seriesQuestion(url, shown());
      const { every, ...range } = question.buckets;
      const key = JSON.stringify(question);
      return questions.ask(key, gone, async (signal) => {
        const answer = await subject.data.series(question, signal);
        return json(200, { ...range, every, times: startsOf(question.buckets), ...answer } satisfies Series);
      });
    }),
    get('/api/histogram', ({ url = '' }, gone) => {
      const { metric, from, to } = histogramQuestion(url, shown());
      const key = JSON.stringify([metric, from, to]);
      return questions.ask(key, gone, async (signal) =>
        json(200, await shown().subject.data.histogram(metric, from, to, signal)),
      );
    }),
    get('/api/alerts', async ({ url = '' }) => {
      const { from, to } = new Parameters(url, ['from', 'to']).range();
      return json(200, await shown().alerts(from, to));
    }),
  ];
}

export function healthRoutes(shown: () => Shown): Route[] {
  const fine = json(200, { status: 'ok' });
  const notReady = failure(503, 'readings cannot be stored');
  const isReady = () => shown().subject.recording?.().state !== 'failing';
  return [
    { method: 'GET', path: '/healthz', access: 'open', answer: () => fine },
    { method: 'GET', path: '/readyz', access: 'open', answer: () => (isReady() ? fine : notReady) },
  ];
}

export function assetRoutes(assets: ReadonlyMap<string, Asset>): Route[] {
  return [...assets].map(([path, asset]) => {
    const access = path === '/favicon.svg' ? 'open' : 'page';
    return { method: 'GET', path, access, answer: () => ({ status: 200, ...asset }) };
  });
}

function seriesQuestion(url: string, { subject }: Shown): SeriesQuestion {
  const { definition, data } = subject;
  const parameters = new Parameters(url, ['from', 'to', 'points', 'metric', 'part', 'measure']);
  const { from, to } = parameters.range();
  const names = parameters.all('metric');
  const parts = parameters.all('part');
  const measures = parameters.all('measure');
  const known = definition.metrics.map(({ name }) => name);
  checkKnown('metric', names, known);
  checkKnown('part', parts, PARTS);
  checkKnown('measure', measures, SERIES_MEASURES);
  const isAll = names.length === 0 && parts.length === 0;
  return {
    buckets: bucketsOf(from, to, parameters.points(MOST_POINTS), data.distanceMs),
    metrics: definition.metrics.filter(({ name }) => isAll || names.includes(name)),
    measures: SERIES_MEASURES.filter((measure) => measures.length === 0 || measures.includes(measure)),
    parts: PARTS.filter((part) => isAll || parts.includes(part)),
  };
}

function histogramQuestion(
  url: string,
  { subject }: Shown,
): { metric: RandomValue; from: number; to: number } {
  const parameters = new Parameters(url, ['from', 'to', 'metric']);
  const name = parameters.one('metric');
  const randoms = subject.definition.metrics.filter((each) => each.kind === 'random');
  const metric = randoms.find((each) => each.name === name);
  const known = randoms.map((each) => each.name);
  if (metric === undefined) throw unknown('metric', name, known);
  return { metric, ...parameters.range() };
}

function checkKnown(parameter: string, given: readonly string[], known: readonly string[]): void {
  for (const value of given) if (!known.includes(value)) throw unknown(parameter, value, known);
}

function unknown(parameter: string, value: string, known: readonly string[]): BadParameter {
  const expected = known.length === 0 ? 'there is none' : `must be one of ${known.join(', ')}`;
  return new BadParameter(parameter, `"${parameter}": ${JSON.stringify(value)}: ${expected}`);
}
