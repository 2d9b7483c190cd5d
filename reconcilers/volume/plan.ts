import type { Volume } from '../../crds/volume.ts';
import type { HolderOfOurs } from './holder.ts';
import { planKeeper, planParking } from './plan-keeper.ts';
import { planRestored } from './plan-restored.ts';
import { planGrowth, shrinkRefusal } from './plan-size.ts';
import { LATE_MS, elsewhere, lateCall, runsWithout, stillRuns, waitFor, waitForHolder } from './plan-waits.ts';
import type { PlanInput, Standing, VolumePlan } from './volume-plan.ts';
import type { Wanted } from './wanted.ts';

/** The first thing that has to be done, in the order in which it must be. Pure. */
export function planVolume(input: PlanInput): VolumePlan {
  const { facts, status } = input;
  const locked = [facts.source, facts.target].find((holder) => holder?.seen === 'ours' && holder.lock !== undefined);
  if (locked?.seen === 'ours') {
    const message = `Proxmox has locked guest ${locked.vmid} (${locked.lock}); waiting until it is done.`;
    return waitFor('Locked', message);
  }
  const { place } = facts;
  if (isToBeRestored(input) && place.at !== 'target') return planRestored(input);
  switch (place.at) {
    case 'unknown':
      return waitForHolder(place.holder, status);
    case 'nowhere':
      return status.moving ? planAllocation(input) : planFirst(input);
    case 'lost':
      return planLost(input);
    case 'target':
      return planArrival(input, place);
    case 'source':
      return status.moving ? planMove(input, place) : planAtRest(input, place);
    default:
      return place satisfies never;
  }
}

/** Nothing was ever made: it is made with the first guest, on its node. */
function planFirst({ volume, facts, wanted, status, now }: PlanInput): VolumePlan {
  const dismissal = planKeeper(facts.keeper, status, now);
  if (dismissal) return dismissal;
  switch (wanted.where) {
    case 'parked':
      return volume.metadata.deletionTimestamp === undefined
        ? waitFor('VolumeUnused', 'It is made when a guest first needs it.', 5 * 60_000)
        : { do: 'nothing' };
    case 'undecided':
      return waitFor('WaitingForGuest', wanted.message);
    case 'impossible':
      return { do: 'stall', reason: 'Rejected', message: wanted.message };
    case 'guest':
      return { do: 'claim', vmid: wanted.vmid, node: wanted.guest.status.node ?? '', guest: nameOf(wanted) };
    default:
      return wanted satisfies never;
  }
}

function planAllocation({ facts, wanted, status, now }: PlanInput): VolumePlan {
  const { target } = facts;
  const isWanted = wanted.where === 'guest' && wanted.vmid === status.moving?.vmid;
  if (target?.seen !== 'ours' || !isWanted) return isLate(status, now) ? lateCall() : { do: 'giveUp' };
  if (target.running) return runsWithout(target.vmid);
  return { do: 'allocate', target, path: wanted.path, readOnly: wanted.readOnly };
}

/** It stands at the target's key. For a first volume that is ours only if it has our path: it might be another's. */
function planArrival({ status, wanted }: PlanInput, at: Standing): VolumePlan {
  const isRestored = status.volid === undefined && at.holder.vmid === status.keeperVmid;
  if (isRestored && Object.keys(at.holder.config.nets).length > 0 && !at.holder.running)
    return { do: 'strip', holder: at.holder };
  if (wanted.where !== 'guest' || wanted.vmid !== at.holder.vmid) return { do: 'arrive', at };
  const { path, readOnly } = wanted;
  if (status.volid === undefined && at.mount.path !== path) return { do: 'giveUp' };
  if (isMountedAs(at, path, readOnly)) return { do: 'arrive', at };
  return at.holder.running ? runsWithout(at.holder.vmid) : { do: 'mount', at, path, readOnly };
}

