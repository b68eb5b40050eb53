/** How names, texts, numbers and times are written in DuckDB's SQL. */

/** Quoted, since a name may be a keyword, or hold dots and dashes. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** Whole numbers as integers, which are compared exactly; others as doubles, not as DuckDB's decimals. */
export function decimal(value: number): string {
  return Number.isSafeInteger(value) ? String(value) : value.toExponential();
}

/** A TIMESTAMP_NS; the milliseconds since the epoch have to be whole. */
export function timestamp(milliseconds: number): string {
  return `make_timestamp_ns(${nanoseconds(milliseconds)})`;
}

/** They have to be whole. */
export function nanoseconds(milliseconds: number): bigint {
  return BigInt(milliseconds) * 1_000_000n;
}
