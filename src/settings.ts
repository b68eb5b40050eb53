import { fileURLToPath } from 'node:url';
import { LOG_FORMATS, LOG_LEVELS } from './log.js';
import {
  bytes,
  duration,
  hostName,
  hostNames,
  integer,
  LONGEST_TIMER,
  moment,
  oneOf,
  onOff,
  path,
  port,
  tag,
  text,
  token,
  url,
} from './setting-kinds.js';

/**
 * The one table of settings. Flags, environment variables, the settings file, help and the README's table are
 * all derived from it. A value is looked for in this order: flag, environment, file, default.
 */
export interface Setting<T = unknown> {
  /** Without the dashes; absent for secrets, which a process list must not show. */
  readonly flag?: string;
  readonly env: string;
  /** How the value is called in the help; absent for a switch. */
  readonly placeholder?: string;
  /** All that it can be, where these are a few words. */
  readonly choices?: readonly string[];
  /** As it would be written; absent where there is none. */
  readonly fallback?: string;
  /** The value, or undefined where the text is none. */
  readonly parse: (text: string) => T | undefined;
  /** What `parse` expects, for errors: `a port, 1 to 65535`. */
  readonly expected: string;
  readonly help: string;
  readonly commands: readonly Command[];
}

export type Command =
  | 'run'
  | 'check'
  | 'export'
  | 'view'
  | 'grafana'
  | 'notify'
  | 'buffer inspect'
  | 'buffer verify'
  | 'buffer export'
  | 'buffer drop';

