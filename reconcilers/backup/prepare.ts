import { Backup } from '../../crds/backup.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { parseMount } from '../providers/proxmox/mount.ts';
import type { ClusterView } from '../providers/proxmox/cluster-observer.ts';
import { versionOf } from '../shared/database-engine.ts';
import type { Trouble } from '../shared/trouble.ts';
import type { Pass } from '../../controller/reconciler.ts';
import type { BackupDeps } from './context.ts';
import { findSource, type BackupSource } from './source.ts';
import { awaitedTurn } from './turn.ts';

/** What a backup that was not begun yet waits for; undefined when it may begin, with all that it needs in its status. */
export async function awaited(
  pass: Pass<Backup>,
  { clusters, resources: { read } }: BackupDeps,
  /** By cluster and node: who was given the turn last. Passes run side by side, so it is given in one breath. */
  letIn: Map<string, string>,
): Promise<Trouble | undefined> {
  const { spec } = pass.resource;
  if (spec.mode === 'dump' && spec.source.kind === 'Volume')
    return {
      reason: 'Rejected',
      message: 'A Volume has no engine that could write a dump. Use mode snapshot or stop.',
    };
  const found = findSource(pass.resource, read);
  if (!found.ok) return found;
  const { source } = found;
  const { cluster: name, node, vmid, volume, guest, database } = source;
  if (spec.mode === 'dump' && guest?.status.power !== 'running')
    return {
      reason: 'WaitingForGuest',
      message: `The Database ${spec.source.name} is stopped. Start it, or use mode snapshot.`,
    };
  const cluster = read.get(ProxmoxCluster, { name });
  const connection = clusters.get(name);
  const view = connection?.observer.view();
  if (!cluster || !connection || !view?.fresh)
    return { reason: 'ProviderUnavailable', message: `The ProxmoxCluster ${name} is not connected.` };
  const { backups: storage } = cluster.spec.storages;
  if (storage === undefined) {
    const message = `The ProxmoxCluster ${name} names no storage for backups. Set spec.storages.backups.`;
    return { reason: 'StorageMissing', message };
  }
  const mountPath = source.mountPath ?? (await parkedAt(pass, source, connection));
  if (mountPath === undefined) {
    const message = `The Volume ${volume.metadata.name} lies unused at guest ${vmid}, which no backup takes with it. Give it to a guest first.`;
    return { reason: 'WaitingForVolume', message };
  }
  const { plan, engine } = database?.spec ?? {};
  const version = database && versionOf(database.status.version, volume);
  pass.status = {
    ...pass.status,
    cluster: name,
    node,
    storage,
    vmid,
    origin: {
      uid: database?.metadata.uid ?? volume.metadata.uid,
      region: volume.spec.region,
      size: volume.status.size ?? volume.spec.size,
      mountPath,
      ...(plan !== undefined && { plan }),
    },
    ...(engine !== undefined && { engine }),
    ...(version !== undefined && { version }),
    ...(guest && { guest: guest.metadata.name, guestUid: guest.metadata.uid }),
    // An engine that does not run has nothing to make ready.
    ...(guest?.status.power === 'stopped' && { preparedAt: pass.now.toISOString() }),
  };
  if (guest?.status.power !== 'stopped') delete pass.status.preparedAt;
  const all = read.list(Backup);
  const trouble =
    inTheWay(view, pass.status, all, pass.resource) ??
    awaitedTurn(pass.resource, { cluster: name, node }, all, letIn.get(`${name}/${node}`));
  if (!trouble) letIn.set(`${name}/${node}`, pass.resource.metadata.uid);
  return trouble;
}

/** Where a volume that no guest has would be found in its archive. */
async function parkedAt(
  pass: Pass<Backup>,
  { node, vmid, volume }: BackupSource,
  { client }: NonNullable<ReturnType<BackupDeps['clusters']['get']>>,
): Promise<string | undefined> {
  const { mounts } = await client.guestConfig(node, vmid, pass.signal);
  const text = mounts[volume.status.key ?? ''];
  return text === undefined ? undefined : parseMount(text).path;
}

/** What the shared look at the cluster says against it. Pure. */
export function inTheWay(
  { resources }: Pick<ClusterView, 'resources'>,
  { vmid, node, storage, origin }: Backup['status'],
  all: readonly Backup[],
  { metadata, spec }: Backup,
): Trouble | undefined {
  const row = resources.guests.find((guest) => guest.vmid === vmid);
  if (row?.lock !== undefined)
    return {
      reason: 'Locked',
      message: `Proxmox has locked guest ${vmid} (${row.lock}); its backup comes after that. If no task works on it: pct unlock ${vmid}, on ${node}.`,
    };
  const place = resources.storages.find((one) => one.storage === storage && one.node === node);
  if (!place?.available || !place.content.includes('backup')) {
    const message = `Storage ${storage} takes no backups on node ${node} now. Correct spec.storages.backups, or see why.`;
    return { reason: 'StorageMissing', message };
  }
  const freeBytes = place.totalBytes - place.usedBytes;
  const neededBytes = lastSize(all, spec.source, metadata.namespace, origin?.uid);
  if (freeBytes >= neededBytes) return undefined;
  const message = `Storage ${storage} has ${freeBytes} bytes free, and the backup before took ${neededBytes}. Free space, or delete old backups.`;
  return { reason: 'StorageFull', message };
}

const LEAST_BYTES = 2 ** 20;

/** What the newest backup of the same took. */
function lastSize(
  all: readonly Backup[],
  source: Backup['spec']['source'],
  namespace: string | undefined,
  uid: string | undefined,
): number {
  const [newest] = all
    .filter(({ metadata, spec, status }) => {
      const isSame = spec.source.kind === source.kind && spec.source.name === source.name;
      return metadata.namespace === namespace && isSame && status.origin?.uid === uid && status.phase === 'Completed';
    })
    .toSorted((a, b) => ((a.status.takenAt ?? '') < (b.status.takenAt ?? '') ? 1 : -1));
  return Math.max(LEAST_BYTES, newest?.status.sizeBytes ?? 0);
}
