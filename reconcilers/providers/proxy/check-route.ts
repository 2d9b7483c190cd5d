import { isIPv4, isIPv6 } from 'node:net';
import type { ProxyRoute, ProxySettings } from './client.ts';
import { ProxyFault } from './fault.ts';

const hostPattern = /^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const upstreamPattern = /^(?:(?<v4>[0-9.]+)|\[(?<v6>[0-9a-f:.]+)\]):(?<port>\d{1,5})$/;

/**
 * Refuses whatever is not plainly a host name or an address. The proxy expands `{...}` in the strings of its configuration,
 * so what is let through here must have no meaning there but its own. Throws ProxyFault `invalid`.
 */
export function checkRoute({ id, hosts, upstreams }: ProxyRoute): void {
  if (!/^[A-Za-z0-9-]{1,100}$/.test(id)) throw invalid(`"${id}" cannot be the id of a route.`);
  for (const { host } of hosts)
    if (host.length > 253 || !hostPattern.test(host)) throw invalid(`${JSON.stringify(host)} is no host name.`);
  for (const upstream of upstreams)
    if (!isUpstream(upstream)) throw invalid(`${JSON.stringify(upstream)} is no address and port.`);
}

/** As `checkRoute`, of what holds for all routes. */
export function checkSettings({ bind, email }: ProxySettings): void {
  if (bind !== undefined && !isIPv4(bind) && !isIPv6(bind)) throw invalid(`${JSON.stringify(bind)} is no address.`);
  if (email !== undefined && !/^[^\s{}\\@]+@[^\s{}\\@]+$/.test(email))
    throw invalid(`${JSON.stringify(email)} is no e-mail address.`);
}

/** As `checkRoute`, of the path of the socket between two proxies. */
export function checkSocket(path: string): void {
  if (!/^\/([^\s{}|]| )+$/.test(path)) throw invalid(`${JSON.stringify(path)} is no path of a socket.`);
}

/** Whether this is `address:port`, with IPv6 in brackets. */
export function isUpstream(text: string): boolean {
  const { v4 = '', v6 = '', port = '' } = upstreamPattern.exec(text)?.groups ?? {};
  return (isIPv4(v4) || isIPv6(v6)) && Number(port) > 0 && Number(port) < 65_536;
}

function invalid(message: string): ProxyFault {
  return new ProxyFault('invalid', message);
}
