import { SERVICE_LABEL } from '../../crds/meta.ts';
import { conditionIs } from '../../crds/condition.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Proxy } from '../../crds/proxy.ts';
import { Route } from '../../crds/route.ts';
import { keyOf } from '../../controller/object-key.ts';
import { retry, settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import {
  watching,
  type Pass,
  type Reconciler,
  type ResourceReader,
  type Resources,
} from '../../controller/reconciler.ts';
import type { ObjectKey } from '../../controller/store/store.ts';
import { isProxyFault } from '../providers/proxy/fault.ts';
import type { ProxyPool } from '../providers/proxy/proxy-pool.ts';
import type { RouteTable } from '../providers/proxy/route-table.ts';
import { proxyAddress, proxySettings } from '../shared/proxy-settings.ts';
import { isLeaving } from '../shared/traffic.ts';
import { chooseProxy, createRouteObserver, rememberHosts, type HostsOf, type RouteView } from './observe.ts';
import { planTraffic, type TrafficPlan } from './plan.ts';
import { reportRoute, type ProxyAnswer } from './report.ts';

export interface RouteDeps {
  resources: Resources;
  proxies: ProxyPool;
}

/** So long a pass waits for the proxy; an answer that comes later wakes the route. */
const ANSWER_MS = 500;
const CHECK_MS = 5_000;

/** Tells a proxy who takes the requests of a Service, and reports what the proxy has confirmed. */
export function routeReconciler({ resources: { read }, proxies }: RouteDeps): Reconciler<Route> {
  const hostsOf = rememberHosts();
  const observe = createRouteObserver(read, hostsOf);

  return {
    kind: Route,
    // A pass waits for the proxy, which takes what a hundred of them say with one change.
    workers: 100,
    watches: [
      watching(Guest, (guest, _, previous) =>
        previous && trafficText(previous) === trafficText(guest) && isStored(guest, read)
          ? []
          : routesOf(read, guest.metadata.namespace, guest.metadata.labels?.[SERVICE_LABEL]),
      ),
      watching(Deployment, ({ metadata, spec, status }, _, previous) =>
        previous?.status.promoted === status.promoted && read.get(Deployment, metadata)
          ? []
          : routesOf(read, metadata.namespace, spec.service),
      ),
      watching(Proxy, (proxy, _, previous) => {
        const wasReady = conditionIs(previous?.status.conditions ?? [], 'Ready', 'True');
        const isBack = !wasReady && conditionIs(proxy.status.conditions, 'Ready', 'True');
        const isChanged = previous?.metadata.generation !== proxy.metadata.generation;
        return isBack || isChanged || !read.get(Proxy, keyOf(proxy)) ? read.list(Route).map(keyOf) : [];
      }),
      watching(Route, (route, _, previous) =>
        previous?.metadata.generation === route.metadata.generation && read.get(Route, keyOf(route))
          ? []
          : rivalsOf(route, read, hostsOf),
      ),
    ],

    attach(wake, signal) {
      const stop = proxies.onLateAnswer((ids) => {
        const late = new Set(ids);
        for (const { metadata } of read.list(Route)) if (late.has(metadata.uid)) wake(metadata);
      });
      signal.addEventListener('abort', stop, { once: true });
    },

    async reconcile(pass) {
      const view = observe(pass.resource, pass.status);
      const plan = planTraffic(view, pass.status);
      leaveFormer(pass, view);
      const answer = await tell(pass, view, plan);
      pass.status = reportRoute(pass.resource, pass.status, { view, plan, answer }, pass.now);
      return conclude(answer);
    },

    /** What cannot be told now is found by the Proxy's loop: a route that no object stands for. */
    async finalize(pass) {
      const { uid } = pass.resource.metadata;
      const table = tableOf(read.get(Proxy, { name: pass.status.proxy ?? '' }));
      table?.remove(uid);
      await table?.answered(uid, ANSWER_MS, pass.signal);
      return settled();
    },
  };

  async function tell(pass: Pass<Route>, { proxy, granted }: RouteView, plan: TrafficPlan): Promise<ProxyAnswer> {
    const table = tableOf(proxy);
    // Traefik asks by itself, and is answered from the status that this pass writes.
    if (!table) return { type: 'taken' };
    const { uid } = pass.resource.metadata;
    table.put({ id: uid, hosts: granted, upstreams: plan.upstreams.map(({ address }) => address) });
    const isAnswered = await table.answered(uid, ANSWER_MS, pass.signal);
    const refusal = table.refusalOf(uid);
    if (isAnswered && (refusal === undefined || isProxyFault(refusal, 'unreachable'))) return { type: 'taken' };
    if (refusal === undefined) return { type: 'open', message: 'The proxy is being told.' };
    return { type: isProxyFault(refusal, 'unreachable') ? 'unreachable' : 'refused', message: refusal.message };
  }

  /** The proxy that carried it until now, when another one does from now on. */
  function leaveFormer({ resource, status }: Pass<Route>, { proxy }: RouteView): void {
    if (status.proxy === undefined || status.proxy === proxy?.metadata.name) return;
    proxies.get(status.proxy)?.remove(resource.metadata.uid);
  }

  function tableOf(proxy: Proxy | undefined): RouteTable | undefined {
    const address = proxy && proxyAddress(proxy);
    if (!address) return undefined;
    const table = proxies.ensure(proxy.metadata.name, address);
    if (proxy.metadata.deletionTimestamp === undefined) table.configure(proxySettings(proxy));
    return table;
  }
}

function conclude(answer: ProxyAnswer): Outcome {
  switch (answer.type) {
    case 'taken':
      return settled();
    case 'open':
      return waiting('Waiting', answer.message, CHECK_MS);
    case 'unreachable':
      return retry('ProxyUnreachable', answer.message, CHECK_MS);
    case 'refused':
      return stalled('ProxyRefuses', answer.message, 30_000);
    default:
      return answer satisfies never;
  }
}

function routesOf(read: ResourceReader, namespace: string | undefined, service: string | undefined): ObjectKey[] {
  if (service === undefined) return [];
  return read
    .list(Route, namespace)
    .filter(({ spec }) => spec.service === service)
    .map(keyOf);
}

/** All of a guest that decides whether it takes requests. */
function trafficText(guest: Guest): string {
  const { metadata, status } = guest;
  const isReady = conditionIs(status.conditions, 'Ready', 'True');
  return `${isReady} ${status.power} ${status.addresses[0]} ${metadata.deletionTimestamp} ${isLeaving(guest)}`;
}

/** False for one that has just been removed. */
function isStored(guest: Guest, read: ResourceReader): boolean {
  return read.get(Guest, keyOf(guest)) !== undefined;
}

/** Routes that want a host name which this one has, or has given up. */
function rivalsOf(route: Route, read: ResourceReader, hostsOf: HostsOf): ObjectKey[] {
  const proxy = chooseProxy(read.list(Proxy), route.status.proxy);
  if (!proxy) return [];
  const hosts = new Set(hostsOf(route, proxy).map(({ host }) => host));
  return read
    .list(Route)
    .filter((other) => hostsOf(other, proxy).some(({ host }) => hosts.has(host)))
    .map(keyOf);
}
