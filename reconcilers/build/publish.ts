import type { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import type { Artifact } from '../../crds/workload.ts';
import type { ClusterPool } from '../providers/proxmox/cluster-pool.ts';
import { archiveFilename } from '../providers/proxmox/place-archive.ts';
import type { ArtifactStore } from '../providers/oci/artifact-store.ts';
import type { ArchivePlacements } from '../shared/archive-placements.ts';

/** One template storage, on a node that reaches it. */
export interface TemplateStorage {
  cluster: string;
  node: string;
  storage: string;
}

/**
 * Where an archive is brought ahead of its guests: every shared template storage of the region once, and the storage of a
 * region's only node. A storage that belongs to one of several nodes gets it when a guest comes there. Pure but for the view.
 */
export function publishTargets(
  clusters: readonly ProxmoxCluster[],
  pool: ClusterPool,
  region: string,
): TemplateStorage[] {
  return clusters.flatMap(({ metadata, spec }) => {
    const nodes = spec.regions.find(({ name }) => name === region)?.nodes ?? [];
    const view = pool.get(metadata.name)?.observer.view();
    const here = (view?.resources.storages ?? []).filter(
      ({ storage, node, available }) => storage === spec.storages.templates && nodes.includes(node) && available,
    );
    const [first] = here;
    if (!first || (!first.shared && nodes.length > 1)) return [];
    return [{ cluster: metadata.name, node: first.node, storage: first.storage }];
  });
}

/** Asks for the archive on each target; true once it is everywhere. Throws what a placing came to. */
export function placeEverywhere(
  targets: readonly TemplateStorage[],
  artifact: Artifact,
  deps: { clusters: ClusterPool; placements: ArchivePlacements; artifacts: ArtifactStore },
): { placements: (TemplateStorage & { volid: string })[]; complete: boolean } {
  const placements: (TemplateStorage & { volid: string })[] = [];
  for (const target of targets) {
    const client = deps.clusters.get(target.cluster)?.client;
    if (!client) continue;
    const placement = deps.placements.ensure(
      { ...target, client },
      {
        path: deps.artifacts.path(artifact.digest),
        sizeBytes: artifact.sizeBytes,
        sha256: artifact.digest.replace('sha256:', ''),
      },
    );
    if (placement.state === 'placed') placements.push({ ...target, volid: placement.volid });
  }
  return { placements, complete: placements.length === targets.length };
}

/** How the removal of an archive stands: gone from every storage, being removed, or gone from those that could be reached. */
export type Removal = 'gone' | 'going' | 'unreachable';

/** Takes an archive off every template storage of a cluster; the node's own answer says when it is gone. */
export async function removeEverywhere(
  cluster: ProxmoxCluster,
  digest: string,
  pool: ClusterPool,
  signal: AbortSignal,
): Promise<Removal> {
  const connection = pool.get(cluster.metadata.name);
  const view = connection?.observer.view();
  if (!connection || !view?.fresh) return 'unreachable';
  const { templates } = cluster.spec.storages;
  const wanted = archiveFilename(digest);
  const rows = view.resources.storages.filter(({ storage }) => storage === templates);
  const reachable = rows.filter(({ available }) => available);
  const distinct = reachable.filter(({ shared }, index) => !shared || index === 0);
  let removal: Removal = rows.some(({ shared, available }) => !shared && !available) ? 'unreachable' : 'gone';
  if (rows.length > 0 && reachable.length === 0) removal = 'unreachable';
  for (const { node } of distinct) {
    const archives = await connection.client.archives(node, templates, signal);
    for (const { volid } of archives.filter((archive) => archive.volid.endsWith(`/${wanted}`))) {
      await connection.client.deleteArchive(node, templates, volid, signal);
      removal = 'going';
    }
  }
  return removal;
}
