import type { Proxy } from '../../crds/proxy.ts';
import type { ProxySettings } from '../providers/proxy/client.ts';

/** What a Proxy says for all routes, as its provider takes it. Pure. */
export function proxySettings({ spec }: Proxy): ProxySettings {
  return {
    httpPort: spec.ports.http,
    httpsPort: spec.ports.https,
    ...(spec.bind !== undefined && { bind: spec.bind }),
    ...(spec.email !== undefined && { email: spec.email }),
  };
}
