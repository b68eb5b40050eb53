import { HiddenTexts } from '../hidden-texts.js';
import { findVariable, UnreadableFile } from '../secret-file.js';

/** What a receiver asks of the environment is missing; the message says what to set, and holds no secret. */
export class NotSetUp extends Error {
  override readonly name = 'NotSetUp';
}

/** What may stand in a header or a URL. */
const SENDABLE = /^[\x21-\x7e]+$/;

/** Secrets by environment variable, or by the file that `<NAME>_FILE` names; it knows them again in any text. */
export class Secrets extends HiddenTexts {
  readonly #environment: NodeJS.ProcessEnv;

  constructor(environment: NodeJS.ProcessEnv) {
    super();
    this.#environment = environment;
  }

  /** All of them, to be sent in headers and URLs. @throws NotSetUp naming each that is missing */
  keys<const Names extends readonly string[]>(...variables: Names): { [Index in keyof Names]: string } {
    const found = variables.map((variable) => this.find(variable));
    const missing = variables.filter((_, index) => found[index] === undefined);
    if (missing.length > 0) throw new NotSetUp(missingText(missing));
    return variables.map((variable) => this.key(variable)) as { [Index in keyof Names]: string };
  }

  /** One that need not be. */
  key(variable: string): string | undefined {
    const value = this.find(variable);
    if (value === undefined || SENDABLE.test(value)) return value;
    throw new NotSetUp(`${variable} must be printable ASCII characters in one line, without blanks`);
  }

  find(variable: string): string | undefined {
    const value = this.plain(variable);
    if (value !== undefined) this.remember(value);
    return value;
  }

  /** One that is no secret, such as a host. What is left empty is not set. */
  plain(variable: string): string | undefined {
    try {
      return findVariable(variable, this.#environment)?.text || undefined;
    } catch (cause) {
      throw cause instanceof UnreadableFile ? new NotSetUp(cause.message, { cause }) : cause;
    }
  }
}

export function missingText(variables: readonly string[]): string {
  return `set ${variables.map((variable) => `${variable} (or ${variable}_FILE, a file that holds it)`).join(' and ')}`;
}
