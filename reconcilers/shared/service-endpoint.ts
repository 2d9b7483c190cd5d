import { conditionIs } from '../../crds/condition.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Route } from '../../crds/route.ts';
import type { Service } from '../../crds/service.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';

/** Where other services reach a Service. */
export interface ServiceEndpoint {
  host: string;
  port: number;
  url: string;
  /** It goes through a proxy, and so stays when the guests change. */
  isProxied: boolean;
}

/**
 * Where a Service is reached: by the address of its route when that has a proxy, else at the first port of its first ready
 * guest; undefined while there is neither. `known`, a "host:port", is kept for as long as it is one of the guests', ready or
 * not, so that a guest that comes and goes does not make others follow.
 */
export function serviceEndpoint(
  { metadata, spec }: Service,
  read: Pick<ResourceReader, 'get' | 'ownedBy'>,
  known?: string,
): ServiceEndpoint | undefined {
  const { namespace, name, uid } = metadata;
  const route = read.get(Route, { namespace, name });
  const url = route?.status.proxy === undefined ? undefined : route.status.url;
  if (url !== undefined) return { ...partsOf(url), url, isProxied: true };

  const active = read
    .ownedBy(Deployment, uid)
    .filter(({ status }) => status.promoted)
    .reduce<Deployment | undefined>(
      (best, one) => (best && best.spec.revision > one.spec.revision ? best : one),
      undefined,
    );
  const guests = active ? read.ownedBy(Guest, active.metadata.uid) : [];
  const reached = guests
    .filter((guest) => guest.metadata.deletionTimestamp === undefined)
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .flatMap((guest) => {
      const [host] = guest.status.addresses;
      const port = spec.ports[0]?.port ?? guest.spec.ports[0]?.port;
      return host === undefined || port === undefined ? [] : [{ guest, host, port }];
    });
  const found =
    reached.find(({ host, port }) => `${host}:${port}` === known) ??
    reached.find(({ guest }) => conditionIs(guest.status.conditions, 'Ready', 'True'));
  if (!found) return undefined;
  const { host, port } = found;
  return { host, port, url: `http://${host}:${port}`, isProxied: false };
}

function partsOf(url: string): { host: string; port: number } {
  const { hostname, port, protocol } = new URL(url);
  return { host: hostname, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) };
}
