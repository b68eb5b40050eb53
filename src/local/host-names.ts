import { isIP, isIPv6 } from 'node:net';
import { hostname } from 'node:os';

/** Names and addresses that only this machine answers to. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** As it stands in a URL; what listens on every address is reached by the machine's name. */
export function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return hostname();
  // Only IPv6 addresses have colons.
  return host.includes(':') ? `[${host}]` : host;
}

/**
 * Whether a Host header is ours. A foreign page reads this one by a name of its own that it lets resolve to our
 * address (DNS rebinding); the Host header then says that name. Any port will do, since tunnels and containers
 * change it and that attack does not need to. Where the page is served beyond this machine any address will do as
 * well: an address cannot be made to resolve to another one.
 */
export function isOwnHost(header: string | undefined, host: string, names: readonly string[]): boolean {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/.exec(header?.toLowerCase() ?? '');
  const asked = match?.[1] ?? match?.[2];
  if (asked === undefined || (match?.[1] !== undefined && !isIPv6(asked))) return false;
  if (['127.0.0.1', '::1', 'localhost', host.toLowerCase()].includes(asked)) return true;
  if (names.some((name) => name.toLowerCase() === asked)) return true;
  if (isLoopback(host)) return false;
  const own = hostname().toLowerCase();
  return isIP(asked) !== 0 || asked === own || asked === `${own}.local`;
}
