export const TICK = Symbol('tick');

/**
 * The source's items, and a TICK between them every `intervalMs`, whether anything comes or not. One item is
 * asked for ahead. Who leaves early first ends the source: its pending item is waited for.
 */
export async function* withTicks<T>(
  source: AsyncIterable<T>,
  intervalMs: number,
): AsyncGenerator<T | typeof TICK> {
  const iterator = source[Symbol.asyncIterator]();
  let timer: NodeJS.Timeout | undefined;
  const nextTick = () =>
    new Promise<typeof TICK>((resolve) => {
      timer = setTimeout(resolve, intervalMs, TICK);
    });
  try {
    let tick = nextTick();
    let next = iterator.next();
    while (true) {
      const result = await Promise.race([tick, next]);
      if (result === TICK) {
        tick = nextTick();
        yield TICK;
      } else {
        if (result.done) return;
        next = iterator.next();
        yield result.value;
      }
    }
  } finally {
    clearTimeout(timer);
    await iterator.return?.();
  }
}
