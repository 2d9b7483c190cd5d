import { isRoot, type Identity } from '../access/identity.ts';
import { requireAll, requireAny } from '../access/permission.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { Refusal } from '../refusal.ts';
import { parseVolumeId } from '../schema/storage-id.ts';
import { parseVolumeName } from '../storage/volume-name.ts';

/**
 * Refuses who may not read a volume, and a volume of the wrong kind. A guest's own volumes and backups are open to
 * whoever works on that guest.
 */
export function checkVolumeAccess(
  cluster: Cluster,
  identity: Identity,
  node: string,
  vmid: number | undefined,
  volid: string,
  content?: 'backup' | 'vztmpl',
): void {
  const id = parseVolumeId(volid);
  if (!id || volid.startsWith('/')) {
    if (isRoot(identity)) throw new Refusal(`the sandbox takes no bare paths; use a volume instead of '${volid}'`);
    throw new Refusal('Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 651.');
  }
  cluster.storages.enabled(id.storage, node);
  const { content: kind, owner } = parseVolumeName(id.name);
  if (content !== undefined && kind !== content) {
    throw new Refusal(`unable to use volume ${volid} - content type needs to be '${content}'`);
  }
  const { access } = cluster;
  const path = `/storage/${id.storage}`;
  if (access.has(identity, path, 'Datastore.Allocate')) return;
  if (kind === 'vztmpl' || kind === 'iso' || kind === 'import') {
    requireAny(access, identity, path, ['Datastore.AllocateSpace', 'Datastore.Audit']);
  } else if (owner !== undefined && owner === vmid) {
    return;
  } else if (kind === 'backup' && owner !== undefined) {
    requireAll(access, identity, path, ['Datastore.AllocateSpace']);
    requireAll(access, identity, `/vms/${owner}`, ['VM.Backup']);
  } else if (kind === 'images' && owner !== undefined) {
    requireAll(access, identity, path, ['Datastore.Audit']);
    requireAll(access, identity, `/vms/${owner}`, ['VM.Config.Disk']);
  } else {
    throw new Refusal(`missing privileges to access ${volid}`, 403);
  }
}
