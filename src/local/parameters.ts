/** The parameters of a request: each is checked, and none is ignored. */

/** @see Status 400 */
export class BadParameter extends Error {
  readonly parameter: string;

  constructor(parameter: string, message: string) {
    super(message);
    this.parameter = parameter;
  }
}

/** The end of the century, in ms: times beyond it are mistakes, and too large for nanoseconds. */
const LATEST_MS = 4_102_444_800_000;

export class Parameters {
  readonly #given: URLSearchParams;

  /** @param known their names: any other is a mistake */
  constructor(url: string, known: readonly string[]) {
    this.#given = new URLSearchParams(url.split('?').slice(1).join('?'));
    for (const name of this.#given.keys()) {
      if (known.includes(name)) continue;
      const expected = known.length === 0 ? 'there is none here' : `known: ${known.join(', ')}`;
      throw new BadParameter(name, `${JSON.stringify(name)} is no parameter; ${expected}`);
    }
  }

  /** `from` and `to`, in ms since the epoch. */
  range(): { from: number; to: number } {
    const expected = 'must be a time in whole milliseconds since the epoch';
    const from = this.#integer('from', 0, LATEST_MS, expected);
    const to = this.#integer('to', 0, LATEST_MS, expected);
    if (from >= to) throw new BadParameter('to', '"to" must be later than "from"');
    return { from, to };
  }

  points(most: number): number {
    return this.#integer('points', 1, most, `must be a whole number, 1 to ${most}`);
  }

  one(name: string): string {
    const given = this.#given.getAll(name);
    if (given[0] === undefined) throw new BadParameter(name, `"${name}" is missing`);
    if (given.length > 1) throw new BadParameter(name, `"${name}" is given more than once`);
    return given[0];
  }

  all(name: string): string[] {
    return [...new Set(this.#given.getAll(name))];
  }

  #integer(name: string, low: number, high: number, expected: string): number {
    const text = this.one(name);
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(number >= low && number <= high)) throw new BadParameter(name, `"${name}" ${expected}`);
    return number;
  }
}
