import { conditionIs } from '../../crds/condition.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { SERVICE_LABEL } from '../../crds/meta.ts';
import { Project } from '../../crds/project.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Route } from '../../crds/route.ts';
import { Secret } from '../../crds/secret.ts';
import { Service } from '../../crds/service.ts';
import { Volume } from '../../crds/volume.ts';
import { watching, type ResourceReader, type WatchedKind } from '../../controller/reconciler.ts';
import type { ObjectKey } from '../../controller/store/store.ts';
import { grantsChanged } from '../shared/adoption-grants.ts';
import type { Reference } from './environment.ts';
import { refersTo } from './references.ts';

/** Whose changes concern a guest: what its environment refers to, its volumes, and the cluster that it waits for. */
export const guestWatches: readonly WatchedKind[] = [
  watching(Secret, ({ metadata }, read) => [
    ...referring(read, metadata, 'secretRef'),
    ...read
      .list(Database, metadata.namespace)
      .filter(({ status }) => status.credentialsSecretRef?.name === metadata.name)
      .flatMap((database) => referring(read, database.metadata, 'databaseRef')),
  ]),
  watching(Database, ({ metadata, status }, read, previous) =>
    status.credentialsSecretRef?.name === previous?.status.credentialsSecretRef?.name
      ? []
      : referring(read, metadata, 'databaseRef'),
  ),
  watching(Service, ({ metadata, status }, read, previous) =>
    previous?.metadata.generation === metadata.generation &&
    previous.status.url === status.url &&
    previous.status.replicas?.ready === status.replicas?.ready
      ? []
      : waitingFor(read, metadata),
  ),
  watching(Service, ({ metadata, spec }, read, previous) =>
    previous?.spec.drift === spec.drift
      ? []
      : keys(
          read
            .list(Guest, metadata.namespace)
            .filter((guest) => guest.metadata.labels?.[SERVICE_LABEL] === metadata.name),
        ),
  ),
  watching(Project, ({ metadata, spec }, read, previous) =>
    previous?.spec.drift === spec.drift ? [] : keys(read.list(Guest, metadata.name)),
  ),
  watching(Route, ({ metadata, status }, read, previous) =>
    previous !== undefined && previous.status.url === status.url ? [] : waitingFor(read, metadata),
  ),
  watching(Volume, (volume, read, previous) => {
    const uids = new Set([volume, previous].flatMap((seen) => [seen?.status.attachedUid, seen?.status.moving?.uid]));
    return keys(
      read
        .list(Guest, volume.metadata.namespace)
        .filter(
          ({ metadata, spec }) =>
            uids.has(metadata.uid) || spec.mounts.some((mount) => mount.volume === volume.metadata.name),
        ),
    );
  }),
  watching(ProxmoxCluster, (cluster, read, previous) => {
    const { metadata, status } = cluster;
    const wasReady = conditionIs(previous?.status.conditions ?? [], 'Ready', 'True');
    const isNews = !wasReady && conditionIs(status.conditions, 'Ready', 'True');
    const isSame = previous?.metadata.generation === metadata.generation && !grantsChanged(cluster, previous);
    if (!isNews && isSame) return [];
    return keys(read.list(Guest).filter((guest) => guest.status.vmid === undefined));
  }),
];

function referring(
  read: ResourceReader,
  { namespace, name }: { namespace?: string | undefined; name: string },
  kind: keyof Reference,
): ObjectKey[] {
  return keys(read.list(Guest, namespace).filter(({ spec }) => refersTo(spec.env, kind, name)));
}

/** The address of a service matters to a guest that is to be started, and to no other. */
function waitingFor(
  read: ResourceReader,
  { namespace, name }: { namespace?: string | undefined; name: string },
): ObjectKey[] {
  const referring = read.list(Guest, namespace).filter(({ spec }) => refersTo(spec.env, 'serviceRef', name));
  return keys(referring.filter(({ status }) => status.power !== 'running'));
}

function keys(guests: readonly Guest[]): ObjectKey[] {
  return guests.map(({ metadata }) => metadata);
}
