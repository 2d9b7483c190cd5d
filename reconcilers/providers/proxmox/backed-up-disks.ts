import type { BackedUpDisks } from './client.ts';
import { mountBytes, parseMount } from './mount.ts';

const GIB = 2 ** 30;
/** What Proxmox makes where a config says no size. */
const USUAL_BYTES = 4 * GIB;

/** Reads the disks out of the config in a backup. Nothing else of it is of use: whoever can write archives wrote it. Pure. */
export function readBackedUpDisks(text: string): BackedUpDisks {
  const disks: BackedUpDisks = { rootBytes: USUAL_BYTES, mounts: [] };
  for (const line of text.split('\n')) {
    // From here on it is about snapshots.
    if (line.startsWith('[')) break;
    const [, key = '', value = ''] = /^(rootfs|mp\d+):\s*(.*)$/.exec(line) ?? [];
    if (key === '') continue;
    const { volume, path, size } = parseMount(value);
    const bytes = mountBytes(size) ?? USUAL_BYTES;
    if (key === 'rootfs') disks.rootBytes = bytes;
    else if (!volume.startsWith('/')) disks.mounts.push({ path, bytes, included: /(^|,)backup=1(,|$)/.test(value) });
  }
  return disks;
}

/** A size as Proxmox takes it for a new disk: GiB, not less than asked for. */
export function newDiskGiB(bytes: number): number {
  return Math.max(0.1, Math.ceil((bytes / GIB) * 1000) / 1000);
}
