import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** Every name that an engine leaves on the machine, so that two sandboxes never meet and leftovers are found again. */
export interface InstanceNames {
  readonly instance: string;
  readonly bridge: string;
  /** Name of the folder in every cgroup hierarchy. */
  readonly cgroup: string;
  /** Seen by people in `ps`, as `[lxc monitor] LXC_PATH CONTAINER`. */
  readonly lxcPath: string;
  /** What every host end of a guest's network interface starts with; seven more characters follow. */
  readonly linkPrefix: string;
  container(vmid: number): string;
  guestCgroup(vmid: number): string;
  link(vmid: number, nic: number): string;
  guestFolder(vmid: number): GuestFolder;
  /** Holds the folders of all guests. */
  readonly guestFolders: string;
}

/** Files of one guest that only the engine reads. */
export interface GuestFolder {
  path: string;
  config: string;
  pid: string;
  log: string;
}

/** Throws RangeError when the instance is not 1 to 6 of a-z and 0-9: longer, and interface names would not fit. */
export function instanceNames(instance: string, stateDir: string, bridge?: string): InstanceNames {
  if (!/^[a-z0-9]{1,6}$/.test(instance)) {
    throw new RangeError(`The sandbox instance '${instance}' is not 1 to 6 characters of a-z and 0-9.`);
  }
  return {
    instance,
    guestFolders: join(stateDir, 'guests'),
    bridge: bridge ?? `ctbr-${instance}`,
    cgroup: `ct${instance}`,
    lxcPath: `/run/lxc/${instance}`,
    linkPrefix: `ct${instance}`,
    container: (vmid) => `ct${instance}-${vmid}`,
    guestCgroup: (vmid) => `ct${instance}/${vmid}`,
    // The kernel takes 15 characters: 2 + up to 6 + 6 + 1.
    link: (vmid, nic) => `ct${instance}${vmid.toString(36).padStart(6, '0')}${nic.toString(36)}`,
    guestFolder(vmid) {
      const path = join(stateDir, 'guests', String(vmid));
      return { path, config: join(path, 'config'), pid: join(path, 'pid'), log: join(path, 'lxc.log') };
    },
  };
}

/** The instance for a data folder: the same folder always gives the same one. */
export function instanceOf(stateDir: string): string {
  const digest = createHash('sha256').update(resolve(stateDir)).digest();
  return digest.readUIntBE(0, 6).toString(36).padStart(7, '0').slice(-6);
}

/** The guests that have a folder: those that run, and those that ended while nobody looked. */
export async function listGuestFolders({ guestFolders }: InstanceNames): Promise<number[]> {
  const found = await readdir(guestFolders).catch(() => []);
  return found.map(Number).filter((vmid) => Number.isInteger(vmid) && vmid > 0);
}
