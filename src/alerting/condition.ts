import type { Condition } from '../definition.js';

/** Strict: a limit itself is neither above nor below, and inside of an interval. NaN meets nothing. */
export function meets(condition: Condition, value: number): boolean {
  if ('above' in condition) return value > condition.above;
  if ('below' in condition) return value < condition.below;
  if ('equals' in condition) return value === condition.equals;
  const [low, high] = condition.outside;
  return value < low || value > high;
}
