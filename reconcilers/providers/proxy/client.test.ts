import { describe } from 'vitest';
import { createCaddyClient } from './caddy-client.ts';
import { createFakeCaddy } from './fake.ts';
import { createSplitCaddyClient } from './split-caddy-client.ts';
import { proxyConformance } from './testing/conformance.ts';

const settings = { httpPort: 8080, httpsPort: 8443, bind: '127.0.0.1', email: 'ops@example.com' };
const otherPort = 9000;

describe('a ProxyClient: the fake Caddy', () => {
  proxyConformance(async () => {
    const admin = createFakeCaddy({ config: {} });
    return { admin, newClient: () => createCaddyClient({ admin }), settings, otherPort };
  });
});

describe('a ProxyClient: a fake Caddy behind another', () => {
  proxyConformance(async () => {
    const [edge, router] = [createFakeCaddy({ config: {} }), createFakeCaddy({ config: {} })];
    const newClient = () => createSplitCaddyClient({ edge, router, socket: '/run/router.sock' });
    return { admin: edge, newClient, settings, otherPort };
  });
});
