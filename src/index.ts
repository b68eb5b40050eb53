/**
 * What other programs may import: the sensor definition and its reader, and what the page's API answers. All else
 * belongs to the command line.
 */
export type {
  Aggregate,
  Alert,
  Condition,
  Counter,
  Definition,
  ErrorKind,
  Gauge,
  Metric,
  Query,
  RandomValue,
  Receiver,
  Severity,
} from './definition.js';
export { parseDefinition, readDefinition } from './definition-file.js';
export { type ErrorCode, VisualizerError } from './errors.js';
export type * as PageApi from './local/api.js';
