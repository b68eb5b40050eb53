import { expect, it } from 'vitest';
import { z } from 'zod';
import { SCHEMA } from '../src/definition-schema.js';
import { expectGenerated } from './generated.js';

/** As much of JSON Schema as the definition needs. */
interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'number';
  readonly title?: string;
  readonly description?: string;
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** A key of a mapping, or of several that share a list: `only` names those that have it, where not all do. */
interface Key {
  readonly key: string;
  readonly schema: Schema;
  readonly needed: boolean;
  readonly only: readonly string[];
}

const definition = z.toJSONSchema(SCHEMA, { io: 'input', unrepresentable: 'any' }) as Schema;
const MAPPINGS = [
  ['The file', definition],
  ['metrics', definition.properties?.metrics?.items],
  ['alerts', definition.properties?.alerts?.items],
  ['query', definition.properties?.alerts?.items?.properties?.query],
  ['notify', definition.properties?.notify?.items],
] as [string, Schema][];

it('the reference of the definition is its schema; `npm run readme` writes it', () => {
  const tables = MAPPINGS.map(([title, schema]) => `## ${title}\n\n${table(keysOf(schema))}\n`);
  expectGenerated('docs/definition.md', 'reference', tables.join('\n'));
});

it('every key of a definition says what it is for', () => {
  const silent = MAPPINGS.flatMap(([title, schema]) =>
    keysOf(schema)
      .filter((key) => !key.schema.description)
      .map(({ key }) => `${title}: ${key}`),
  );
  expect(silent).toEqual([]);
});

function keysOf(schema: Schema): Key[] {
  const shapes = schema.oneOf ?? [schema];
  const keys = new Set(shapes.flatMap(({ properties }) => Object.keys(properties ?? {})));
  return [...keys].map((key) => {
    const having = shapes.filter(({ properties }) => properties?.[key] !== undefined);
    const schemas = having.map(({ properties }) => properties?.[key] as Schema);
    const [first] = schemas as [Schema];
    const names = schemas.flatMap((each) => each.const ?? []);
    return {
      key,
      schema: names.length > 0 ? { ...first, enum: names } : first,
      needed: having.every(({ required }) => required?.includes(key)),
      only: having.length === shapes.length ? [] : having.map(nameOf),
    };
  });
}

/** Of one of several shapes: what its constant key says. */
function nameOf({ properties = {} }: Schema): string {
  return Object.values(properties).find((schema) => schema.const !== undefined)?.const as string;
}

function table(keys: readonly Key[]): string {
  const rows = keys.map(({ key, schema, needed, only }) => {
    const value = `${shownValue(schema)}${needed ? ', needed' : ''}${fallbackOf(schema)}`;
    const whose = only.length > 0 ? `${only.map((name) => `\`${name}\``).join(', ')}: ` : '';
    return `| \`${key}\` | ${value} | ${whose}${schema.description} |`;
  });
  return ['| key | value | what it says |', '| --- | --- | --- |', ...rows].join('\n');
}

function shownValue(schema: Schema): string {
  if (schema.title !== undefined) return schema.title;
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`${word}\``).join(' or ');
  if (schema.type === 'array') {
    const items = schema.items as Schema;
    return items.properties || items.oneOf ? 'a list of mappings' : `a list of ${shownValue(items)}`;
  }
  return { object: 'a mapping', string: 'text', number: 'a number' }[schema.type as 'object'];
}

function fallbackOf({ default: fallback }: Schema): string {
  if (fallback === undefined) return '';
  if (Array.isArray(fallback)) return fallback.length === 0 ? ', empty unless given' : ', all unless given';
  return `, \`${fallback}\` unless given`;
}
