import { dirname, join } from 'node:path';
import { CLI } from '../visualizer.js';
import { Measured } from './measure.js';

/** How a sensor is run: `--restart never` ends the run with it. */
export interface Sensor {
  readonly executable: string;
  readonly args: readonly string[];
}

/** Prints files as fast as they are read, and ends. */
export function cat(...files: string[]): Sensor {
  return { executable: 'cat', args: files };
}

interface Places {
  readonly state: string;
  readonly to: readonly string[];
  /** Where compiled code is kept: for all runs in one place, as on a machine where there were runs before. */
  readonly cache?: string;
}

/**
 * `visualizer run` of a sensor, with the bundled definition and all settings at their defaults, but for what is given,
 * the page's port, which is any free one, and that the end of the sensor waits until all is delivered.
 */
export function visualizerRun(
  sensor: Sensor,
  { state, to, cache = join(dirname(state), 'cache') }: Places,
  start = Measured.node,
): Measured {
  const args = [
    '--path-executable',
    sensor.executable,
    '--restart',
    'never',
    '--page-port',
    '0',
    '--drain-timeout',
    '1h',
  ];
  const command = [CLI, 'run', ...args, '--state-dir', state, ...to, '--', ...sensor.args];
  return start(command, { XDG_CACHE_HOME: cache });
}

/** Where a run writes to. */
export function influxAt(port: number, bucket = 'sensor'): string[] {
  return ['--host', '127.0.0.1', '--port', String(port), '--bucket', bucket];
}

/** `visualizer view` of a state directory. */
export function visualizerView(state: string): Measured {
  return Measured.node([CLI, 'view', '--state-dir', state, '--page-port', '0']);
}
