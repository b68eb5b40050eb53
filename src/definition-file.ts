import { readFileSync } from 'node:fs';
import { type Document, isMap, isNode, isPair, LineCounter, parseDocument, visit } from 'yaml';
import type { Definition } from './definition.js';
import { describeIssue, type Issue } from './definition-issues.js';
import { checkNames } from './definition-names.js';
import { SCHEMA } from './definition-schema.js';
import { messageOf, VisualizerError } from './errors.js';
import type * as z from './zod.js';

/**
 * Reads and checks a definition file.
 * @throws VisualizerError BAD_DEFINITION, its message a line for every mistake: `file:line: field: what`
 */
export function readDefinition(file: string): Definition {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new VisualizerError(
      'BAD_DEFINITION',
      `The sensor definition ${file} cannot be read: ${messageOf(cause)}. Give the path of a YAML file with --sensor.`,
      { cause },
    );
  }
  return parseDefinition(text, file);
}

/** As {@link readDefinition}, from a text; `file` is only named in the errors. */
export function parseDefinition(text: string, file: string): Definition {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, logLevel: 'error' });
  const syntax = document.errors.map((error) => ({
    line: lines.linePos(error.pos[0]).line,
    message: error.message.split(/ at line|:\n/)[0] as string,
  }));
  if (syntax.length > 0) throw badDefinition(file, syntax);

  const raw = contentOf(document, lines, file);
  const parsed = SCHEMA.safeParse(raw, { error: describeIssue });
  const issues = [...(parsed.error?.issues ?? []).flatMap(perUnknownKey), ...checkNames(raw)];
  if (parsed.success && issues.length === 0) return parsed.data;
  throw badDefinition(
    file,
    issues.map(({ path, message }) => ({
      line: lineOf(document, lines, path),
      message: `${fieldName(path)}: ${message}`,
    })),
  );
}

/** YAML allows what cannot be resolved: an alias of nothing, of what it stands in, or of aliases without end. */
function contentOf(document: Document, lines: LineCounter, file: string): unknown {
  try {
    const content: unknown = document.toJS() ?? {};
    // Whoever shows a value relies on it.
    JSON.stringify(content);
    return content;
  } catch (cause) {
    let offset = 0;
    visit(document, {
      Alias(_, alias) {
        offset = alias.range?.[0] ?? 0;
        return alias.resolve(document) === undefined ? visit.BREAK : undefined;
      },
    });
    throw badDefinition(file, [
      { line: lines.linePos(offset).line, message: messageOf(cause).split('\n')[0] as string },
    ]);
  }
}

interface Mistake {
  readonly line: number;
  readonly message: string;
}

function badDefinition(file: string, mistakes: Mistake[]): VisualizerError {
  const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`;
  const list = mistakes
    .toSorted((a, b) => a.line - b.line)
    .map(({ line, message }) => `  ${file}:${line}: ${message}`);
  return new VisualizerError(
    'BAD_DEFINITION',
    `The sensor definition has ${count}:\n${[...new Set(list)].join('\n')}`,
  );
}

/** zod reports the unknown keys of one mapping as one issue at the mapping; each deserves a line of its own. */
function perUnknownKey(issue: z.core.$ZodIssue): Issue[] {
  if (issue.code !== 'unrecognized_keys') return [issue];
  return issue.keys.map((key) => ({ path: [...issue.path, key], message: 'is no key known here' }));
}

/** The line of the innermost part of the path that stands in the file: for a missing key, its mapping's. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const offset = offsetOf(document, path.slice(0, depth));
    if (offset !== undefined) return lines.linePos(offset).line;
  }
  return 1;
}

/** Where the key of a mapping, or the item of a list, begins. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (isMap(parent)) {
    const pair = parent.items.find((item) => isPair(item) && String(item.key) === String(path.at(-1)));
    return isNode(pair?.key) ? pair.key.range?.[0] : undefined;
  }
  const node = document.getIn(path, true);
  return isNode(node) ? node.range?.[0] : undefined;
}

/** `alerts[2].query.over` */
function fieldName(path: readonly PropertyKey[]): string {
  const written = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return written.replace(/^\./, '') || 'the file';
}
