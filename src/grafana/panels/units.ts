import type { Metric } from '../../definition.js';

/** Whole, with the reader's own separators: counts, and values without a unit. */
export const PLAIN = 'locale';

/** Grafana's unit of a metric; one that it does not know is written behind the number as it is. */
export function unitOf({ unit }: Pick<Metric, 'unit'>): string {
  if (unit === undefined) return PLAIN;
  return GRAFANA_UNITS.get(unit) ?? `suffix:${unit}`;
}

const GRAFANA_UNITS = new Map(
  Object.entries({
    '%': 'percent',
    percent: 'percent',
    '°C': 'celsius',
    '°F': 'fahrenheit',
    K: 'kelvin',
    bytes: 'bytes',
    B: 'bytes',
    KiB: 'kbytes',
    MiB: 'mbytes',
    GiB: 'gbytes',
    kB: 'deckbytes',
    MB: 'decmbytes',
    GB: 'decgbytes',
    'bytes/s': 'binBps',
    'B/s': 'binBps',
    ns: 'ns',
    µs: 'µs',
    us: 'µs',
    ms: 'ms',
    s: 's',
    seconds: 's',
    min: 'm',
    h: 'h',
    d: 'd',
    Hz: 'hertz',
    V: 'volt',
    mV: 'mvolt',
    A: 'amp',
    mA: 'mamp',
    W: 'watt',
    kW: 'kwatt',
    kWh: 'kwatth',
    Pa: 'pressurepa',
    hPa: 'pressurehpa',
    bar: 'pressurebar',
    mm: 'lengthmm',
    m: 'lengthm',
    km: 'lengthkm',
    mg: 'massmg',
    g: 'massg',
    kg: 'masskg',
    rpm: 'rotrpm',
    ppm: 'ppm',
    dB: 'dB',
    lx: 'lux',
  }),
);
