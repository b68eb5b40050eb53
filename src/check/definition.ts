import type { Definition } from '../definition.js';
import { readDefinition } from '../definition-file.js';
import { VisualizerError } from '../errors.js';
import { type Finding, fail, ok } from './finding.js';

/** Reads the definition of the sensor; without it the other checks do what they can. */
export function checkDefinition(file: string): { definition: Definition | undefined; finding: Finding } {
  try {
    const definition = readDefinition(file);
    const { name, metrics, alerts } = definition;
    const columns = metrics.map((metric) => metric.name).join(', ');
    const reason = `${file}: ${name} with ${columns}; alerts: ${alerts.length}`;
    return { definition, finding: ok('definition', reason) };
  } catch (error) {
    if (!(error instanceof VisualizerError)) throw error;
    const [reason = '', ...mistakes] = error.message.split('\n');
    const remedy =
      mistakes.length === 0
        ? `see whether the file is there: ls -l ${file}`
        : `mend ${file}; the README, "Your own sensor", shows one that is right`;
    const details = mistakes.map((mistake) => mistake.trim());
    const text = reason.replace(/:$/, '');
    return { definition: undefined, finding: fail('definition', 'BAD_DEFINITION', text, remedy, details) };
  }
}
