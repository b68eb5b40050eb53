import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readDefinition } from '../definition-file.js';
import { messageOf, systemCodeOf, VisualizerError } from '../errors.js';
import { grafanaFiles } from '../grafana/files.js';
import { removedRules } from '../grafana/removed-rules.js';
import type { Log } from '../log.js';
import { definitionFileOf } from '../resolve-settings.js';
import type { Settings } from '../settings.js';

export interface GrafanaContext {
  readonly settings: Settings;
  readonly log: Log;
}

/**
 * Writes what Grafana is provisioned with, derived from the sensor's definition.
 * @throws VisualizerError BAD_DEFINITION, or STATE_UNUSABLE where a file cannot be read or written
 */
export async function generateGrafana({ settings, log }: GrafanaContext): Promise<void> {
  const definition = readDefinition(definitionFileOf(settings));
  const { out, hookUrl } = settings;
  const read = (path: string) => readIfThere(join(out, path));
  const files = grafanaFiles(definition, { hookUrl });
  for (const [path, text] of [...files, ...removedRules(files, read)]) {
    const before = read(path);
    if (before !== text) write(join(out, path), text);
    log.info(
      `${before === text ? 'Unchanged' : before === undefined ? 'Written' : 'Changed'}: ${join(out, path)}`,
    );
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if (systemCodeOf(cause) === 'ENOENT') return undefined;
    throw unusable(file, cause);
  }
}

function write(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  } catch (cause) {
    throw unusable(file, cause);
  }
}

function unusable(file: string, cause: unknown): VisualizerError {
  const text = `${file} cannot be read or written: ${messageOf(cause)}. Name another folder with --out.`;
  return new VisualizerError('STATE_UNUSABLE', text, { cause });
}
