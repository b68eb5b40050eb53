import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/** The compose files as they are written, and what they mean with nothing set. */

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const FULL = 'docker-compose.yml';
export const MINIMAL = 'docker-compose-minimal.yaml';

export interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly environment: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes: readonly (string | LongMount)[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly restart: string;
  readonly stop_grace_period: string;
  readonly mem_limit: string;
  readonly logging: { readonly options: Readonly<Record<string, string>> };
  readonly command?: unknown;
  readonly entrypoint?: unknown;
}

interface LongMount {
  readonly source: string;
  readonly target: string;
  readonly read_only?: boolean;
}

/** A volume, or a folder of this machine. */
export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly writable: boolean;
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

export function text(file: string): string {
  return readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
}

/** With `${NAME:-default}` as it stands. */
export function written(file: string): ComposeFile {
  return parse(text(file), { merge: true });
}

/** With the defaults for all variables. */
export function meant(file: string): ComposeFile {
  return parse(text(file).replace(VARIABLE, '$2'), { merge: true });
}

/** Name and default. */
export const VARIABLE = /\$\{(\w+)(?::-([^}]*))?\}/g;

export function service(file: ComposeFile, name: string): Service {
  const found = file.services[name];
  if (found === undefined) throw new Error(`there is no service ${name}`);
  return found;
}

export function mountsOf({ volumes }: Service): Mount[] {
  return volumes.map((mount) => {
    if (typeof mount !== 'string') return { ...mount, writable: mount.read_only !== true };
    const [source = '', target = '', mode] = mount.split(':');
    return { source, target, writable: mode !== 'ro' };
  });
}

/** `.env.example`: name and value. */
export function documented(): Map<string, string> {
  const lines = text('.env.example').split('\n');
  return new Map(
    lines.flatMap((line) => {
      const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
  );
}
