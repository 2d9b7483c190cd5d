import type { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { ADOPT_PREFIX } from '../../crds/meta.ts';

/**
 * Vmid -> the object that an administrator wants to take it over, as `guest/PROJECT/NAME` or `volume/PROJECT/NAME`. It stands on
 * the cluster, which only administrators write, so that no project can help itself to what another left. Pure.
 */
export function adoptionGrants({
  annotations = {},
}: Pick<ProxmoxCluster['metadata'], 'annotations'>): Map<number, string> {
  const grants = Object.entries(annotations).filter(([key]) => key.startsWith(ADOPT_PREFIX));
  return new Map(grants.map(([key, object]) => [Number(key.slice(ADOPT_PREFIX.length)), object]));
}

/** Whether an administrator said something else than before. Pure. */
export function grantsChanged(now: ProxmoxCluster, before: ProxmoxCluster | undefined): boolean {
  const [said, was] = [adoptionGrants(now.metadata), adoptionGrants(before?.metadata ?? {})];
  return said.size !== was.size || [...said].some(([vmid, object]) => was.get(vmid) !== object);
}
