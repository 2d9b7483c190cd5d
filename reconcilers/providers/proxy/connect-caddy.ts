import { connectAdmin } from './admin-api.ts';
import { createCaddyClient } from './caddy-client.ts';
import type { ProxyClient } from './client.ts';
import type { ProxyAddress } from './proxy-pool.ts';
import { createSplitCaddyClient } from './split-caddy-client.ts';

/** One Caddy, or two of them one behind the other, as the address has it. Nothing is connected yet. */
export function connectCaddy({ endpoint, router }: ProxyAddress, guard?: () => void): ProxyClient {
  const admin = connectAdmin(endpoint);
  if (!router) return createCaddyClient({ admin, guard });
  const behind = connectAdmin(router.endpoint, 'spec.router.endpoint');
  return createSplitCaddyClient({ edge: admin, router: behind, socket: router.socket, guard });
}