/** A file of the package itself; the code is in a folder beside it, compiled or not. */
function bundled(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

/** A check takes whatever a run does: `run` is replaced by `check`, and the rest of the line stays. */
const RUN = ['run', 'check'] as const;
const CHECK = ['check'] as const;
const EXPORT = ['export'] as const;
const REPORTS = ['check', 'buffer inspect', 'buffer verify'] as const;
const DROP = ['buffer drop'] as const;
const PAGE = ['run', 'check', 'view'] as const;
const GRAFANA = ['grafana'] as const;
const STATEFUL = [
  'run',
  'check',
  'view',
  'export',
  'buffer inspect',
  'buffer verify',
  'buffer export',
  'buffer drop',
] as const;
const ALL = [...STATEFUL, 'grafana', 'notify'] as const;

export const SETTINGS = {
  executable: {
    ...path,
    flag: 'path-executable',
    env: 'VISUALIZER_PATH_EXECUTABLE',
    help: 'the sensor: a program that prints a line for each reading (default: the bundled sensor)',
    commands: RUN,
  },
  input: {
    ...path,
    flag: 'input',
    env: 'VISUALIZER_INPUT',
    help: 'read lines from this file, or from stdin (-), instead of running a sensor',
    commands: RUN,
  },
  follow: {
    ...onOff,
    flag: 'follow',
    env: 'VISUALIZER_FOLLOW',
    fallback: 'false',
    help: 'go on reading the --input file as it grows, is rotated or truncated; the next run goes on where this one stopped',
    commands: RUN,
  },
  fromStart: {
    ...onOff,
    flag: 'from-start',
    env: 'VISUALIZER_FROM_START',
    fallback: 'false',
    help: 'begin to follow a file at its start: what is done anyway, unless told otherwise',
    commands: RUN,
  },
  fromEnd: {
    ...onOff,
    flag: 'from-end',
    env: 'VISUALIZER_FROM_END',
    fallback: 'false',
    help: 'begin to follow a file at its end: only what is added from now on',
    commands: RUN,
  },
  sensor: {
    ...path,
    flag: 'sensor',
    env: 'VISUALIZER_SENSOR',
    help: 'the sensor definition, a YAML file (default: that of the bundled sensor)',
    commands: ALL,
  },
  host: {
    ...hostName,
    expected: 'a host name or address alone (the port goes with --port, and https:// is --tls)',
    flag: 'host',
    env: 'HOST_METRICS',
    help: 'write to the InfluxDB on this host; without it, to the embedded store',
    commands: RUN,
  },
  port: {
    ...port,
    flag: 'port',
    env: 'PORT_METRICS',
    help: "InfluxDB's port (default: 8086; with --use-udp 8089)",
    commands: RUN,
  },
  tls: {
    ...onOff,
    flag: 'tls',
    env: 'INFLUX_TLS',
    fallback: 'false',
    help: 'speak HTTPS to InfluxDB; it has to prove who it is, and nothing switches that off',
    commands: RUN,
  },
  ca: {
    ...path,
    flag: 'ca',
    env: 'INFLUX_CA',
    help: 'the certificates (PEM) that vouch for InfluxDB, such as its own where it signed that itself (default: those that Node.js knows)',
    commands: RUN,
  },
  useUdp: {
    ...onOff,
    flag: 'use-udp',
    env: 'VISUALIZER_USE_UDP',
    fallback: 'false',
    help: 'write to the UDP listener of an InfluxDB 1.x; what was handed to the operating system counts as delivered',
    commands: RUN,
  },
  udpPayload: {
    ...integer(64, 65_507),
    placeholder: 'bytes',
    flag: 'udp-payload',
    env: 'VISUALIZER_UDP_PAYLOAD',
    fallback: '1400',
    help: 'the largest datagram; only a line that is longer gets a larger one, alone',
    commands: RUN,
  },
  env: {
    ...tag,
    flag: 'env',
    env: 'ENV',
    fallback: 'dev',
    help: 'the tag env of everything written, such as prod or lab-2',
    commands: ['run', 'check', 'view', 'notify'],
  },
  org: {
    ...tag,
    flag: 'org',
    env: 'INFLUX_ORG',
    fallback: 'visualizer',
    help: 'the organisation (InfluxDB 2.x)',
    commands: RUN,
  },
  bucket: {
    ...tag,
    flag: 'bucket',
    env: 'INFLUX_BUCKET',
    fallback: 'sensor',
    help: 'the bucket; the database on InfluxDB 1.x, created where it is missing',
    commands: RUN,
  },
  token: { ...token, env: 'INFLUX_TOKEN', help: 'the API token (InfluxDB 2.x and 3)', commands: RUN },
  username: {
    ...text,
    env: 'INFLUX_USERNAME',
    help: 'the user (InfluxDB 1.x, where it asks)',
    commands: RUN,
  },
  password: { ...text, env: 'INFLUX_PASSWORD', help: "that user's password", commands: RUN },
  writeTimeout: {
    ...duration(100, LONGEST_TIMER),
    flag: 'write-timeout',
    env: 'VISUALIZER_WRITE_TIMEOUT',
    fallback: '10s',
    help: 'a request to InfluxDB that takes longer has failed',
    commands: RUN,
  },
  gzip: {
    ...onOff,
    flag: 'no-gzip',
    env: 'VISUALIZER_GZIP',
    fallback: 'true',
    help: 'send readings uncompressed to an InfluxDB on another machine, too',
    commands: RUN,
  },
  stateDir: {
    ...path,
    flag: 'state-dir',
    env: 'VISUALIZER_STATE_DIR',
    help: 'where readings are kept (default: $XDG_STATE_HOME/visualizer/<sensor name>)',
    commands: STATEFUL,
  },
  bufferMax: {
    ...bytes(1024 ** 2),
    flag: 'buffer-max',
    env: 'VISUALIZER_BUFFER_MAX',
    fallback: '1GiB',
    help: 'how much may wait on disk for InfluxDB; the oldest goes first, and is counted',
    commands: RUN,
  },
  bufferMaxAge: {
    ...duration(0),
    flag: 'buffer-max-age',
    env: 'VISUALIZER_BUFFER_MAX_AGE',
    fallback: '0',
    help: 'how long it may wait there; 0 is for ever',
    commands: RUN,
  },
  drainTimeout: {
    ...duration(0),
    flag: 'drain-timeout',
    env: 'VISUALIZER_DRAIN_TIMEOUT',
    fallback: '5s',
    help: 'how long a stopping run tries to deliver what waits; the rest is kept for the next run',
    commands: RUN,
  },
  retention: {
    ...duration(0, 36_500 * 86_400_000),
    flag: 'retention',
    env: 'VISUALIZER_RETENTION',
    fallback: '30d',
    help: 'how long the embedded store keeps readings; 0 is for ever',
    commands: RUN,
  },
  pagePort: {
    ...integer(0, 65_535),
    placeholder: 'port',
    flag: 'page-port',
    env: 'VISUALIZER_PAGE_PORT',
    fallback: '8087',
    help: 'the port of the page; 0 takes any free one',
    commands: PAGE,
  },
  pageHost: {
    ...hostName,
    flag: 'page-host',
    env: 'VISUALIZER_PAGE_HOST',
    fallback: '127.0.0.1',
    help: 'the address that the page is served on; beyond this machine (such as 0.0.0.0) with a PAGE_TOKEN only',
    commands: PAGE,
  },
  pageNames: {
    ...hostNames,
    flag: 'page-name',
    env: 'VISUALIZER_PAGE_NAME',
    help: 'further names by which browsers ask for the page, such as that of a reverse proxy, with commas between',
    commands: PAGE,
  },
  pageToken: {
    ...token,
    env: 'PAGE_TOKEN',
    help: 'what one has to know to see the page',
    commands: PAGE,
  },
  hookToken: {
    ...token,
    env: 'HOOK_TOKEN',
    help: 'what Grafana or Alertmanager has to know to restart the sensor',
    commands: RUN,
  },
  page: {
    ...onOff,
    flag: 'no-page',
    env: 'VISUALIZER_PAGE',
    fallback: 'true',
    help: 'serve no live page',
    commands: RUN,
  },
  restart: {
    ...oneOf('policy', ['always', 'on-failure', 'never']),
    flag: 'restart',
    env: 'VISUALIZER_RESTART',
    fallback: 'always',
    help: 'start a sensor that ended again: always, on-failure or never; then the run ends with the sensor',
    commands: RUN,
  },
  killAfter: {
    ...duration(0, LONGEST_TIMER),
    flag: 'kill-after',
    env: 'VISUALIZER_KILL_AFTER',
    fallback: '5s',
    help: 'how long a sensor may take to end after SIGTERM, before SIGKILL',
    commands: RUN,
  },
  silenceTimeout: {
    ...duration(0),
    flag: 'silence-timeout',
    env: 'VISUALIZER_SILENCE_TIMEOUT',
    fallback: '30s',
    help: 'a sensor that prints no line for this long hangs, and is started again; 0: it may be silent',
    commands: RUN,
  },
  stuckLines: {
    ...integer(0, 1_000_000),
    flag: 'stuck-lines',
    env: 'VISUALIZER_STUCK_LINES',
    help: 'a sensor that prints the same line so often in a row hangs, and is started again; 0: it may (default: 5; 0 where the definition has no value that changes with each line, a random one or a counter with a rate)',
    commands: RUN,
  },
  maxLineBytes: {
    ...bytes(64),
    flag: 'max-line-bytes',
    env: 'VISUALIZER_MAX_LINE_BYTES',
    fallback: '64KiB',
    help: 'a longer line is skipped, and counted as error.line',
    commands: RUN,
  },
  flushInterval: {
    ...duration(10, 5_000),
    flag: 'flush-interval',
    env: 'VISUALIZER_FLUSH_INTERVAL',
    fallback: '1s',
    help: 'what was read is stored this often, 10ms to 5s',
    commands: RUN,
  },
  batchLines: {
    ...integer(1, 1_000_000),
    flag: 'batch-lines',
    env: 'VISUALIZER_BATCH_LINES',
    fallback: '5000',
    help: 'or as soon as there are this many lines',
    commands: RUN,
  },
  clearData: {
    ...onOff,
    flag: 'clear-data',
    env: 'VISUALIZER_CLEAR_DATA',
    fallback: 'false',
    help: 'first delete what this sensor has written, there and in the local backlog; asks, where it is a terminal',
    commands: RUN,
  },
  yes: {
    ...onOff,
    flag: 'yes',
    env: 'VISUALIZER_YES',
    fallback: 'false',
    help: 'delete without asking',
    commands: RUN,
  },
  dryRun: {
    ...onOff,
    flag: 'dry-run',
    env: 'VISUALIZER_DRY_RUN',
    fallback: 'false',
    help: 'print line protocol to stdout, and write nowhere',
    commands: RUN,
  },
  from: {
    ...moment,
    flag: 'from',
    env: 'VISUALIZER_FROM',
    help: 'readings from then on: a date and time, or how long ago, such as 1h',
    commands: EXPORT,
  },
  to: {
    ...moment,
    flag: 'to',
    env: 'VISUALIZER_TO',
    help: 'readings before then, likewise',
    commands: EXPORT,
  },
  format: {
    ...oneOf('format', ['csv', 'lp']),
    flag: 'format',
    env: 'VISUALIZER_FORMAT',
    fallback: 'csv',
    help: 'csv: the readings; lp: line protocol of everything stored, error counts and runner metrics included',
    commands: EXPORT,
  },
  before: {
    ...moment,
    flag: 'before',
    env: 'VISUALIZER_BEFORE',
    help: 'what was queued before then is dropped: a date and time, or how long ago',
    commands: DROP,
  },
  json: {
    ...onOff,
    flag: 'json',
    env: 'VISUALIZER_JSON',
    fallback: 'false',
    help: 'print JSON',
    commands: REPORTS,
  },
  grafana: {
    ...url,
    flag: 'grafana',
    env: 'VISUALIZER_GRAFANA',
    help: 'the Grafana that shows the readings, to be checked as well',
    commands: CHECK,
  },
  grafanaToken: {
    ...token,
    env: 'GRAFANA_TOKEN',
    help: 'the token of a service account of Grafana, to have its data source checked',
    commands: CHECK,
  },
  test: {
    ...onOff,
    flag: 'test',
    env: 'VISUALIZER_NOTIFY_TEST',
    fallback: 'false',
    help: 'send a test message to every receiver of the definition',
    commands: ['notify'],
  },
  out: {
    ...path,
    flag: 'out',
    env: 'VISUALIZER_GRAFANA_OUT',
    fallback: 'grafana',
    help: "the folder for Grafana's files: dashboards and provisioning",
    commands: GRAFANA,
  },
  hookUrl: {
    ...url,
    flag: 'hook-url',
    env: 'VISUALIZER_HOOK_URL',
    fallback: 'http://sensor-runner:8087/hooks/alerts',
    help: 'where Grafana reaches the run, to tell it of alerts',
    commands: GRAFANA,
  },
  logFormat: {
    ...oneOf('format', LOG_FORMATS),
    flag: 'log-format',
    env: 'VISUALIZER_LOG_FORMAT',
    help: 'pretty or json (default: pretty on a terminal, json elsewhere)',
    commands: ALL,
  },
  quiet: {
    ...onOff,
    flag: 'quiet',
    env: 'VISUALIZER_QUIET',
    fallback: 'false',
    help: 'log warnings and errors only, and show no status line',
    commands: ALL,
  },
  logLevel: {
    ...oneOf('level', LOG_LEVELS),
    flag: 'log-level',
    env: 'VISUALIZER_LOG_LEVEL',
    fallback: 'info',
    help: `the least of what is logged: ${LOG_LEVELS.join(', ')}`,
    commands: ALL,
  },
} as const satisfies Record<string, Setting>;

type SettingName = keyof typeof SETTINGS;

/** A setting's value; undefined only where the table gives no fallback. */
type ValueOf<S> = S extends { parse: (text: string) => infer T; fallback: string }
  ? Exclude<T, undefined>
  : S extends { parse: (text: string) => infer T }
    ? T | undefined
    : never;

export type Settings = { readonly [Name in SettingName]: ValueOf<(typeof SETTINGS)[Name]> };

/** The files that stand for those that are not named. */
export const BUNDLED = {
  executable: bundled('sensor_runner/sensor'),
  sensor: bundled('sensor_runner/sensor.yaml'),
  /** The built page. */
  page: bundled('dist/local/page'),
};
