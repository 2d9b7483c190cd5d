import { afterEach, describe } from 'vitest';
import { connectAdmin, type AdminApi } from './admin-api.ts';
import { freePort, startCaddy, whyNoCaddy, type TestCaddy } from './testing/caddy-process.ts';
import { proxyConformance } from './testing/conformance.ts';

const reason = whyNoCaddy();
if (reason !== undefined) console.log(`Skipping the tests of Caddy itself: ${reason}.`);

describe.skipIf(reason !== undefined)('a ProxyClient: Caddy', () => {
  let caddy: TestCaddy | undefined;
  let admin: AdminApi | undefined;
  afterEach(async () => {
    await admin?.close();
    await caddy?.[Symbol.asyncDispose]();
  });

  proxyConformance(async () => {
    caddy = await startCaddy();
    admin = connectAdmin(caddy.endpoint);
    const { httpPort, httpsPort } = caddy;
    return { admin, settings: { httpPort, httpsPort, bind: '127.0.0.1' }, otherPort: await freePort() };
  });
});
