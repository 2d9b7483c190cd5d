import type { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import type { ClusterResources } from '../providers/proxmox/client.ts';
import type { SourceBackup } from './source.ts';

/**
 * The node on which a backup is restored: the one where it was taken, or another of the region that has its storage too.
 * Undefined while there is none. Pure.
 */
export function restoreNode(
  { node, storage }: Pick<SourceBackup, 'node' | 'storage'>,
  region: string,
  { spec }: Pick<ProxmoxCluster, 'spec'>,
  { nodes, storages }: Pick<ClusterResources, 'nodes' | 'storages'>,
): string | undefined {
  const inRegion = spec.regions.find(({ name }) => name === region)?.nodes ?? [];
  const able = inRegion
    .filter((name) => nodes.some((listed) => listed.node === name && listed.online))
    .filter((name) =>
      storages.some(
        (row) => row.storage === storage && row.node === name && row.available && (row.shared || name === node),
      ),
    );
  const open = able.filter((name) => !spec.cordonedNodes.includes(name));
  return able.find((name) => name === node) ?? open.sort()[0];
}
