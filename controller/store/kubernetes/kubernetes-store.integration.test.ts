import { afterEach, describe } from 'vitest';
import { resourceStoreConformance } from '../../../test/conformance/resource-store.ts';
import { serveKubernetesApi } from '../../../test/harness/kubernetes-api.ts';
import { openKubernetesStore } from '../../../test/harness/kubernetes-store.ts';
import { MemoryAuditLog } from '../../access/memory-audit-log.ts';

describe('createKubernetesStore over our own API', () => {
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  resourceStoreConformance(
    async () => {
      const api = await serveKubernetesApi();
      cleanups.push(() => api.close());
      const audit = new MemoryAuditLog();
      const open = () => {
        const opened = openKubernetesStore(api, audit);
        cleanups.push(() => opened.store.close());
        return opened;
      };
      const { store, leases } = open();
      return { store, another: async () => open().store, leases, audit };
    },
    { histories: 30, writesEach: 10, fencesAtomically: false, storesAnyKind: false },
  );
});
