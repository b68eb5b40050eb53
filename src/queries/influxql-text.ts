/** How names, texts and numbers are written in InfluxQL. */

/** Quoted, since a name may be a keyword such as `read`, or hold dots and dashes. */
export function identifier(name: string): string {
  return `"${escaped(name, '"')}"`;
}

export function text(value: string): string {
  return `'${escaped(value, "'")}'`;
}

/** Rules: https://docs.influxdata.com/influxdb/v1/query_language/spec/#strings */
function escaped(value: string, quote: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`).replaceAll('\n', '\\n');
}

/** InfluxQL knows no exponents. */
export function decimal(value: number): string {
  const [, sign, whole, fraction = '', exponent] =
    /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(String(value)) ?? [];
  if (exponent === undefined) return String(value);
  const shift = Number(exponent);
  const zeros = '0'.repeat(Math.abs(shift));
  const digits = `${whole}${fraction}`;
  return shift < 0
    ? `${sign}0.${zeros.slice(1)}${digits}`
    : `${sign}${digits}${zeros.slice(fraction.length)}.0`;
}
