import type { Answer } from '../../src/alerting/evaluate.js';
import type { GrafanaRule } from '../../src/grafana/alerts.js';
import type { Influxd, Series } from '../servers/influxd.js';

/** Asks what Grafana's backend asks for a rule, word for word, and reduces the answer as step B does. */

/** What the query of a rule becomes when it is evaluated at a time, in ms. */
export function statementAt({ data }: GrafanaRule, at: number): string {
  const [{ model, relativeTimeRange }] = data as [GrafanaRule['data'][number]];
  const [from, to] = [at - relativeTimeRange.from * 1_000, at - relativeTimeRange.to * 1_000];
  const interval = Number(model.intervalMs);
  return String(model.query)
    .replaceAll('$timeFilter', `time >= ${from}ms and time <= ${to}ms`)
    .replaceAll('$__interval_ms', String(interval))
    .replaceAll('$__interval', `${interval / 1_000}s`);
}

/** The answers to statements that are sent in one request. */
export async function askInflux(
  { port }: Influxd,
  database: string,
  statements: readonly string[],
): Promise<Answer[][]> {
  const response = await fetch(`http://127.0.0.1:${port}/query?db=${database}&epoch=ms`, {
    method: 'POST',
    body: new URLSearchParams({ q: statements.join(';') }),
  });
  const { results, error } = (await response.json()) as {
    results?: { series?: Series[]; error?: string }[];
    error?: string;
  };
  if (results?.length !== statements.length) throw new Error(error ?? 'a statement was not answered');
  return results.map(({ series = [], error: failure }, index) => {
    if (failure !== undefined) throw new Error(`${failure}: ${statements[index]}`);
    return series.map(reduced);
  });
}

/** `last` with `dropNN`: of the values that are there. */
function reduced({ tags = {}, columns, values }: Series): Answer {
  if (columns.length !== 2) throw new Error(`a rule has one column, not ${columns.join(', ')}`);
  const known = values.map(([, value]) => value).filter((value) => value !== null);
  return { labels: tags, value: (known.at(-1) as number | undefined) ?? null };
}
