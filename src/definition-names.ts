import { AGGREGATES, RUNNER_ERROR_KINDS } from './definition.js';
import { asRecord, type Issue, shown } from './definition-issues.js';

/** Names that a store or a query language already uses for a column of its own. */
const RESERVED_METRICS = ['time', 'env', 'sensor', 'defect', 'kind'];

/**
 * What a definition file says wrongly of names: they must differ, exist, and not be Visualizer's own. Works on the raw
 * data, so that a mistake elsewhere in the file does not hide what is found here.
 */
export function checkNames(raw: unknown): Issue[] {
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

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
