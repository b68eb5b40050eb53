import { constants, createReadStream, fstatSync, openSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { isatty, ReadStream as Terminal } from 'node:tty';
import { messageOf, systemCodeOf, VisualizerError } from '../errors.js';
import type { Log } from '../log.js';
import { LineSplitter } from './lines.js';
import type { SourceEvent } from './source.js';

export interface InputOptions {
  readonly maxLineBytes: number;
  readonly log: Log;
  /** For people; found out from the stream where it is not given. */
  readonly name?: string;
}

/** After the stop: how long nothing may come, and how long it is read in all, in ms, ... */
const SILENCE_MS = 100;
const LONGEST_MS = 1_000;
/** ... and how much: more than any pipe holds, so it was not there when it was to stop. */
const MOST_BYTES = 1024 * 1024;

/**
 * Reads the lines of a stream to its end. At `stop` what is already there is still read; a line that is cut off
 * by the stop is left out, for half a number is a wrong one. The stream is destroyed in the end.
 * @throws VisualizerError SENSOR_NOT_RUNNABLE where the stream fails
 */
export async function* readInput(
  stream: Readable,
  { maxLineBytes, log, name = nameOf(stream) }: InputOptions,
  stop: AbortSignal,
): AsyncGenerator<SourceEvent> {
  const splitter = new LineSplitter(maxLineBytes);
  try {
    let ended = false;
    for await (const chunk of chunksOf(stream, name, stop)) {
      ended = chunk === undefined;
      const lines = chunk === undefined ? splitter.end() : splitter.push(chunk);
      yield { kind: 'lines', lines };
    }
    log.debug(ended ? `All of ${name} has been read` : `Stopped reading ${name} before its end`);
  } finally {
    stream.destroy();
  }
}

/**
 * Opens a file, a FIFO or a terminal device, such as a serial port, to be read once.
 * @throws VisualizerError SENSOR_NOT_RUNNABLE where it is missing, may not be read, or is a directory
 */
export async function openInputFile(path: string): Promise<Readable> {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) throw new Error('it is a directory');
    if (stat.isFile()) return createReadStream(path, { fd: openSync(path, 'r') });
    return openDevice(path);
  } catch (cause) {
    throw notReadable(path, cause);
  }
}

/**
 * What may never give anything must not be read like a file: the thread that waits for it would keep the process
 * from ending.
 */
function openDevice(path: string): Readable {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  if (isatty(fd)) return new Terminal(fd);
  if (fstatSync(fd).isFIFO()) return new Socket({ fd, readable: true, writable: false });
  return createReadStream(path, { fd });
}

/** The bytes as they come, and `undefined` for the end of the stream, unless it is stopped before that. */
async function* chunksOf(
  stream: Readable,
  name: string,
  stop: AbortSignal,
): AsyncGenerator<Buffer | undefined> {
  const iterator = stream[Symbol.asyncIterator]();
  let [ms, bytes] = [LONGEST_MS, MOST_BYTES];
  try {
    while (ms > 0 && bytes > 0) {
      const askedAt = stop.aborted ? performance.now() : undefined;
      const result = await nextUnlessSilent(iterator.next(), stop);
      if (result === undefined) return;
      if (askedAt !== undefined) {
        // Waiting counts, what is done with the lines does not: a slow destination costs no line.
        ms -= performance.now() - askedAt;
        bytes -= result.value?.length ?? 0;
      }
      yield result.done ? undefined : result.value;
      if (result.done) return;
    }
  } catch (cause) {
    throw notReadable(name, cause);
  }
}

/** What comes next; undefined once it is to stop and nothing comes any more. */
function nextUnlessSilent<T>(next: Promise<T>, stop: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const wait = () => {
      // Where this thread was busy all the time, what has come meanwhile is looked at first.
      timer = setTimeout(() => setImmediate(resolve, undefined), SILENCE_MS);
    };
    if (stop.aborted) wait();
    else stop.addEventListener('abort', wait, { once: true });
    void next.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      stop.removeEventListener('abort', wait);
    });
  });
}

function nameOf(stream: Readable): string {
  if (stream === process.stdin) return 'the standard input';
  const { path } = stream as { path?: unknown };
  return typeof path === 'string' && path !== '' ? path : 'the input';
}

function notReadable(name: string, cause: unknown): VisualizerError {
  const advice: Record<string, string> = {
    ENOENT: 'there is no such file',
    ENOTDIR: 'there is no such file: a part of its path is no directory',
    EACCES: `it may not be read; let this user read it, or try: chmod a+r ${name}`,
    EISDIR: 'it is a directory',
    ENXIO: 'it is a socket, or a device that is not connected',
    EAGAIN: `it is a device that cannot be waited for; try: cat ${name} | visualizer run --input -`,
    EIO: 'the device failed, or was disconnected',
  };
  const reason = advice[systemCodeOf(cause) ?? ''] ?? messageOf(cause);
  const text = `Cannot read ${name}: ${reason}. Name another input with --input.`;
  return new VisualizerError('SENSOR_NOT_RUNNABLE', text, { cause });
}
