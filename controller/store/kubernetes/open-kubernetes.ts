import { KubeConfig } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import type { Clock } from '../../clock.ts';
import { Fault } from '../../errors.ts';
import type { LeaseStore } from '../lease-store.ts';
import type { ResourceStore } from '../store.ts';
import { createKubernetesClient } from './kubernetes-client.ts';
import { createKubernetesLeaseStore } from './kubernetes-lease-store.ts';
import { createKubernetesStore } from './kubernetes-store.ts';
import type { KeepAudit } from './kubernetes-writes.ts';
import { createLeaseFence } from './lease-fence.ts';

interface OpenKubernetesOptions {
  /** A kubeconfig; without it the one that kubectl would take, or the service account of the pod. */
  kubeconfig: string | undefined;
  clock: Clock;
  audit: KeepAudit;
  log: Pick<Logger, 'error'>;
}

/** Objects and leases in the Kubernetes API server that the configuration leads to. Throws what to do when it is of no use. */
export async function openKubernetes({
  kubeconfig,
  clock,
  audit,
  log,
}: OpenKubernetesOptions): Promise<{ store: ResourceStore; leases: LeaseStore }> {
  const client = createKubernetesClient(readKubeconfig(kubeconfig), clock);
  const leases = createKubernetesLeaseStore({ client, clock });
  const fence = createLeaseFence((name) => leases.epochOf(name));
  const store = createKubernetesStore({ client, fence, clock, audit, log });
  // Asked before anything relies on it: without CRDs or rights the process says so and ends.
  await store.currentVersion();
  return { store, leases };
}

function readKubeconfig(file: string | undefined): KubeConfig {
  const config = new KubeConfig();
  try {
    if (file === undefined) config.loadFromDefault();
    else config.loadFromFile(file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Fault('Invalid', `The kubeconfig ${file ?? 'that kubectl would take'} cannot be read: ${why}.`, {
      cause,
    });
  }
  // What the client makes up when it finds nothing.
  if (config.getCurrentCluster()?.server === 'http://localhost:8080') {
    throw new Fault(
      'Invalid',
      'There is no kubeconfig and no service account here. Set CONTAINR_KUBECONFIG to the file that kubectl uses.',
    );
  }
  return config;
}
