import { setMaxListeners } from 'node:events';

/** Questions under way, so that one that is asked twice at a time is answered once. */
export class Questions {
  readonly #underWay = new Map<string, UnderWay>();

  /** The work is given up once every one who asked has gone. */
  async ask<T>(key: string, gone: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const question = this.#underWay.get(key) ?? this.#begin(key, work);
    question.asking += 1;
    const leave = () => {
      question.asking -= 1;
      if (question.asking > 0) return;
      if (this.#underWay.get(key) === question) this.#underWay.delete(key);
      question.abort.abort();
    };
    gone.addEventListener('abort', leave, { once: true });
    try {
      return (await question.answer) as T;
    } finally {
      gone.removeEventListener('abort', leave);
    }
  }

  #begin<T>(key: string, work: (signal: AbortSignal) => Promise<T>): UnderWay {
    const abort = new AbortController();
    setMaxListeners(0, abort.signal); // One for each query that it takes.
    const end = () => {
      if (this.#underWay.get(key) === question) this.#underWay.delete(key);
    };
    const question: UnderWay = { abort, answer: work(abort.signal).finally(end), asking: 0 };
    this.#underWay.set(key, question);
    return question;
  }
}

interface UnderWay {
  readonly abort: AbortController;
  readonly answer: Promise<unknown>;
  asking: number;
}
