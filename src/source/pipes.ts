import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/** A pipe whose write end is for a child. */
export interface Pipe {
  readonly reader: Readable;
  readonly writer: number;
}

/**
 * Two pipes for the output of a child. What Node itself gives a child are sockets, which cannot be opened by their
 * name: `echo 1 > /dev/stdout` fails there. Undefined where no pipe can be made; the sockets have to do then.
 */
export function openPipes(): [Pipe, Pipe] | undefined {
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(tmpdir(), 'visualizer-'));
    const paths = [join(folder, '1'), join(folder, '2')] as const;
    execFileSync('mkfifo', ['-m', '600', ...paths], { stdio: 'ignore' });
    return [openPipe(paths[0]), openPipe(paths[1])];
  } catch {
    return undefined;
  } finally {
    // Who has opened it needs no name.
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

function openPipe(path: string): Pipe {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  return { reader: new Socket({ fd, readable: true, writable: false }), writer };
}

/** To be called once the child has the write ends: only it holds them open then. */
export function closeWriters(pipes: readonly Pipe[]): void {
  for (const { writer } of pipes) closeSync(writer);
}
