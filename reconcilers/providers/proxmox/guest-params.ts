import type { ConfigParams, CreateParams } from './additions.ts';
import type { CreateGuest, GuestChanges } from './client.ts';

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
