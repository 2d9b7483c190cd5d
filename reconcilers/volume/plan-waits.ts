import type { Reason } from '../../crds/reasons.ts';
import type { Volume } from '../../crds/volume.ts';
import type { HolderFacts } from './holder.ts';
import type { Standing, VolumePlan } from './volume-plan.ts';

const SOON_MS = 1_000;
const UNKNOWN_CHECK_MS = 5_000;
/** What guests and the cluster list say wakes the volume; this is for what they do not. */
const WAIT_CHECK_MS = 10_000;
/** For so long a call whose answer was lost may still be carried out. */
export const LATE_MS = 30_000;

/** What a volume waits for when its guest cannot be looked into. */
export function waitForHolder(holder: HolderFacts, { vmid, moving }: Volume['status']): VolumePlan {
  const id = moving?.vmid ?? vmid;
  if (holder.seen === 'unknown')
    return { do: 'wait', reason: holder.reason, message: holder.message, checkAfterMs: UNKNOWN_CHECK_MS };
  if (holder.seen === 'markless') {
    const message = `The guest ${id} on ${holder.node} has no marks that show whose it is; neither it nor its volumes are touched. Put back its tags, see the Guest.`;
    return { do: 'stall', reason: 'IdentityMissing', message };
  }
  return { do: 'wait', reason: 'Creating', message: `Proxmox makes guest ${id}.`, checkAfterMs: SOON_MS };
}

/** A call that was made lately may still be under way. */
export function lateCall(): VolumePlan {
  return waitFor('Moving', 'Making sure that no call is still being carried out.', 2_000);
}

/** Something else has to happen first. */
export function waitFor(reason: Reason, message: string, checkAfterMs = WAIT_CHECK_MS): VolumePlan {
  return { do: 'wait', reason, message, checkAfterMs };
}

/** It cannot leave a guest that runs. */
export function stillRuns(vmid: number, hasObject = true): VolumePlan {
  const advice = hasObject ? '' : ` It has no object that could stop it. By hand: pct shutdown ${vmid}`;
  return waitFor('WaitingForGuest', `Guest ${vmid} still runs with it; it moves when that is stopped.${advice}`, 2_000);
}

/** It cannot be given to a guest that runs. */
export function runsWithout(vmid: number): VolumePlan {
  return waitFor('WaitingForGuest', `Guest ${vmid} runs and can only be given the volume when it is stopped.`, 2_000);
}

/** It cannot leave its node. */
export function elsewhere({ holder }: Standing, node: string): VolumePlan {
  const message = `It lies with guest ${holder.vmid} on ${holder.node}, and Proxmox moves volumes between guests of one node only. Its guest is on ${node}: delete that guest, so that it is made on ${holder.node}.`;
  return { do: 'stall', reason: 'VolumeElsewhere', message };
}
