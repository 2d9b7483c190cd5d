import { durationMs } from '../../crds/duration.ts';
import type { Guest } from '../../crds/guest.ts';
import type { Volume } from '../../crds/volume.ts';
import { settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass } from '../../controller/reconciler.ts';
import type { ClusterPool } from '../providers/proxmox/cluster-pool.ts';
import { isProxmoxFault } from '../providers/proxmox/fault.ts';
import type { Setbacks } from '../shared/setbacks.ts';
import { follow, followPower, followTask } from './follow-task.ts';
import { holdsDisks } from './mounts.ts';
import { observeGuest } from './observe.ts';

/** For so long a create call whose answer was lost may still show up. */
const LATE_CREATE_MS = 30_000;
/** The cluster list wakes the guest when a lock goes. */
const LOCK_CHECK_MS = 15_000;
/** Its volumes wake it when they leave. */
const HELD_CHECK_MS = 15_000;

interface FinalizeDeps {
  clusters: ClusterPool;
  installation: string;
  /** Of the guest's namespace. */
  volumes: readonly Volume[];
  setbacks: Setbacks;
  /** An outcome while the guest rests after a task that failed. */
  restAfterSetback: (pass: Pass<Guest>) => Outcome | undefined;
}

/**
 * Takes the guest down and away. Only what is proven ours is touched, and only what is proven gone ends it. Its volumes leave
 * it first: Proxmox destroys a guest with all its disks.
 */
export async function finalizeGuest(
  pass: Pass<Guest>,
  { clusters, installation, volumes, setbacks, restAfterSetback }: FinalizeDeps,
): Promise<Outcome> {
  const { uid } = pass.resource.metadata;
  const { status } = pass;
  if (status.vmid === undefined || (!status.created && status.createRequestedAt === undefined)) return settled();

  const connection = clusters.get(status.cluster ?? '');
  if (!connection) {
    return waiting(
      'ProviderUnavailable',
      `The ProxmoxCluster ${status.cluster} is not connected; guest ${status.vmid} may still be there.`,
      5_000,
    );
  }
  const following = await followTask(pass, connection, setbacks);
  if (following) return following;

  const marks = { installation, uid };
  const facts = await observeGuest(connection, { status: pass.status, marks, expected: undefined }, pass.signal);
  switch (facts.seen) {
    case 'unknown':
      return waiting(facts.reason, facts.message, 5_000);
    case 'creating':
      return waiting('Deleting', `Guest ${status.vmid} is still being made; it is removed when that is done.`, 500);
    case 'foreign':
      return settled();
    case 'markless':
      return stalled(
        'IdentityMissing',
        `Guest ${status.vmid} on ${facts.node} lost the marks that show whose it is, so it is not destroyed. Remove it by hand: pct destroy ${status.vmid}`,
        30_000,
      );
    case 'absent': {
      const askedMs = pass.now.getTime() - Date.parse(status.createRequestedAt ?? '');
      const mayComeLate = !status.created && askedMs < LATE_CREATE_MS;
      return mayComeLate ? waiting('Deleting', 'Making sure that no guest is still being made.', 2_000) : settled();
    }
    case 'ours':
      break;
    default:
      return facts satisfies never;
  }

  pass.status.created = true;
  if (facts.lock !== undefined) {
    return waiting(
      'Locked',
      `Guest ${status.vmid} is locked by Proxmox (${facts.lock}); it is removed after that.`,
      LOCK_CHECK_MS,
    );
  }
  const resting = restAfterSetback(pass);
  if (resting) return resting;
  try {
    if (facts.running) {
      const timeoutSeconds = Math.ceil(durationMs(pass.resource.spec.process.stopTimeout) / 1_000) + 5;
      const answer = await connection.client.shutdownGuest(facts.node, status.vmid, timeoutSeconds, pass.signal);
      return followPower(pass, answer, 'stop');
    }
    const config = await connection.client.guestConfig(facts.node, status.vmid, pass.signal);
    const held = holdsDisks({ ...pass.resource, status }, volumes, config);
    if (held?.reason === 'DiskUnknown') return stalled(held.reason, held.message, HELD_CHECK_MS);
    if (held) return waiting(held.reason, held.message, HELD_CHECK_MS);
    const upid = await connection.client.destroyGuest(facts.node, status.vmid, pass.signal);
    return follow(pass, upid, 'destroy');
  } catch (error) {
    if (isProxmoxFault(error, 'protected')) {
      return stalled(
        'Rejected',
        `Guest ${status.vmid} has Proxmox's protection mode on. Take it off: pct set ${status.vmid} --protection 0`,
        30_000,
      );
    }
    throw error;
  }
}
