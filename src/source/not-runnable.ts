import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { messageOf, systemCodeOf, VisualizerError } from '../errors.js';

const FIRST_LINE_BYTES = 256;

/** Why an executable could not be started, and what to do about it. */
export function notRunnable(executable: string, cause: Error): VisualizerError {
  const text = `The sensor ${executable} cannot be started: ${whyNotRunnable(executable, cause)}. Mend it, or name another one with --path-executable.`;
  return new VisualizerError('SENSOR_NOT_RUNNABLE', text, { cause });
}

export function whyNotRunnable(executable: string, cause: Error): string {
  switch (systemCodeOf(cause)) {
    case 'ENOENT':
      return existsSync(executable) ? badInterpreter(executable) : notThere(executable);
    case 'EACCES':
      return isDirectory(executable)
        ? 'it is a directory'
        : `it may not be executed; try: chmod +x ${executable}`;
    case 'ENOEXEC':
      return 'it is no program for this machine; a script needs a first line such as #!/bin/sh';
    default:
      return messageOf(cause);
  }
}

/** What one would type in a shell is one name here: nothing splits it. */
function notThere(executable: string): string {
  const [command = '', ...args] = executable.trim().split(/\s+/);
  const isCommandLine = args.length > 0 && (!command.includes('/') || existsSync(command));
  const advice = `; try: --path-executable ${command} -- ${args.join(' ')}`;
  return `there is no such file or command${isCommandLine ? advice : ''}`;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** The kernel answers ENOENT for a file that is there when its interpreter is not. */
function badInterpreter(executable: string): string {
  const [, interpreter] = /^#!\s*([^\s]+)/.exec(firstLineOf(executable)) ?? [];
  if (interpreter === undefined) return 'the loader or a library that it was built for is missing here';
  const windows = firstLineOf(executable).endsWith('\r')
    ? ` (the line ends with a carriage return; try: sed -i 's/\\r$//' ${executable})`
    : '';
  return `its first line asks for the interpreter ${interpreter}, which is not there${windows}`;
}

/** Such a text is run all the same, by a shell. */
export function namesNoInterpreter(executable: string): boolean {
  return /^(?!#!)[\t\x20-\x7e]+\r?$/.test(firstLineOf(executable));
}

function firstLineOf(file: string): string {
  try {
    const descriptor = openSync(file, 'r');
    try {
      const bytes = Buffer.alloc(FIRST_LINE_BYTES);
      return bytes.toString('utf8', 0, readSync(descriptor, bytes)).split('\n', 1)[0] as string;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return '';
  }
}
