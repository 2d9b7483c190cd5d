import { planKeeper, waitForMaking } from './plan-keeper.ts';
import { waitFor, waitForHolder } from './plan-waits.ts';
import type { PlanInput, VolumePlan } from './volume-plan.ts';

/**
 * It was never made, and is to hold what a backup has: it is made together with its keeper, by restoring the backup to the
 * keeper's vmid. Never an empty one in its place. Pure.
 */
export function planRestored({ volume, status, facts, source, now }: PlanInput): VolumePlan {
  const { keeper } = facts;
  const isDeleting = volume.metadata.deletionTimestamp !== undefined;
  switch (keeper?.seen) {
    case 'unknown':
      return waitForHolder(keeper, status);
    case 'creating':
      return waitForMaking(keeper, status, now);
    case 'ours':
      // It has not got the disk, or its disk is not known as ours: nothing is lost, since the backup has it.
      if (status.moving) return { do: 'giveUp' };
      return planKeeper(keeper, status, now) ?? { do: 'nothing' };
    case 'absent':
    case 'foreign':
    case 'markless':
    case undefined:
      break;
    default:
      return keeper satisfies never;
  }
  if (isDeleting) return status.moving ? { do: 'giveUp' } : (planKeeper(keeper, status, now) ?? { do: 'nothing' });
  if (source && !source.ok) {
    const { reason, message } = source;
    return source.isFinal ? { do: 'stall', reason, message } : waitFor(reason, message, 60_000);
  }
  if (!source) return waitFor('Waiting', 'The backup is being looked for.');
  if (keeper?.seen === 'absent') return { do: 'restore', backup: source.backup };
  // The vmid became another's before our restore came.
  return status.moving ? { do: 'giveUp' } : { do: 'reserveKeeper' };
}
