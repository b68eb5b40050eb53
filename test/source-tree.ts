/** The files of src/ as a compiler reads them: what each imports, and what it takes from `process`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync, Visitor } from 'rolldown/utils';

const SRC = fileURLToPath(new URL('../src/', import.meta.url));

export interface Import {
  /** A file as a path below src/, or the name of a package: `local/page/page.ts`, `node:fs`. */
  readonly of: string;
  /** Nothing of it is left when the program runs. */
  readonly typeOnly: boolean;
}

export interface SourceFile {
  /** Below src/. */
  readonly path: string;
  readonly imports: readonly Import[];
  /** `env` where it says `process.env`. */
  readonly takenFromProcess: readonly string[];
}

export function sourceFiles(): SourceFile[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts'))
    .toSorted()
    .map(readSourceFile);
}

function readSourceFile(path: string): SourceFile {
  const { program, errors } = parseSync(path, readFileSync(join(SRC, path), 'utf8'));
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
  const imports: Import[] = [];
  const takenFromProcess: string[] = [];
  const add = (from: { type: string; value?: unknown }, typeOnly: boolean) => {
    if (typeof from.value !== 'string') throw new Error(`${path}: an import must name what it imports`);
    imports.push({ of: resolved(path, from.value), typeOnly });
  };
  new Visitor({
    ImportDeclaration: ({ source, importKind }) => add(source, importKind === 'type'),
    ExportNamedDeclaration: ({ source, exportKind }) => source && add(source, exportKind === 'type'),
    ExportAllDeclaration: ({ source, exportKind }) => add(source, exportKind === 'type'),
    ImportExpression: ({ source }) => add(source, false),
    TSImportType: ({ source }) => add(source, true),
    MemberExpression: ({ object, property, computed }) => {
      if (object.type !== 'Identifier' || object.name !== 'process') return;
      takenFromProcess.push(!computed && 'name' in property ? property.name : 'anything');
    },
    VariableDeclarator: ({ init }) => {
      if (init?.type === 'Identifier' && init.name === 'process') takenFromProcess.push('anything');
    },
  }).visit(program);
  return { path, imports, takenFromProcess };
}

function resolved(path: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier;
  const file = posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts');
  if (!existsSync(join(SRC, file))) throw new Error(`${path} imports ${specifier}, which is not there`);
  return file;
}
