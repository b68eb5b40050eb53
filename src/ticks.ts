export const TICK = Symbol('tick');

/**
 * The source's items, and a TICK between them every `intervalMs`, whether anything comes or not; ticks that nobody
 * had time for are one. One item is asked for ahead. Who leaves early first ends the source: its pending item is
 * waited for.
 */
export async function* withTicks<T>(
  source: AsyncIterable<T>,
  intervalMs: number,
): AsyncGenerator<T | typeof TICK> {
  const iterator = source[Symbol.asyncIterator]();
  let due = false;
  let wake = () => {};
  const tick = () => {
    due = true;
    wake();
  };
  // What lies ready to be read goes before the tick that came meanwhile.
  const timer = setInterval(() => setImmediate(tick), intervalMs);
  // Not Promise.race with a promise of the next tick: that would hold every item until the tick.
  let answer: Promise<IteratorResult<T>> | undefined;
  const ask = () => {
    answer = undefined;
    const asked = iterator.next();
    const settle = () => {
      answer = asked;
      wake();
    };
    asked.then(settle, settle);
  };
  try {
    ask();
    while (true) {
      if (due) {
        due = false;
        yield TICK;
      } else if (answer !== undefined) {
        const result: IteratorResult<T> = await answer;
        if (result.done) return;
        ask();
        yield result.value;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    clearInterval(timer);
    await iterator.return?.();
  }
}
