import { isIPv6 } from 'node:net';
import { conditionIs } from '../../crds/condition.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Proxy } from '../../crds/proxy.ts';
import { Route } from '../../crds/route.ts';
import { controllerOf } from '../../controller/object-key.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import type { ProxyHost } from '../providers/proxy/client.ts';
import { isLeaving } from '../shared/traffic.ts';
import { claimHosts, wantedHosts, type TakenHost } from './hosts.ts';

/** A guest as far as requests go. */
export interface GuestFact {
  guest: string;
  /** Address and port; undefined while it has no address. */
  address: string | undefined;
  ready: boolean;
  /** It is being removed, is to leave, or does not run: nothing should be asked there. */
  gone: boolean;
}

/** The guests of one revision that took over. */
export interface RevisionFact {
  revision: number;
  guests: readonly GuestFact[];
}

/** What the store says around one Route. */
export interface RouteView {
  proxy: Proxy | undefined;
  granted: readonly ProxyHost[];
  taken: readonly TakenHost[];
  /** Promoted revisions that still exist, the newest first. */
  revisions: readonly RevisionFact[];
}

/** Looks at a Route's surroundings in the cache. */
export type ObserveRoute = (route: Route, status: Route['status']) => RouteView;

/** The host names that a Route wants of a proxy. */
export type HostsOf = (route: Route, proxy: Proxy) => readonly ProxyHost[];

/** Works them out once for each version of a Route, since every Route is compared with every other. */
export function rememberHosts(): HostsOf {
  const known = new WeakMap<Route, { proxy: Proxy; hosts: readonly ProxyHost[] }>();
  return (route, proxy) => {
    const entry = known.get(route);
    if (entry?.proxy === proxy) return entry.hosts;
    const hosts = wantedHosts(route, proxy);
    known.set(route, { proxy, hosts });
    return hosts;
  };
}

/** Reads only the cache. */
export function createRouteObserver(read: ResourceReader, hostsOf: HostsOf): ObserveRoute {
  return (route, status) => {
    const proxy = chooseProxy(read.list(Proxy), status.proxy);
    const claims = proxy
      ? claimHosts(route, hostsOf(route, proxy), read.list(Route), (other) => hostsOf(other, proxy))
      : { granted: [], taken: [] };
    return { proxy, ...claims, revisions: revisionsOf(route, read) };
  };
}

/** The one that carries it already, else `default`, else the first by name; one that is being removed carries nothing. Pure. */
export function chooseProxy(proxies: readonly Proxy[], current: string | undefined): Proxy | undefined {
  const usable = proxies
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const named = (name: string | undefined): Proxy | undefined => usable.find(({ metadata }) => metadata.name === name);
  return named(current) ?? named('default') ?? usable[0];
}

function revisionsOf(route: Route, read: ResourceReader): RevisionFact[] {
  const { namespace } = route.metadata;
  const owner = controllerOf(route);
  const deployments = owner ? read.ownedBy(Deployment, owner.uid) : read.list(Deployment, namespace);
  const promoted = deployments
    .filter(({ spec, status }) => spec.service === route.spec.service && status.promoted)
    .toSorted((a, b) => b.spec.revision - a.spec.revision);
  const guestsOf = ({ metadata }: Deployment): GuestFact[] =>
    read
      .ownedBy(Guest, metadata.uid)
      .map((guest) => guestFact(guest, route.spec.port))
      .toSorted((a, b) => (a.guest < b.guest ? -1 : 1));
  return promoted.map((deployment, index) => {
    // While it takes over guest by guest, those of the revisions before that are not told to leave go on beside it.
    const beside = deployment.status.phase === 'Promoting' ? promoted.slice(index + 1) : [];
    return { revision: deployment.spec.revision, guests: [deployment, ...beside].flatMap(guestsOf) };
  });
}

function guestFact(guest: Guest, port: number): GuestFact {
  const { metadata, status } = guest;
  const [host] = status.addresses;
  return {
    guest: metadata.name,
    address: host === undefined ? undefined : isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`,
    ready: !isLeaving(guest) && conditionIs(status.conditions, 'Ready', 'True'),
    gone: isLeaving(guest) || status.power === 'stopped',
  };
}
