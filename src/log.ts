import { type DestinationStream, type Logger, pino } from 'pino';
import { Terminal } from './terminal.js';

/** Structured log to stderr: stdout is for data. */
export type Log = Logger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ['pretty', 'json'] as const;
type LogFormat = (typeof LOG_FORMATS)[number];

export interface LogOptions {
  /** Without one: pretty for people on a terminal, one JSON object a line for everything else. */
  readonly format?: LogFormat | undefined;
  /** Warnings and errors only. */
  readonly quiet?: boolean;
  readonly terminal?: Terminal;
}

/** Every line is written before the call that logs it returns: none is lost at exit. */
export async function openLog(level: LogLevel, options: LogOptions = {}): Promise<Log> {
  const { quiet = false, terminal = new Terminal(process.stderr) } = options;
  const format = options.format ?? (terminal.isTTY ? 'pretty' : 'json');
  const stream = format === 'pretty' ? await prettyStream(terminal) : terminal;
  const formatters = { level: (label: string) => ({ level: label }) };
  const least = quiet ? higher(level, 'warn') : level;
  return pino({ level: least, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters }, stream);
}

function higher(one: LogLevel, other: LogLevel): LogLevel {
  return LOG_LEVELS.indexOf(one) > LOG_LEVELS.indexOf(other) ? one : other;
}

/** Loaded only where it is used. In a file the day is told as well. */
async function prettyStream(terminal: Terminal): Promise<DestinationStream> {
  const { prettyFactory } = await import('pino-pretty');
  const pretty = prettyFactory({
    colorize: terminal.colour,
    translateTime: terminal.isTTY ? 'SYS:HH:MM:ss' : 'SYS:yyyy-mm-dd HH:MM:ss',
    singleLine: true,
  });
  return { write: (line) => terminal.write(pretty(JSON.parse(line, harmless))) };
}

function harmless(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? withoutControls(value) : value;
}

/** What a sensor or server said may hold control characters, which would command the terminal. */
export function withoutControls(text: string): string {
  return text.replace(/(?![\n\t])\p{Cc}/gu, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}
