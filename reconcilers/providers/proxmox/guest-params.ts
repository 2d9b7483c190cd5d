import type { ConfigParams, CreateParams, RestoreParams } from './additions.ts';
import type { CreateGuest, GuestChanges, RestoreGuest } from './client.ts';

/**
 * A create call for an unprivileged guest of which Proxmox touches no file: `unmanaged`, without features, not started. The
 * image's own entrypoint and environment are put over whatever were said here, so they are set by a change later on.
 */
export function createParams(guest: CreateGuest): CreateParams {
  const { nameservers = [], searchDomain } = guest;
  return {
    vmid: guest.vmid,
    ostemplate: guest.archive,
    ostype: 'unmanaged',
    arch: guest.architecture,
    unprivileged: true,
    hostname: guest.hostname,
    rootfs: `${guest.storage}:${guest.rootfsGiB}`,
    memory: guest.memoryMiB,
    swap: guest.swapMiB,
    cores: guest.cores,
    cpulimit: guest.cpuLimit,
    ...(guest.net0 !== undefined && { net0: guest.net0 }),
    tags: guest.tags.join(';'),
    description: guest.description,
    onboot: guest.onboot ?? true,
    ...(nameservers.length > 0 && { nameserver: nameservers.join(' ') }),
    ...(searchDomain !== undefined && { searchdomain: searchDomain }),
  };
}

/** What such a guest has for a process: nothing that could run. */
const NO_PROCESS = '/never/started';
const NO_ENVIRONMENT = 'CONTAINR_KEEPER=1';

/**
 * A restore to a free vmid, never over a guest. What a call says counts before what the backup says, so all is said that
 * could start it, keep it from being removed, or pass it for another; disks that are named are the only ones made. What a
 * token may not say (a hook script, devices, features) has no effect on a guest that is not started.
 */
export function restoreParams(guest: RestoreGuest): RestoreParams {
  return {
    vmid: guest.vmid,
    ostemplate: guest.backup,
    restore: true,
    unique: true,
    unprivileged: true,
    storage: guest.storage,
    rootfs: `${guest.storage}:${guest.rootfsGiB}`,
    ...guest.mounts,
    hostname: guest.hostname,
    memory: 16,
    swap: 0,
    cores: 1,
    cpulimit: 0.1,
    entrypoint: NO_PROCESS,
    env: NO_ENVIRONMENT,
    onboot: false,
    protection: false,
    tags: guest.tags.join(';'),
    description: guest.description,
  };
}

/** Only what changes. An empty environment is deleted, since Proxmox knows no empty one. */
export function configParams(changes: GuestChanges): ConfigParams {
  const { env } = changes;
  const removed = [...(changes.remove ?? []), ...(env?.length === 0 ? ['env'] : [])];
  return {
    ...changes.mounts,
    ...(changes.hostname !== undefined && { hostname: changes.hostname }),
    ...(changes.description !== undefined && { description: changes.description }),
    ...(changes.tags !== undefined && { tags: changes.tags.join(';') }),
    ...(changes.memoryMiB !== undefined && { memory: changes.memoryMiB }),
    ...(changes.swapMiB !== undefined && { swap: changes.swapMiB }),
    ...(changes.cores !== undefined && { cores: changes.cores }),
    ...(changes.cpuLimit !== undefined && { cpulimit: changes.cpuLimit }),
    ...(changes.entrypoint !== undefined && { entrypoint: changes.entrypoint }),
    ...(env !== undefined && env.length > 0 && { env: env.join('\0') }),
    ...(removed.length > 0 && { delete: removed.join(',') }),
    ...(changes.onboot !== undefined && { onboot: changes.onboot }),
    ...(changes.net0 !== undefined && { net0: changes.net0 }),
    ...(changes.digest !== undefined && { digest: changes.digest }),
  };
}
