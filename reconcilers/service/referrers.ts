import { Database } from '../../crds/database.ts';
import { Service } from '../../crds/service.ts';
import type { Secret } from '../../crds/secret.ts';
import type { EnvVar } from '../../crds/workload.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import type { ObjectKey } from '../../controller/store/store.ts';

import { stableHash } from '../shared/stable-hash.ts';

/** Services whose environment has a value of this Secret, directly or by a Database. */
export function referrersToSecret({ metadata: { name, namespace } }: Secret, read: ResourceReader): ObjectKey[] {
  const databases = new Set(
    read
      .list(Database, namespace)
      .filter(({ status }) => status.credentialsSecretRef?.name === name)
      .map(({ metadata }) => metadata.name),
  );
  return referrers(namespace, read, ({ valueFrom }) => {
    const { secretRef, databaseRef } = valueFrom ?? {};
    return secretRef?.name === name || (databaseRef !== undefined && databases.has(databaseRef.name));
  });
}

export function referrersToDatabase({ metadata: { name, namespace } }: Database, read: ResourceReader): ObjectKey[] {
  return referrers(namespace, read, ({ valueFrom }) => valueFrom?.databaseRef?.name === name);
}

/** Services that refer to this one, when where it is reached may have changed. */
export function referrersToService(
  { metadata: { name, namespace }, spec, status }: Service,
  read: ResourceReader,
  previous?: Service,
): ObjectKey[] {
  const reach = (of: Service['status']): string => stableHash([of.url, of.vmids, of.replicas?.ready, of.revision]);
  const isMoved = previous === undefined || previous.spec !== spec || reach(previous.status) !== reach(status);
  return isMoved ? referrers(namespace, read, ({ valueFrom }) => valueFrom?.serviceRef?.name === name) : [];
}

function referrers(
  namespace: string | undefined,
  read: ResourceReader,
  refersToIt: (variable: EnvVar) => boolean,
): ObjectKey[] {
  return read
    .list(Service, namespace)
    .filter(({ spec }) => spec.env.some(refersToIt))
    .map(({ metadata }) => metadata);
}
