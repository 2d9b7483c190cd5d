import type { ConditionInput } from '../../crds/condition.ts';
import type { Guest } from '../../crds/guest.ts';
import type { Volume } from '../../crds/volume.ts';
import type { GuestConfig } from '../providers/proxmox/client.ts';
import { parseMount } from '../providers/proxmox/mount.ts';
import { troubleOf, type Trouble } from '../shared/trouble.ts';
import { isAttached, isExchanging, isHeldBy, volumesOf } from '../shared/volumes.ts';

/** A disk in a guest's config besides its root disk. */
export interface GuestDisk {
  key: string;
  volid: string;
}

/** What keeps a guest from being started: the first of its volumes that it does not have. Undefined when it has all. Pure. */
export function awaitedVolume(guest: Guest, volumes: readonly Volume[], config: GuestConfig): Trouble | undefined {
  const disks = mountedDisks(config);
  for (const { name, volume } of volumesOf(guest, volumes)) {
    const message = lackOf(guest, name, volume, disks);
    if (message !== undefined) return { reason: 'WaitingForVolume', message };
  }
  return undefined;
}

/**
 * A volume that is about to become another disk: the guest is stopped until it has that. What runs once is not started a second
 * time, so that is waited for. Undefined when there is none. Pure.
 */
export function yieldedVolume(guest: Guest, volumes: readonly Volume[]): Trouble | undefined {
  if (guest.spec.process.restart === 'Never') return undefined;
  const yielded = volumesOf(guest, volumes).find(({ volume }) => isExchanging(volume));
  if (!yielded) return undefined;
  const message = `Volume ${yielded.name} is being given what a Restore brought back; the guest starts after that.`;
  return { reason: 'Switching', message };
}

function lackOf(
  { metadata }: Guest,
  name: string,
  volume: Volume | undefined,
  disks: readonly GuestDisk[],
): string | undefined {
  if (!volume) return `Volume ${name} does not exist. Create it, or take it out of spec.mounts.`;
  const { attachedTo, volid } = volume.status;
  const trouble = troubleOf(volume);
  const because = trouble ? ` ${trouble.message}` : '';
  if (isAttached(volume, metadata.uid)) {
    return disks.some((disk) => disk.volid === volid)
      ? undefined
      : `Volume ${name} should be attached, but the guest's config does not have it.${because}`;
  }
  const holder = attachedTo === undefined || attachedTo === metadata.name ? '' : `; guest ${attachedTo} has it`;
  return `Volume ${name} is not attached yet${holder}.${because}`;
}

/** Disks in the config that no Volume accounts for: somebody's hand put them there. Pure. */
export function unknownDisks({ status }: Guest, volumes: readonly Volume[], config: GuestConfig): GuestDisk[] {
  const here = volumes.filter((volume) => volume.status.cluster === status.cluster);
  return disksOf(config).filter(
    ({ key, volid }) =>
      !here.some(
        ({ status: { volid: own, vmid, key: at, moving } }) =>
          own === volid ||
          (vmid === status.vmid && at === key) ||
          (moving?.vmid === status.vmid && moving?.key === key),
      ),
  );
}

/** Says which disks nobody knows. Undefined when there are none. Pure. */
export function unknownDisksCondition({ status }: Guest, disks: readonly GuestDisk[]): ConditionInput | undefined {
  if (disks.length === 0) return undefined;
  return {
    type: 'DisksKnown',
    status: 'False',
    reason: 'DiskUnknown',
    message: `Guest ${status.vmid} has ${listed(disks)} of no Volume. It is left alone, and so is the guest when it is deleted.`,
  };
}

/**
 * Why a guest that is stopped must not be destroyed, which would destroy all its disks: a Volume is there or on its way, or its
 * config, read at this moment, has a disk besides the root disk, whatever objects say. A folder of the host, mounted by hand,
 * is no disk and stays. Undefined when nothing is in the way. Pure.
 */
export function holdsDisks(guest: Guest, volumes: readonly Volume[], config: GuestConfig): Trouble | undefined {
  const { vmid } = guest.status;
  const held = volumes.filter((volume) => isHeldBy(volume, guest.metadata.uid));
  const [first] = held;
  if (first) {
    const trouble = troubleOf(first);
    const because = trouble ? ` ${trouble.message}` : '';
    const names = held.map(({ metadata }) => metadata.name).join(', ');
    return {
      reason: 'WaitingForVolume',
      message: `Guest ${vmid} is kept until its volumes have left it: ${names}.${because}`,
    };
  }
  const disks = disksOf(config).filter(({ volid }) => !volid.startsWith('/'));
  const [disk] = disks;
  if (!disk) return undefined;
  return {
    reason: 'DiskUnknown',
    message:
      `Guest ${vmid} is not destroyed, for ${listed(disks)} would go with it, and no Volume says that it may. ` +
      `To keep it, give it to another guest: pct move-volume ${vmid} ${disk.key} --target-vmid VMID --target-volume KEY. ` +
      `To lose it: pct set ${vmid} --delete ${disk.key}, once more for the unused disk that this leaves.`,
  };
}

/** All disks but the root disk, used or not. */
function disksOf({ mounts, unused }: GuestConfig): GuestDisk[] {
  return disksIn({ ...mounts, ...unused });
}

/** What the guest will see when it runs: a disk that a hand detached lies in the config too, as unused. */
function mountedDisks({ mounts }: GuestConfig): GuestDisk[] {
  return disksIn(mounts);
}

function disksIn(entries: Readonly<Record<string, string>>): GuestDisk[] {
  return Object.entries(entries)
    .map(([key, text]) => ({ key, volid: parseMount(text).volume }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

function listed(disks: readonly GuestDisk[]): string {
  return disks.map(({ key, volid }) => `${key} (${volid})`).join(', ');
}
