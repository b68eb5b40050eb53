/**
 * JSON files of a state directory. Each is written anew beside itself, synced and renamed: after any crash it is the
 * old one or the new one.
 */
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from './zod.js';

/** Rejects where it cannot be read, and where it is not as expected, saying in one line where. */
export async function readStateJson<Content>(file: string, format: z.ZodMiniType<Content>): Promise<Content> {
  const { data, error } = z.safeParse(format, JSON.parse(await readFile(file, 'utf8')));
  if (error === undefined) return data;
  const [issue] = error.issues;
  throw new Error(`${issue?.path.join('.')}: ${issue?.message}`);
}

/** Resolves once it is on disk. Two of the same file must not go on at a time. */
export async function writeStateJson(file: string, content: unknown): Promise<void> {
  const draft = `${file}.draft`;
  await writeSynced(draft, JSON.stringify(content));
  await rename(draft, file);
  await syncDirectory(dirname(file));
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
