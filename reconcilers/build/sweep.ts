import { Build } from '../../crds/build.ts';
import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import { Job } from '../../crds/job.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import type { Clock } from '../../controller/clock.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';
import type { ArtifactStore } from '../providers/oci/artifact-store.ts';
import type { ClusterPool } from '../providers/proxmox/cluster-pool.ts';
import type { ArchivePlacements } from '../shared/archive-placements.ts';
import { isOver } from './admission.ts';
import { removeEverywhere, type Removal } from './publish.ts';

export interface SweepDeps {
  read: ResourceReader;
  artifacts: ArtifactStore;
  clusters: ClusterPool;
  placements: ArchivePlacements;
  /** How long an archive is kept that only the record of a build still names; 14 days. */
  keepUnusedMs?: number;
}

/** A younger archive, or one that was taken again, may belong to a build whose status is still on its way to us. */
const MIN_AGE_MS = 10 * 60_000;

/**
 * Archives that a build or a revision that may be rolled back to was made with. Objects on their way out need none, nor do
 * builds that came to nothing.
 */
export function recordedDigests(read: ResourceReader, exceptUid?: string): Set<string> {
  const stays = ({ metadata, status }: Build | Deployment): boolean =>
    metadata.deletionTimestamp === undefined && metadata.uid !== exceptUid && status.phase !== 'Cancelled';
  const made = [...read.list(Build).filter(stays), ...read.list(Deployment).filter(stays)];
  return new Set(made.flatMap(({ status }) => status.artifact?.digest ?? []));
}

/** Archives that guests and runs are made from. */
export function usedDigests(read: ResourceReader): Set<string> {
  const runs = read.list(Job).filter(({ status }) => status.completedAt === undefined);
  return new Set([...read.list(Guest), ...runs].map(({ spec }) => spec.artifact.digest));
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
 * Removes archives that nothing needs: at once what a crash, or a storage that was away, left behind, and after a while what
 * only the record of a build names. Each is known from our own artifact store, so that nobody else's archives are touched on
 * storages that several installations share.
 */
export async function sweepArtifacts(deps: SweepDeps, clock: Clock, signal: AbortSignal): Promise<void> {
  const { read, artifacts, keepUnusedMs = 14 * 86_400_000 } = deps;
  const now = clock.now().getTime();
  for (const { digest, storedAt } of await artifacts.list()) {
    if (signal.aborted) return;
    if (isInUse(digest, read)) {
      // From here its age is counted once nothing needs it any more.
      await artifacts.touch(digest);
      continue;
    }
    const keptMs = recordedDigests(read).has(digest) ? keepUnusedMs : MIN_AGE_MS;
    if (now - storedAt.getTime() >= keptMs) await removeArtifact(digest, deps, signal);
  }
}

/** Whether something runs from it, is being rolled out, or may be rolled back to. */
function isInUse(digest: string, read: ResourceReader): boolean {
  if (usedDigests(read).has(digest)) return true;
  const revisions = read.list(Deployment).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  if (revisions.some(({ status }) => status.artifact?.digest === digest)) return true;
  return read
    .list(Build)
    .filter(({ status }) => status.artifact?.digest === digest)
    .some(({ metadata, status }) => !isOver(status.phase) || revisions.some((one) => isAwaiting(one, metadata)));
}

/** A revision that has not taken its build's archive over yet. */
function isAwaiting({ metadata, spec, status }: Deployment, build: Build['metadata']): boolean {
  const isIts = metadata.namespace === build.namespace && spec.build === build.name;
  return isIts && status.artifact === undefined && status.phase !== 'Failed';
}
