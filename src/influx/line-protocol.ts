import type { Definition, Metric } from '../definition.js';
import type { Batch, Point, Reading, Value } from '../reading.js';

/** What of a definition is written into every line. */
type Written = Pick<Definition, 'name' | 'measurement'> & {
  readonly metrics: readonly Pick<Metric, 'name' | 'type'>[];
};

/**
 * InfluxDB line protocol with nanosecond timestamps.
 * Rules: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
 */
export class LineProtocol {
  readonly #env: string;
  readonly #tags: string;
  readonly #measurement: string;
  readonly #healthy: string;
  readonly #defect: string;
  readonly #fields: readonly string[];
  readonly #suffixes: readonly string[];

  constructor({ name, measurement, metrics }: Written, env: string) {
    this.#env = env;
    this.#tags = `env=${escapeKey(env)},sensor=${escapeKey(name)}`;
    this.#measurement = escapeMeasurement(measurement);
    this.#healthy = this.#readingPrefix(false);
    this.#defect = this.#readingPrefix(true);
    this.#fields = metrics.map((metric) => `${escapeKey(metric.name)}=`);
    this.#suffixes = metrics.map(({ type }) => (type === 'integer' ? 'i' : ''));
  }

  /** The same for another definition. */
  redefined(definition: Written): LineProtocol {
    return new LineProtocol(definition, this.#env);
  }

  /** All lines of a batch, each ended by a newline; readings first. */
  encode({ readings, points }: Pick<Batch, 'readings' | 'points'>): string {
    let text = '';
    for (const reading of readings) text += this.#reading(reading);
    for (const point of points) text += this.#point(point);
    return text;
  }

  #readingPrefix(defect: boolean): string {
    return `${this.#measurement},${this.#tags},defect=${defect} `;
  }

  /** A reading has at least one value: without a field there is no line. */
  #reading({ timestamp, values, defect }: Reading): string {
    let fields = '';
    for (let column = 0; column < values.length; column += 1) {
      const value = values[column] as Value | null;
      if (value === null) continue;
      fields += `${fields === '' ? '' : ','}${this.#fields[column]}${value}${this.#suffixes[column]}`;
    }
    return `${defect ? this.#defect : this.#healthy}${fields} ${timestamp}\n`;
  }

  #point({ measurement, kind, fields, timestamp }: Point): string {
    const tags = kind === undefined ? this.#tags : `${this.#tags},kind=${escapeKey(kind)}`;
    const values = Object.entries(fields).map(([field, value]) => `${escapeKey(field)}=${value}i`);
    return `${escapeMeasurement(measurement)},${tags} ${values.join(',')} ${timestamp}\n`;
  }
}

function escapeMeasurement(name: string): string {
  return name.replace(/[, ]/g, '\\$&');
}

/** Tag keys, tag values and field keys. */
function escapeKey(name: string): string {
  return name.replace(/[,= ]/g, '\\$&');
}
