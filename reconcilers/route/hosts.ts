import { createHash } from 'node:crypto';
import type { Proxy } from '../../crds/proxy.ts';
import type { Route } from '../../crds/route.ts';
import type { ProxyHost } from '../providers/proxy/client.ts';

/** A host name that a Route wants and another Route had first. */
export interface TakenHost {
  host: string;
  by: Route;
}

/** The host names that a Route wants of a proxy, its own domains first. Pure. */
export function wantedHosts(route: Route, proxy: Proxy): ProxyHost[] {
  const { tls, baseDomain } = proxy.spec;
  const hosts = route.spec.domains.map((domain) => ({
    host: domain.host,
    tls: domain.tls === 'auto' ? tls : domain.tls,
  }));
  if (baseDomain !== undefined) hosts.push({ host: `${generatedLabel(route)}.${baseDomain}`, tls });
  return [...new Map(hosts.map((host) => [host.host, host])).values()];
}

/** Which of the wanted host names a Route gets: the older Route keeps what two of them want. Pure. */
export function claimHosts(
  route: Route,
  wanted: readonly ProxyHost[],
  others: readonly Route[],
  wantedBy: (route: Route) => readonly ProxyHost[],
): { granted: ProxyHost[]; taken: TakenHost[] } {
  const open = new Map(wanted.map((host) => [host.host, host]));
  const taken: TakenHost[] = [];
  for (const other of others) {
    if (other.metadata.uid === route.metadata.uid || other.metadata.deletionTimestamp !== undefined) continue;
    if (!isOlder(other, route)) continue;
    for (const { host } of wantedBy(other)) if (open.delete(host)) taken.push({ host, by: other });
  }
  return { granted: [...open.values()], taken };
}

/** Where users reach a host. Pure. */
export function urlOf({ host, tls }: ProxyHost, { spec }: Proxy): string {
  const [scheme, port, usual] = tls === 'off' ? ['http', spec.ports.http, 80] : ['https', spec.ports.https, 443];
  return `${scheme}://${host}${port === usual ? '' : `:${port}`}`;
}

/** SERVICE-PROJECT, cut and marked with a digest of itself where that is too long for a host name. */
function generatedLabel({ metadata, spec }: Route): string {
  const whole = `${spec.service}-${metadata.namespace ?? ''}`;
  if (whole.length <= 63) return whole;
  const digest = createHash('sha256').update(whole).digest('hex').slice(0, 8);
  return `${whole.slice(0, 54).replace(/-+$/, '')}-${digest}`;
}

function isOlder(a: Route, b: Route): boolean {
  const [at, bt] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp];
  return at === bt ? a.metadata.uid < b.metadata.uid : at < bt;
}
