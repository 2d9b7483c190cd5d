import type { Logger } from 'pino';
import { Project } from '../../../crds/project.ts';
import type { Clock } from '../../clock.ts';
import type { ResourceStore } from '../store.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { createKubernetesReads } from './kubernetes-reads.ts';
import { watchObjects } from './kubernetes-watch.ts';
import { createKubernetesWrites, type KeepAudit } from './kubernetes-writes.ts';
import type { Fence } from './lease-fence.ts';

interface KubernetesStoreOptions {
  client: KubernetesClient;
  fence: Fence;
  clock: Clock;
  /** Called after each write that somebody made. */
  audit: KeepAudit;
  log: Pick<Logger, 'error'>;
}

/**
 * The contract of `ResourceStore` over a Kubernetes API server that has our CRDs. Versions, generations, finalizers and the
 * history are the server's, garbage is its controller manager's. Two promises are weaker there, for want of transactions over
 * several objects: a write and its audit are two steps, and so are the look at the lease and a fenced write.
 */
export function createKubernetesStore({ client, fence, clock, audit, log }: KubernetesStoreOptions): ResourceStore {
  const reads = createKubernetesReads(client, log);
  const closed = new AbortController();
  return {
    ...createKubernetesWrites({ client, reads, fence, clock, audit, log }),
    get: reads.get,
    getByUid: reads.getByUid,
    countIn: ({ kind }, namespaces) => reads.countIn(kind, namespaces),
    list: (kind, options = {}) => reads.list(kind, options),
    watch: (kind, options) => watchObjects({ client, reads, closed: closed.signal }, kind, options),
    collectGarbage: async () => 0,
    compact: async () => undefined,
    currentVersion: async () => (await reads.list(Project, { limit: 1 })).resourceVersion,

    async close() {
      closed.abort();
      client.close();
    },
  };
}
