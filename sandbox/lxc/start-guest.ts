import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import type { GuestMachine } from '../engine/engine.ts';
import type { CgroupLayout } from './cgroups.ts';
import type { GuestBridge } from './guest-bridge.ts';
import { renderGuestConfig, stagedFolders } from './guest-config.ts';
import { ensureGuestFolder, writeGuestFile } from './guest-folder.ts';
import { limitSettings } from './guest-limits.ts';
import type { InstanceNames } from './instance-names.ts';
import { launchGuest, type GuestProcesses } from './launch-guest.ts';
import { onlineCpus } from './online-cpus.ts';
import { sweepGuest } from './sweep.ts';

const seccompProfile = '/usr/share/lxc/config/common.seccomp';

/**
 * Starts a guest that does not run; `leases` are its addresses of the pool. Resolves once its entrypoint was executed,
 * with undefined when it has ended already. Throws EngineError, and then nothing of the guest is left outside its folders.
 */
export async function startGuest(
  machine: GuestMachine,
  leases: ReadonlyMap<string, string>,
  { names, layout, bridge }: { names: InstanceNames; layout: CgroupLayout; bridge: GuestBridge },
): Promise<GuestProcesses | undefined> {
  const { vmid, entrypoint } = machine;
  const files = names.guestFolder(vmid);
  const config = renderGuestConfig(machine, {
    names,
    leases,
    gateway: bridge.gateway,
    limits: limitSettings(layout, vmid, machine, onlineCpus()),
    seccompProfile: existsSync(seccompProfile) ? seccompProfile : undefined,
    apparmor: hasApparmor(),
  });
  await sweepGuest(layout, names, vmid);
  await prepareFolders(machine);
  await mkdir(files.path, { recursive: true, mode: 0o700 });
  await writeFile(files.config, config, { mode: 0o600 });
  try {
    return await launchGuest({ vmid, names, files, folders: stagedFolders(machine), entrypoint });
  } catch (error) {
    await sweepGuest(layout, names, vmid);
    await rm(files.path, { recursive: true, force: true });
    throw error;
  }
}

/** Proxmox makes the working directory and, in guests it manages, keeps name files up to date at every start. */
async function prepareFolders({ rootfs, cwd, mounts, hostname, unmanaged }: GuestMachine): Promise<void> {
  const below = mounts
    .filter(({ mountPath, readOnly }) => !readOnly && isBelow(cwd, mountPath))
    .sort((a, b) => b.mountPath.length - a.mountPath.length)[0];
  if (below) await ensureGuestFolder(below.path, cwd.slice(below.mountPath.length));
  else await ensureGuestFolder(rootfs, cwd);
  if (unmanaged) return;
  await writeGuestFile(rootfs, '/etc', 'hostname', `${hostname}\n`);
  await writeGuestFile(rootfs, '/etc', 'hosts', `127.0.0.1 localhost\n::1 localhost\n127.0.1.1 ${hostname}\n`);
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

function hasApparmor(): boolean {
  const file = '/sys/module/apparmor/parameters/enabled';
  return existsSync(file) && readFileSync(file, 'utf8').startsWith('Y') && existsSync('/usr/sbin/apparmor_parser');
}
