import type { Volume } from '../../crds/volume.ts';
import type { HolderFacts } from './holder.ts';
import { planGrowth, shrinkRefusal } from './plan-size.ts';
import { LATE_MS, stillRuns, waitFor, waitForHolder } from './plan-waits.ts';
import type { PlanInput, Standing, VolumePlan } from './volume-plan.ts';

/** For so long a lock that no task holds is taken for one whose task is just ending. */
const LOCK_GRACE_MS = 120_000;

/** What is to be done with a keeper that does not have the volume; undefined when there is none. Pure. */
export function planKeeper(
  keeper: HolderFacts | undefined,
  status: Volume['status'],
  now: Date,
): VolumePlan | undefined {
  switch (keeper?.seen) {
    case undefined:
      return undefined;
    case 'unknown':
      return waitForHolder(keeper, status);
    case 'creating':
      return waitForMaking(keeper, status, now);
    case 'absent':
      return sinceAsked(status, now) < LATE_MS
        ? {
            do: 'wait',
            reason: 'Creating',
            message: 'Making sure that no keeper is still being made.',
            checkAfterMs: 2_000,
          }
        : { do: 'forgetKeeper' };
    case 'foreign':
    case 'markless':
      return { do: 'forgetKeeper' };
    case 'ours':
      break;
    default:
      return keeper satisfies never;
  }
  if (keeper.lock !== undefined)
    return waitFor('Locked', `Proxmox has locked the keeper ${keeper.vmid} (${keeper.lock}).`);
  if (keeper.running)
    return waitFor('WaitingForGuest', `Somebody started the keeper ${keeper.vmid}. Stop it: pct stop ${keeper.vmid}`);
  const disks = [...Object.keys(keeper.config.mounts), ...Object.keys(keeper.config.unused)];
  if (disks.length === 0) return { do: 'destroyKeeper', keeper };
  const message = `The keeper ${keeper.vmid} on ${keeper.node} is not needed any more and has disks of somebody else (${disks.join(', ')}). Move them away, or remove them; then it goes.`;
  return { do: 'stall', reason: 'DiskUnknown', message };
}

/** The volume leaves its guest and no other is to have it: it goes to its keeper, which is made if need be. Pure. */
export function planParking({ volume, facts, status, released, now }: PlanInput, at: Standing): VolumePlan {
  const isDeleting = volume.metadata.deletionTimestamp !== undefined;
  if (at.holder.vmid === status.keeperVmid) {
    if (isDeleting) return { do: 'retain', keeper: at.holder };
    // A hand took it out. What is unused neither grows nor goes into a backup.
    if (!at.key.startsWith('mp') && !at.holder.running)
      return { do: 'mount', at, path: `/volume-${volume.metadata.name}`, readOnly: false };
    return planGrowth(volume, at) ?? shrinkRefusal(volume, at) ?? { do: 'nothing' };
  }
  if (!released || at.holder.running) return stillRuns(at.holder.vmid);
  const { keeper } = facts;
  switch (keeper?.seen) {
    case undefined:
    case 'foreign':
    case 'markless':
      return { do: 'reserveKeeper' };
    case 'unknown':
      return waitForHolder(keeper, status);
    case 'creating':
      return waitForMaking(keeper, status, now);
    case 'absent':
      return { do: 'makeKeeper', node: at.holder.node };
    case 'ours':
      if (keeper.node !== at.holder.node) return { do: 'destroyKeeper', keeper };
      return { do: 'claim', vmid: keeper.vmid, node: keeper.node, guest: undefined };
    default:
      return keeper satisfies never;
  }
}

/** Proxmox makes it, or did until it was stopped. Pure. */
export function waitForMaking(
  keeper: { node: string; taskRunning: boolean },
  status: Volume['status'],
  now: Date,
): VolumePlan {
  const { keeperVmid } = status;
  if (keeper.taskRunning || sinceAsked(status, now) < LOCK_GRACE_MS)
    return { do: 'wait', reason: 'Creating', message: `Proxmox makes the keeper ${keeperVmid}.`, checkAfterMs: 1_000 };
  const message = `The keeper ${keeperVmid} is left half-made with lock "create" and no task. As root on ${keeper.node}: pct unlock ${keeperVmid} && pct destroy ${keeperVmid}`;
  return { do: 'stall', reason: 'LockStuck', message };
}

function sinceAsked({ keeperAskedAt }: Volume['status'], now: Date): number {
  return keeperAskedAt === undefined ? Infinity : now.getTime() - Date.parse(keeperAskedAt);
}
