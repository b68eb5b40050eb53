import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { quantile } from './samples.js';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory: string;
  readonly node: string;
  readonly system: string;
  readonly disk: string;
}

/** What numbers depend on. The disk is that of the folder. */
export function describeMachine(folder: string): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'an unknown processor',
    cores: processors.length,
    memory: `${Math.round(totalmem() / 1024 ** 3)} GiB`,
    node: process.versions.node,
    system: `${type()} ${release()}`,
    disk: `${fileSystemOf(folder)} that syncs 64 KiB in ${syncMs(folder).toFixed(1)} ms`,
  };
}

/** Some of statfs(2). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: 'ext4',
  16914836: 'tmpfs',
  1481003842: 'XFS',
  2435016766: 'Btrfs',
  801189825: 'ZFS',
  2035054128: 'overlayfs',
  26: 'APFS',
};

function fileSystemOf(folder: string): string {
  return FILE_SYSTEMS[statfsSync(folder).type] ?? 'a disk';
}

const SYNCS = 21;

/** A disk that lies about it shows here. */
function syncMs(parent: string): number {
  const folder = mkdtempSync(join(parent, 'visualizer-bench-'));
  const file = openSync(join(folder, 'file'), 'a');
  try {
    const times = Array.from({ length: SYNCS }, () => {
      const started = performance.now();
      writeSync(file, Buffer.alloc(64 * 1024));
      fdatasyncSync(file);
      return performance.now() - started;
    });
    return quantile(times, 0.5);
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
}
