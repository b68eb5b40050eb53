import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the page of a run is, left in its state directory for whoever comes upon the run there. */
export function leavePageAddress(stateDirectory: string, url: string): () => void {
  const file = join(stateDirectory, 'page');
  try {
    writeFileSync(file, JSON.stringify({ pid: process.pid, url }), { mode: 0o600 });
  } catch {
    // A full disk keeps no run from starting.
  }
  return () => rmSync(file, { force: true });
}

/** The page of the run with this process id; one that crashed may have left its own. */
export function pageAddressOf(pid: number, stateDirectory: string): string | undefined {
  try {
    const left = JSON.parse(readFileSync(join(stateDirectory, 'page'), 'utf8'));
    return left.pid === pid && typeof left.url === 'string' ? left.url : undefined;
  } catch {
    return undefined;
  }
}
