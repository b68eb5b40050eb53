/** `host:port`, as it stands in a URL; of all hosts only IPv6 addresses have colons. */
export function authorityOf(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
