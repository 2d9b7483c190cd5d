import { requireAll } from '../access/permission.ts';
import { newSizeOf } from '../guests/allocate-volumes.ts';
import type { Options } from '../guests/guest-config.ts';
import { readVolume } from '../guests/guest-volumes.ts';
import { Refusal } from '../refusal.ts';
import { parseVolumeId } from '../schema/storage-id.ts';
import type { CallContext } from './call.ts';
import { checkVolumeAccess } from './volume-access.ts';

/** Refuses disks on storages that are not there or that the caller may not use, and volumes that it may not read. */
export function checkDiskChanges({ cluster, identity, node }: CallContext, vmid: number, set: Options): void {
  for (const [name, value] of set) {
    if (!/^(rootfs|mp\d+|unused\d+)$/.test(name)) continue;
    const volume = readVolume(value).get('volume') ?? '';
    const id = parseVolumeId(volume);
    if (!id) throw new Refusal('Only root can pass arbitrary filesystem paths.');
    const { definition } = cluster.storages.enabled(id.storage, node);
    if (newSizeOf(volume) === undefined) {
      checkVolumeAccess(cluster, identity, node, vmid, volume);
      continue;
    }
    if (!definition.content.includes('rootdir')) {
      throw new Refusal(`storage '${id.storage}' does not support content-type 'rootdir'`);
    }
    requireAll(cluster.access, identity, `/storage/${id.storage}`, ['Datastore.AllocateSpace']);
  }
}
