/**
 * How Grafana fills in an InfluxQL statement: the page its variables, then the server the time range and the
 * interval. Read from its sources: `escapeRegex` in packages/grafana-data/src/text/string.ts,
 * `interpolateQueryExpr` of the InfluxDB data source, `Build` in pkg/tsdb/influxdb/models/query.go.
 */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
  /** What Grafana derives from the range and the panel's width; 1 s in rules. */
  readonly intervalMs?: number;
}

/** What is chosen: values, or all of them where the variable has an `allValue`, which is taken as it is. */
export type Chosen = Readonly<Record<string, readonly string[] | { readonly allValue: string }>>;

export function asPanel(query: string, range: TimeRange, chosen: Chosen): string {
  const filled = query.replace(/\$(\w+)/g, (written, name: string) => {
    const values = chosen[name];
    if (values === undefined) return written;
    return 'allValue' in values ? values.allValue : `(${values.map(escapeRegex).join('|')})`;
  });
  return asRule(filled, range);
}

/** A rule has no variables. */
function asRule(query: string, { fromMs, toMs, intervalMs = 1_000 }: TimeRange): string {
  return query
    .replaceAll('$timeFilter', `time >= ${fromMs}ms and time <= ${toMs}ms`)
    .replaceAll('$__interval_ms', String(intervalMs))
    .replaceAll('$__interval', intervalText(intervalMs));
}

/** What a series is called in the legend. */
export function seriesName(
  alias: string,
  column: string,
  tags: Readonly<Record<string, string>> = {},
): string {
  return alias.replace(/\$(\w+)/g, (written, name: string) => {
    if (name === 'col') return column;
    return tags[name.replace(/^tag_/, '')] ?? written;
  });
}

function escapeRegex(value: string): string {
  return value.replace(/[\\^$*+?.()|[\]{}/]/g, '\\$&');
}

function intervalText(intervalMs: number): string {
  for (const [unit, size] of UNITS) {
    if (intervalMs >= size) return `${Math.floor(intervalMs / size)}${unit}`;
  }
  return '1ms';
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;
