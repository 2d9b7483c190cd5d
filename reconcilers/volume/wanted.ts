import type { Guest } from '../../crds/guest.ts';
import type { Volume } from '../../crds/volume.ts';
import { mountPathProblem } from '../providers/proxmox/mount.ts';

/** Where a volume is to be. */
export type Wanted =
  | { where: 'guest'; guest: Guest; vmid: number; path: string; readOnly: boolean }
  /** With no guest: on its keeper. */
  | { where: 'parked' }
  /** With a guest that cannot have it yet; it stays where it is. */
  | { where: 'undecided'; message: string }
  | { where: 'impossible'; message: string };

/** Reads from Volume and Guests where the volume is to be. A guest that is being deleted gets nothing. Pure. */
export function wantedPlace(volume: Volume, guests: readonly Guest[]): Wanted {
  const { metadata, spec } = volume;
  if (spec.guest === undefined || metadata.deletionTimestamp !== undefined) return { where: 'parked' };
  const guest = guests.find((candidate) => candidate.metadata.name === spec.guest);
  if (!guest || guest.metadata.deletionTimestamp !== undefined) return { where: 'parked' };
  const mount = guest.spec.mounts.find((candidate) => candidate.volume === metadata.name);
  if (!mount) return { where: 'undecided', message: `Guest ${spec.guest} does not mount the volume.` };
  const problem = mountPathProblem(mount.mountPath);
  if (problem !== undefined)
    return { where: 'impossible', message: `It cannot be mounted at "${mount.mountPath}": ${problem}.` };
  const { vmid, created } = guest.status;
  if (vmid === undefined || !created)
    return { where: 'undecided', message: `Waiting until guest ${spec.guest} is made.` };
  return { where: 'guest', guest, vmid, path: mount.mountPath, readOnly: mount.readOnly };
}

/** Whether nobody needs the volume where it is: its guest is gone, going, or is to be stopped. Pure. */
export function isReleased({ status }: Pick<Volume, 'status'>, guests: readonly Guest[]): boolean {
  const holder = guests.find(({ metadata }) => metadata.uid === status.attachedUid);
  return !holder || holder.metadata.deletionTimestamp !== undefined || holder.spec.power === 'stopped';
}
