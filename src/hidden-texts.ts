const HIDDEN = '***';
const LEAST = 3;

/** Secrets that are to be known again in any text: servers repeat what they were sent. */
export class HiddenTexts {
  readonly #known = new Set<string>();

  /** One that is shorter than three characters hides nothing: it stands in every text. */
  remember(value: string): void {
    if (value.length < LEAST) return;
    for (const form of [value, Buffer.from(value).toString('base64')]) {
      this.#known.add(form).add(encodeURIComponent(form)).add(JSON.stringify(form).slice(1, -1));
    }
  }

  /** The text without any of them. */
  hide(text: string): string {
    if (text === '') return text;
    const longestFirst = [...this.#known].sort((one, other) => other.length - one.length);
    return longestFirst.reduce((rest, secret) => rest.replaceAll(secret, HIDDEN), text);
  }
}
