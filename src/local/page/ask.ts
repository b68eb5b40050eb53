/** Questions to the server, and what to say when it does not answer. */

export class Refusal extends Error {
  /** Of HTTP; absent where the server could not be reached. */
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

/** Several values are the same parameter several times. */
type Parameters = Readonly<Record<string, string | number | readonly string[]>>;

/** What the server answers as JSON; throws a Refusal, or the AbortError of the signal. */
export async function ask<Answer>(
  path: string,
  parameters: Parameters = {},
  signal?: AbortSignal,
): Promise<Answer> {
  const query = Object.entries(parameters).flatMap(([name, value]) =>
    [value].flat().map((each) => `${name}=${encodeURIComponent(each)}`),
  );
  const url = query.length === 0 ? path : `${path}?${query.join('&')}`;
  const response = await fetch(url, signal ? { signal } : {}).catch((error: Error) => {
    throw error.name === 'AbortError' ? error : new Refusal('the server cannot be reached');
  });
  if (response.ok) return response.json();
  const { error } = await response.json().catch(() => ({ error: response.statusText }));
  throw new Refusal(`${error} (HTTP ${response.status})`, response.status);
}

/** One question at a time: a new one takes the place of the one under way. */
export class Track {
  #running: AbortController | undefined;

  get busy(): boolean {
    return this.#running !== undefined;
  }

  /** The answer is dropped when the next question comes first. */
  async run<Answer>(
    question: (signal: AbortSignal) => Promise<Answer>,
    take: (answer: Answer) => void,
    refused: (refusal: Refusal) => void,
  ): Promise<void> {
    this.#running?.abort();
    const mine = new AbortController();
    this.#running = mine;
    try {
      const answer = await question(mine.signal);
      if (mine.signal.aborted) return;
      this.#running = undefined;
      take(answer);
    } catch (thrown) {
      if (mine.signal.aborted) return;
      this.#running = undefined;
      if (!(thrown instanceof Refusal)) throw thrown;
      refused(thrown);
    }
  }
}
