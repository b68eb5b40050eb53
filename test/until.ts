import { setTimeout as delay } from 'node:timers/promises';

/** Waits until the condition holds; fails, naming what was waited for, when it does not within the deadline. */
export async function until(what: string, condition: () => unknown, deadlineMs = 30_000): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${deadlineMs} ms in vain until ${what}`);
    await delay(10);
  }
}
