import { describe } from 'vitest';
import { createFakeCaddy } from './fake.ts';
import { proxyConformance } from './testing/conformance.ts';

describe('a ProxyClient: the fake Caddy', () => {
  proxyConformance(async () => ({
    admin: createFakeCaddy({ config: {} }),
    settings: { httpPort: 8080, httpsPort: 8443, bind: '127.0.0.1', email: 'ops@example.com' },
    otherPort: 9000,
  }));
});
