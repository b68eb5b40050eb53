import { readFileSync } from 'node:fs';
import { systemCodeOf } from './errors.js';

/** Names of variables that no other program has any business to see: secrets, and what lets it speak for the service. */
const WITHHELD =
  /^INFLUX_|TOKEN|PASSW(OR)?D|PASSPHRASE|_PWD$|_PASS$|SECRET|CREDENTIAL|(API|ACCESS|PRIVATE)_?KEY|^(NOTIFY_SOCKET|WATCHDOG_USEC|WATCHDOG_PID|CREDENTIALS_DIRECTORY)$/i;

export function isWithheld(name: string): boolean {
  return WITHHELD.test(name);
}

export interface Variable {
  readonly text: string;
  /** The variable that it came from. */
  readonly name: string;
}

/** The message names the variable and the file. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile';
}

/**
 * A variable of the environment, or what stands in the file that `<NAME>_FILE` names, as container platforms mount
 * secrets: without the blanks and line ends around it. A variable that is empty is not set; an empty file is.
 * @throws UnreadableFile
 */
export function findVariable(name: string, environment: NodeJS.ProcessEnv): Variable | undefined {
  const text = environment[name];
  if (text) return { text, name };
  const variable = `${name}_FILE`;
  const file = environment[variable];
  if (!file) return undefined;
  try {
    return { text: readFileSync(file, 'utf8').trim(), name: variable };
  } catch (cause) {
    const why = `${variable} names ${file}, which cannot be read (${systemCodeOf(cause)})`;
    throw new UnreadableFile(why, { cause });
  }
}
