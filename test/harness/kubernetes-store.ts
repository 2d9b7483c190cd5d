import { pino } from 'pino';
import { MemoryAuditLog } from '../../controller/access/memory-audit-log.ts';
import { systemClock } from '../../controller/clock.ts';
import {
  createKubernetesLeaseStore,
  type KubernetesLeaseStore,
} from '../../controller/store/kubernetes/kubernetes-lease-store.ts';
import { createKubernetesStore } from '../../controller/store/kubernetes/kubernetes-store.ts';
import { createLeaseFence } from '../../controller/store/kubernetes/lease-fence.ts';
import type { ResourceStore } from '../../controller/store/store.ts';
import type { KubernetesApi } from './kubernetes-api.ts';

/** A process' view of an API server, and what stands beside one in every Kubernetes: a garbage collector, and compaction. */
export function openKubernetesStore(
  api: KubernetesApi,
  audit = new MemoryAuditLog(),
): { store: ResourceStore; leases: KubernetesLeaseStore } {
  const client = api.client();
  const leases = createKubernetesLeaseStore({ client, clock: systemClock });
  const store = createKubernetesStore({
    client,
    fence: createLeaseFence((name) => leases.epochOf(name)),
    clock: systemClock,
    audit: async (entry) => audit.record(entry),
    log: pino({ level: 'silent' }),
  });
  const { collectGarbage, compact } = api.store;
  return { store: { ...store, collectGarbage, compact }, leases };
}
