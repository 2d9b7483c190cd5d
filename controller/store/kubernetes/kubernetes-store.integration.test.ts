import { pino } from 'pino';
import { afterEach, describe } from 'vitest';
import { resourceStoreConformance } from '../../../test/conformance/resource-store.ts';
import { loop, secretManifest } from '../../../test/conformance/store/fixtures.ts';
import { serveKubernetesApi } from '../../../test/harness/kubernetes-api.ts';
import { Secret } from '../../../crds/secret.ts';
import { MemoryAuditLog } from '../../access/memory-audit-log.ts';
import { systemClock } from '../../clock.ts';
import { createKubernetesLeaseStore } from './kubernetes-lease-store.ts';
import { createKubernetesStore } from './kubernetes-store.ts';
import { createLeaseFence } from './lease-fence.ts';

const log = pino({ level: 'silent' });

describe('createKubernetesStore over our own API', () => {
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  resourceStoreConformance(
    async () => {
      const api = await serveKubernetesApi();
      cleanups.push(() => api.close());
      // No version of a real server is 0, which in a watch means any.
      await api.store.create(Secret, secretManifest('first'), loop);
      await api.store.delete(Secret, { namespace: 'shop', name: 'first' }, loop);
      const audit = new MemoryAuditLog();
      const leases = createKubernetesLeaseStore({ client: api.client(), clock: systemClock });
      const open = async () => {
        const store = createKubernetesStore({
          client: api.client(),
          fence: createLeaseFence((name) => leases.epochOf(name)),
          clock: systemClock,
          audit: async (entry) => audit.record(entry),
          log,
        });
        cleanups.push(() => store.close());
        // On Kubernetes the controller manager collects garbage, and the API server compacts.
        const { collectGarbage, compact } = api.store;
        return { ...store, collectGarbage, compact };
      };
      return { store: await open(), another: open, leases, audit };
    },
    { histories: 30, writesEach: 10, fencesAtomically: false, storesAnyKind: false },
  );
});
