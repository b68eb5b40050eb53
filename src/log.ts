import { type DestinationStream, type Logger, pino } from 'pino';

/** Structured log to stderr: stdout is for data. */
export type Log = Logger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
type LogLevel = (typeof LOG_LEVELS)[number];

/** For people on a terminal, one JSON object a line for everything else. */
export async function openLog(level: LogLevel): Promise<Log> {
  const stream = process.stderr.isTTY ? await prettyStream() : pino.destination({ dest: 2, sync: true });
  const formatters = { level: (label: string) => ({ level: label }) };
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters }, stream);
}

/** Loaded only where a person looks on, and in process: a worker thread would lose the last lines at exit. */
async function prettyStream(): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty');
  return pretty({
    destination: 2,
    sync: true,
    colorize: process.env.NO_COLOR === undefined,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
    singleLine: true,
  });
}
