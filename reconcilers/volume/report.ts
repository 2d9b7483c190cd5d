import { setCondition, type ConditionInput } from '../../crds/condition.ts';
import type { Volume } from '../../crds/volume.ts';
import { mountBytes } from '../providers/proxmox/mount.ts';
import type { VolumeFacts } from './observe.ts';
import type { VolumePlan } from './volume-plan.ts';
import type { Wanted } from './wanted.ts';

/** The status as the facts have it: what the volume is called, where it is, how large, and whether that is as wanted. Pure. */
export function reportVolume(
  volume: Volume,
  status: Volume['status'],
  { facts, wanted, plan }: { facts: VolumeFacts; wanted: Wanted; plan: VolumePlan },
  now: Date,
): Volume['status'] {
  const { place } = facts;
  const size = place.at === 'source' || place.at === 'target' ? sizeOf(place.mount.size) : undefined;
  const next: Volume['status'] = {
    ...status,
    ...(place.at === 'source' && {
      node: place.holder.node,
      key: place.key,
      volid: place.mount.volume,
      storage: place.mount.volume.split(':')[0],
    }),
    ...(size !== undefined && { size }),
  };
  // Seen, so that its absence later on means that it is gone and not that it is still on its way.
  if (facts.keeper?.seen === 'ours') delete next.keeperAskedAt;
  const at = { generation: volume.metadata.generation, now };
  return { ...next, conditions: setCondition(next.conditions, readyCondition(next, facts, wanted, plan), at) };
}

/** "5Gi" for Proxmox's "5G"; undefined when Proxmox does not say. */
export function sizeOf(size: string | undefined): string | undefined {
  const bytes = mountBytes(size);
  return bytes === undefined ? undefined : `${Math.round((bytes / 2 ** 30) * 100) / 100}Gi`;
}

function readyCondition(
  status: Volume['status'],
  { place }: VolumeFacts,
  wanted: Wanted,
  plan: VolumePlan,
): ConditionInput {
  if (place.at === 'source' && !status.moving && plan.do !== 'mount' && plan.do !== 'remove') {
    const { vmid } = place.holder;
    if (wanted.where === 'guest' && wanted.vmid === vmid)
      return yes(
        'VolumeAttached',
        `Guest ${status.attachedTo} has it, as ${place.key} of ${vmid} on ${place.holder.node}.`,
      );
    if (wanted.where === 'parked' && vmid === status.keeperVmid)
      return yes('VolumeParked', `No guest is to have it; the keeper ${vmid} on ${place.holder.node} holds it.`);
  }
  if (place.at === 'unknown' && place.holder.seen === 'unknown')
    return { type: 'Ready', status: 'Unknown', reason: place.holder.reason, message: place.holder.message };
  if (plan.do === 'wait' || plan.do === 'stall') return no(plan.reason, plan.message);
  if (place.at === 'lost')
    return no('VolumeMissing', `No guest has the volume ${status.volid}; it is being looked for.`);
  if (plan.do === 'restore' || plan.do === 'strip') return no('Restoring', 'It is being made from its backup.');
  return place.at === 'nowhere' ? no('Allocating', 'It is being made.') : no('Moving', 'It is on its way.');
}

function yes(reason: ConditionInput['reason'], message: string): ConditionInput {
  return { type: 'Ready', status: 'True', reason, message };
}

function no(reason: ConditionInput['reason'], message: string): ConditionInput {
  return { type: 'Ready', status: 'False', reason, message };
}
