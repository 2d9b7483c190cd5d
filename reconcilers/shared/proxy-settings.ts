import type { Proxy } from '../../crds/proxy.ts';
import type { ProxySettings } from '../providers/proxy/client.ts';
import type { ProxyAddress } from '../providers/proxy/proxy-pool.ts';

/** What a Proxy says for all routes, as its provider takes it. Pure. */
export function proxySettings({ spec }: Proxy): ProxySettings {
  return {
    httpPort: spec.ports.http,
    httpsPort: spec.ports.https,
    ...(spec.bind !== undefined && { bind: spec.bind }),
    ...(spec.email !== undefined && { email: spec.email }),
  };
}

/** Where a Proxy is driven from; undefined for one that asks by itself. Pure. */
export function proxyAddress({ spec: { type, endpoint, router } }: Proxy): ProxyAddress | undefined {
  return type === 'caddy' && endpoint !== undefined ? { endpoint, ...(router && { router }) } : undefined;
}
