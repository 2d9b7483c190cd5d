import { Build } from '../../crds/build.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import type { Clock } from '../../controller/clock.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import type { ArtifactStore } from '../providers/oci/artifact-store.ts';
import type { ClusterPool } from '../providers/proxmox/cluster-pool.ts';
import type { ArchivePlacements } from '../shared/archive-placements.ts';
import { removeEverywhere, type Removal } from './publish.ts';

export interface SweepDeps {
  read: ResourceReader;
  artifacts: ArtifactStore;
  clusters: ClusterPool;
  placements: ArchivePlacements;
}

/** A younger archive may belong to a build whose status is still on its way to us. */
const MIN_AGE_MS = 10 * 60_000;

/** Archives that a build or a revision that may be rolled back to was made with. Objects on their way out need none. */
export function recordedDigests(read: ResourceReader, exceptUid?: string): Set<string> {
  const stays = ({ metadata }: Build | Deployment): boolean =>
    metadata.deletionTimestamp === undefined && metadata.uid !== exceptUid;
  const made = [...read.list(Build).filter(stays), ...read.list(Deployment).filter(stays)];
  return new Set(made.flatMap(({ status }) => status.artifact?.digest ?? []));
}

/** Archives that guests are made from. */
export function usedDigests(read: ResourceReader): Set<string> {
  return new Set(read.list(Guest).map(({ spec }) => spec.artifact.digest));
}

/**
 * Takes an archive off the template storages, then out of the artifact store. `unreachable`: some storage could not be looked
 * at, so the artifact stays as the reminder to try again.
 */
export async function removeArtifact(
  digest: string,
  { read, artifacts, clusters, placements }: SweepDeps,
  signal: AbortSignal,
): Promise<Removal> {
  let worst: Removal = 'gone';
  for (const cluster of read.list(ProxmoxCluster)) {
    const { name } = cluster.metadata;
    if (placements.isPlacing(name, digest)) return 'going';
    const removal = await removeEverywhere(cluster, digest, clusters, signal);
    if (removal === 'going') return removal;
    if (removal === 'unreachable') worst = removal;
    placements.forget(name, digest);
  }
  if (worst === 'gone') await artifacts.remove(digest);
  return worst;
}

/**
 * Removes what a crash, or a storage that was away, left behind: archives that nothing needs. Each is known from our own
 * artifact store, so that nobody else's archives are touched on storages that several installations share.
 */
export async function sweepArtifacts(deps: SweepDeps, clock: Clock, signal: AbortSignal): Promise<void> {
  const before = clock.now().getTime() - MIN_AGE_MS;
  for (const { digest, storedAt } of await deps.artifacts.list()) {
    if (signal.aborted) return;
    if (storedAt.getTime() > before || isNeeded(digest, deps.read)) continue;
    await removeArtifact(digest, deps, signal);
  }
}

function isNeeded(digest: string, read: ResourceReader): boolean {
  return recordedDigests(read).has(digest) || usedDigests(read).has(digest);
}
