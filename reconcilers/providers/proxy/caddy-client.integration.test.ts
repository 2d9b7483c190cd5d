import { join } from 'node:path';
import { afterEach, describe } from 'vitest';
import { connectAdmin } from './admin-api.ts';
import { createCaddyClient } from './caddy-client.ts';
import { createSplitCaddyClient } from './split-caddy-client.ts';
import { freePort, startCaddy, whyNoCaddy } from './testing/caddy-process.ts';
import { proxyConformance } from './testing/conformance.ts';

const reason = whyNoCaddy();
if (reason !== undefined) console.log(`Skipping the tests of Caddy itself: ${reason}.`);

describe.skipIf(reason !== undefined)('a ProxyClient', () => {
  let things = new AsyncDisposableStack();
  afterEach(async () => {
    await things.disposeAsync();
    things = new AsyncDisposableStack();
  });

  async function start() {
    const caddy = things.use(await startCaddy());
    const admin = connectAdmin(caddy.endpoint);
    things.defer(() => admin.close());
    const { httpPort, httpsPort, folder } = caddy;
    return { admin, folder, settings: { httpPort, httpsPort, bind: '127.0.0.1' }, otherPort: await freePort() };
  }

  describe('Caddy', () => {
    proxyConformance(async () => {
      const given = await start();
      return { ...given, newClient: () => createCaddyClient({ admin: given.admin }) };
    });
  });

  describe('a Caddy behind another', () => {
    proxyConformance(async () => {
      const [edge, router] = await Promise.all([start(), start()]);
      const socket = join(router.folder, 'router.sock');
      return { ...edge, newClient: () => createSplitCaddyClient({ edge: edge.admin, router: router.admin, socket }) };
    });
  });
});
