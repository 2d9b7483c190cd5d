import type { Proxmox } from 'proxmox-api';
import type { Upid } from './client.ts';
import { ProxmoxFault } from './fault.ts';

// Places in the typed proxy. Names are encoded here, since the proxy itself only escapes slashes.

export function nodeOf(api: Proxmox.Api, node: string) {
  return api.nodes.$(encodeURIComponent(node));
}

export function guestOf(api: Proxmox.Api, node: string, vmid: number) {
  return nodeOf(api, node).lxc.$(vmid);
}

export function storageOf(api: Proxmox.Api, node: string, storage: string) {
  return nodeOf(api, node).storage.$(encodeURIComponent(storage));
}

export function volumeOf(api: Proxmox.Api, node: string, storage: string, volid: string) {
  return storageOf(api, node, storage).content.$(encodeURIComponent(volid));
}

/** On the node that its id names. Throws `invalid` when it is no id of a task. */
export function taskOf(api: Proxmox.Api, upid: Upid) {
  const [word, node] = upid.split(':');
  if (word === 'UPID' && node) return nodeOf(api, node).tasks.$(encodeURIComponent(upid));
  throw new ProxmoxFault('invalid', `"${upid}" is not the id of a Proxmox task.`);
}
