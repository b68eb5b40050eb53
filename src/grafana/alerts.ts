import { EVALUATION_MS, type Rule, ruleOf } from '../alerting/rule.js';
import { descriptionOf, titleOf } from '../alerting/texts.js';
import type { Alert, Condition, Definition } from '../definition.js';
import { formatDuration } from '../quantity.js';
import { influxValue } from '../queries/influxql.js';
import { DATA_SOURCE, dashboardUid, FOLDER, panelId, panelKey, uidOf } from './names.js';

/**
 * Grafana's alerting provisioning file: each alert of the definition as a rule of its own, A: the query, B: its last
 * value, C: the condition. The file's names differ from the API's, and unknown ones are ignored without a word.
 * Grafana reads `${X}` and `$X` of most texts as environment variables, but not of annotations and models, and
 * runs labels and annotations through Go's text/template.
 *
 * `alerting/evaluate.ts` does the same without Grafana: who changes one changes the other.
 */
export interface RulesFile {
  readonly apiVersion: 1;
  readonly groups: readonly RuleGroup[];
}

export interface RuleGroup {
  readonly orgId: 1;
  readonly name: string;
  readonly folder: string;
  readonly interval: string;
  readonly rules: readonly GrafanaRule[];
}

export interface GrafanaRule {
  /** At most 40 characters. */
  readonly uid: string;
  /** Unique in its folder, which all sensors share. */
  readonly title: string;
  readonly condition: 'C';
  readonly data: readonly RuleStep[];
  readonly for: string;
  readonly keepFiringFor?: string;
  readonly noDataState: 'OK' | 'Alerting';
  readonly execErrState: 'KeepLast' | 'Alerting';
  readonly dashboardUid: string;
  readonly panelId: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly isPaused: false;
}

export interface RuleStep {
  readonly refId: 'A' | 'B' | 'C';
  readonly datasourceUid: string;
  /** Whole seconds before the evaluation. */
  readonly relativeTimeRange: { readonly from: number; readonly to: number };
  readonly model: Readonly<Record<string, unknown>>;
}

export function rulesOf(definition: Definition): RulesFile {
  if (definition.alerts.length === 0) return { apiVersion: 1, groups: [] };
  const group: RuleGroup = {
    orgId: 1,
    name: definition.name,
    folder: FOLDER,
    interval: formatDuration(EVALUATION_MS),
    rules: definition.alerts.map((alert) => grafanaRule(ruleOf(alert, definition), definition)),
  };
  return { apiVersion: 1, groups: [group] };
}

function grafanaRule(rule: Rule, definition: Definition): GrafanaRule {
  const { id, severity, forMs, keepFiringMs, query } = rule.alert;
  const panel = panelId(panelKey(query, definition));
  return {
    uid: uidOf(definition.name, 'alert', id),
    title: titleOf(rule.alert, definition),
    condition: 'C',
    data: [queryStep(rule, definition), REDUCE, conditionStep(rule.alert.condition)],
    for: formatDuration(forMs),
    ...(keepFiringMs > 0 ? { keepFiringFor: formatDuration(keepFiringMs) } : {}),
    ...whatNothingMeans(rule),
    dashboardUid: dashboardUid(definition),
    panelId: panel,
    // The labels of the query, env and kind, come on top; one that is given here as well would be warned of.
    labels: { severity, sensor: definition.name, alert: id },
    annotations: {
      summary: literal(rule.alert.summary),
      description: description(rule.alert, definition),
      // The two above link the rule in the file; it is these that Grafana links notifications and state marks by.
      __dashboardUid__: dashboardUid(definition),
      __panelId__: String(panel),
    },
    isPaused: false,
  };
}

/**
 * InfluxQL answers nothing where a count is 0, and nothing where the sensor is silent or stopped: both are OK for
 * every rule but the one that fires on nothing, so that silence raises one alert. Nor shall a database that is down
 * raise all of them: they keep their state (`KeepLast`: Grafana 10.4 and later), and that one tells.
 */
function whatNothingMeans({ firesOnNothing }: Rule): Pick<GrafanaRule, 'noDataState' | 'execErrState'> {
  return firesOnNothing
    ? { noDataState: 'Alerting', execErrState: 'Alerting' }
    : { noDataState: 'OK', execErrState: 'KeepLast' };
}

/** Not grouped by time: a bucket at the edge of the window would be incomplete, and one row is the answer. */
function queryStep({ question, windowMs }: Rule, { name, measurement }: Definition): RuleStep {
  const model = {
    refId: 'A',
    datasource: DATA_SOURCE,
    query: influxValue(question, { measurement, sensor: name, time: 'grafana' }),
    rawQuery: true,
    resultFormat: 'time_series',
    intervalMs: 1_000,
    maxDataPoints: 43_200,
  };
  const relativeTimeRange = { from: windowMs / 1_000, to: 0 };
  return { refId: 'A', datasourceUid: DATA_SOURCE.uid, relativeTimeRange, model };
}

/** Without `dropNN` a value that is unknown, as the deviation of one value is, would fire. */
const REDUCE = expression('B', {
  type: 'reduce',
  expression: 'A',
  reducer: 'last',
  settings: { mode: 'dropNN' },
});

function conditionStep(condition: Condition): RuleStep {
  if ('above' in condition) return threshold('gt', condition.above);
  if ('below' in condition) return threshold('lt', condition.below);
  if ('outside' in condition) return threshold('outside_range', ...condition.outside);
  // Old Grafanas, 10.1 among them, know no threshold `eq`; the expression is the same in all versions.
  return expression('C', { type: 'math', expression: `$B == ${condition.equals}` });
}

/** Each is strict: the limits themselves are inside. */
function threshold(type: 'gt' | 'lt' | 'outside_range', ...params: number[]): RuleStep {
  return expression('C', {
    type: 'threshold',
    expression: 'B',
    conditions: [{ evaluator: { type, params } }],
  });
}

function expression(refId: 'B' | 'C', model: Readonly<Record<string, unknown>>): RuleStep {
  const datasource = { type: '__expr__', uid: '__expr__' };
  return {
    refId,
    datasourceUid: '__expr__',
    relativeTimeRange: { from: 0, to: 0 },
    model: { refId, datasource, ...model },
  };
}

function description(alert: Alert, definition: Definition): string {
  const [before, after] = descriptionOf(alert, definition);
  return `${literal(before)}${VALUE}${literal(after)}`;
}

/** Four digits, or all those before the point. Without data there is no value, and the text would stay raw. */
const VALUE =
  '{{ if $values.B }}{{ $v := $values.B.Value }}' +
  '{{ if and (gt $v -1000.0) (lt $v 1000.0) }}{{ printf "%.4g" $v }}{{ else }}{{ printf "%.0f" $v }}{{ end }}' +
  '{{ else }}no data{{ end }}';

/** A text of the definition, which knows no templates. */
function literal(text: string): string {
  return text.replaceAll('{{', '{{ "{{" }}');
}
