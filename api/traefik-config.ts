import type { Proxy } from '../crds/proxy.ts';
import type { Route } from '../crds/route.ts';
import { Domain } from '../crds/workload.ts';

interface Router {
  rule: string;
  service: string;
  entryPoints: string[];
  middlewares?: string[];
  tls?: { certResolver?: string };
}

/** Traefik's dynamic configuration, as far as it is used here. Nothing is empty in it: Traefik takes that for a mistake. */
export interface TraefikConfig {
  http?: {
    routers: Record<string, Router>;
    services: Record<string, { loadBalancer: { servers?: { url: string }[] } }>;
    middlewares?: Record<string, { redirectScheme: { scheme: 'https'; port: string; permanent: true } }>;
  };
}

const TO_HTTPS = 'containr-to-https';
/** As Traefik's own documentation calls its entry points; the resolver has to be set up under our name. */
const HTTP = 'web';
const HTTPS = 'websecure';
const RESOLVER = 'containr';

/** The Routes that a Traefik carries, as they were confirmed. Pure. */
export function traefikConfig(routes: readonly Route[], proxies: readonly Proxy[]): TraefikConfig {
  const carriers = new Map(
    proxies.filter(({ spec }) => spec.type === 'traefik').map((proxy) => [proxy.metadata.name, proxy]),
  );
  const routers: Record<string, Router> = {};
  const services: Record<string, { loadBalancer: { servers?: { url: string }[] } }> = {};
  let httpsPort: number | undefined;
  for (const route of routes) {
    const proxy = carriers.get(route.status.proxy ?? '');
    const hosts = route.status.hosts.filter((host) => Domain.shape.host.safeParse(host).success);
    if (!proxy || hosts.length === 0) continue;
    const service = `${route.metadata.namespace}_${route.metadata.name}`;
    services[service] = { loadBalancer: serversOf(route) };
    for (const [mode, ofMode] of Map.groupBy(hosts, (host) => modeOf(host, route, proxy))) {
      const rule = ofMode.map(ruleOf).join(' || ');
      if (mode === 'off') {
        routers[`${service}_http`] = { rule, service, entryPoints: [HTTP] };
        continue;
      }
      httpsPort = proxy.spec.ports.https;
      const tls = mode === 'auto' ? { certResolver: RESOLVER } : {};
      routers[`${service}_${mode}`] = { rule, service, entryPoints: [HTTPS], tls };
      routers[`${service}_${mode}_redirect`] = { rule, service, entryPoints: [HTTP], middlewares: [TO_HTTPS] };
    }
  }
  if (Object.keys(routers).length === 0) return {};
  const redirect = { redirectScheme: { scheme: 'https', port: String(httpsPort), permanent: true } } as const;
  return { http: { routers, services, ...(httpsPort !== undefined && { middlewares: { [TO_HTTPS]: redirect } }) } };
}

/** Without a server Traefik answers 503. */
function serversOf({ status }: Route): { servers?: { url: string }[] } {
  if (status.upstreams.length === 0) return {};
  return { servers: status.upstreams.map(({ address }) => ({ url: `http://${address}` })) };
}

function modeOf(host: string, route: Route, proxy: Proxy): Proxy['spec']['tls'] {
  const own = route.spec.domains.find((domain) => domain.host === host)?.tls ?? 'auto';
  return own === 'auto' ? proxy.spec.tls : own;
}

function ruleOf(host: string): string {
  const below = host.startsWith('*.') ? host.slice(2) : undefined;
  if (below === undefined) return `Host(\`${host}\`)`;
  return `HostRegexp(\`^[^.]+\\.${below.replaceAll('.', String.raw`\.`)}$\`)`;
}
