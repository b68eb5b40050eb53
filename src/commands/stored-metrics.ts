import type { Definition, Metric } from '../definition.js';
import { VisualizerError } from '../errors.js';

/**
 * Which metrics of a definition a store has columns for.
 * @throws VisualizerError BAD_DEFINITION where there is none: it was recorded by another definition
 */
export function storedMetrics(
  { name: sensor, metrics }: Definition,
  columns: readonly Pick<Metric, 'name' | 'type'>[],
): Metric[] {
  const stored = metrics.filter(({ name, type }) =>
    columns.some((column) => column.name.toLowerCase() === name.toLowerCase() && column.type === type),
  );
  if (stored.length > 0) return stored;
  const held = columns.length === 0 ? 'no metric at all' : columns.map(({ name }) => name).join(', ');
  const text = `The store holds none of the metrics of ${sensor}, but ${held}. Name the definition by which it was recorded with --sensor.`;
  throw new VisualizerError('BAD_DEFINITION', text);
}