function planMove({ facts, wanted, status, released, now }: PlanInput, from: Standing): VolumePlan {
  const { target } = facts;
  const { moving } = status;
  if (target?.seen === 'unknown' || target?.seen === 'creating') return waitForHolder(target, status);
  const goal = wanted.where === 'guest' ? wanted.vmid : wanted.where === 'parked' ? status.keeperVmid : undefined;
  const isTaken = target?.seen === 'ours' && keysOf(target).has(moving?.key ?? '');
  if (target?.seen !== 'ours' || target.vmid !== goal || isTaken || !released)
    return isLate(status, now) && target?.seen === 'ours' ? lateCall() : { do: 'giveUp' };
  if (target.node !== from.holder.node) return elsewhere(from, target.node);
  if (from.holder.running && from.key.startsWith('mp')) return stillRuns(from.holder.vmid);
  if (target.running) return runsWithout(target.vmid);
  return { do: 'move', from, target };
}

function planAtRest(input: PlanInput, at: Standing): VolumePlan {
  const { volume, facts, wanted, released, status, now } = input;
  if (volume.metadata.deletionTimestamp !== undefined && !volume.spec.retain) {
    if (!released)
      return waitFor('WaitingForGuest', `Guest ${at.holder.vmid} still needs it; it is removed after that.`);
    return at.holder.running ? stillRuns(at.holder.vmid) : { do: 'remove', at };
  }
  switch (wanted.where) {
    case 'impossible':
      return { do: 'stall', reason: 'Rejected', message: wanted.message };
    case 'undecided':
      return waitFor('WaitingForGuest', wanted.message);
    case 'parked':
      return planParking(input, at);
    case 'guest':
      break;
    default:
      return wanted satisfies never;
  }
  if (wanted.vmid === at.holder.vmid) {
    if (!isMountedAs(at, wanted.path, wanted.readOnly)) {
      if (at.holder.running) return runsWithout(at.holder.vmid);
      return { do: 'mount', at, path: wanted.path, readOnly: wanted.readOnly };
    }
    return (
      planGrowth(volume, at) ?? planKeeper(facts.keeper, status, now) ?? shrinkRefusal(volume, at) ?? { do: 'nothing' }
    );
  }
  if (!released)
    return waitFor('WaitingForGuest', `Guest ${status.attachedTo} still needs it; it moves when that is stopped.`);
  if (at.holder.running) return stillRuns(at.holder.vmid, status.adoptedFrom === undefined);
  const { cluster, node = '' } = wanted.guest.status;
  if (cluster !== status.cluster || node !== at.holder.node) return elsewhere(at, node);
  return { do: 'claim', vmid: wanted.vmid, node: wanted.guest.status.node ?? '', guest: nameOf(wanted) };
}

/** It was there, and no config that it should be in has it. */
function planLost({ volume, facts, status, now }: PlanInput): VolumePlan {
  // It was removed, and takes along the keeper that it came with.
  const isRemoved = volume.metadata.deletionTimestamp !== undefined && !volume.spec.retain && !status.moving;
  if (isRemoved) return planKeeper(facts.keeper, status, now) ?? { do: 'nothing' };
  const holder = [facts.target, facts.source].find((candidate) => candidate?.seen === 'ours');
  if (status.moving && isLate(status, now)) return lateCall();
  if (holder?.seen === 'ours') {
    if (holder.running) return stillRuns(holder.vmid);
    return { do: 'recover', holder };
  }
  const message =
    `The volume ${status.volid} is gone: guest ${status.vmid}, which had it, is not there any more or is not ours. ` +
    'Nothing is made in its place. To begin with an empty one, delete this Volume.';
  return { do: 'stall', reason: 'VolumeMissing', message };
}

/** Before it has a name nothing of it can be lost; after that nothing is restored over it. */
function isToBeRestored({ volume, status }: PlanInput): boolean {
  return volume.spec.source !== undefined && status.volid === undefined;
}

function isMountedAs({ key, mount }: Standing, path: string, readOnly: boolean): boolean {
  return key.startsWith('mp') && mount.path === path && mount.readOnly === readOnly;
}

function keysOf({ config }: HolderOfOurs): Set<string> {
  return new Set([...Object.keys(config.mounts), ...Object.keys(config.unused)]);
}

function isLate({ moving }: Volume['status'], now: Date): boolean {
  return moving !== undefined && now.getTime() - Date.parse(moving.startedAt) < LATE_MS;
}

function nameOf({ guest }: Extract<Wanted, { where: 'guest' }>): { name: string; uid: string } {
  return { name: guest.metadata.name, uid: guest.metadata.uid };
}
