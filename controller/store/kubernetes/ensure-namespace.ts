import { isFault } from '../../errors.ts';
import type { KubernetesClient } from './kubernetes-client.ts';

/** Makes the namespace that objects of a project are in. It stays when the project goes: others may use it too. */
export async function ensureNamespace(client: KubernetesClient, name: string): Promise<void> {
  const metadata = { name, labels: { 'app.kubernetes.io/managed-by': 'containr' } };
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata };
  try {
    await client.send({ method: 'POST', path: '/api/v1/namespaces', body });
  } catch (error) {
    if (!isFault(error, 'AlreadyExists')) throw error;
  }
}
