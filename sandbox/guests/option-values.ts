import { randomBytes } from 'node:crypto';
import { splitList } from '../schema/formats.ts';
import { netFormat } from '../schema/guest-options.ts';
import { printProperties } from '../schema/property-string.ts';
import { readNic } from './guest-machine.ts';

/** Brings an option's value into the form in which Proxmox keeps it. */
export function normalizeOption(name: string, value: string): string {
  if (/^net\d+$/.test(name)) return normalizeNic(value);
  if (name === 'tags') return normalizeTags(value);
  if (name === 'nameserver' || name === 'searchdomain') return splitList(value).join(' ');
  return value;
}

/** Tags in lower case, each once, by the alphabet. */
export function normalizeTags(value: string): string {
  const tags = splitList(value).map((tag) => tag.toLowerCase());
  return [...new Set(tags)].sort().join(';');
}

/** `netN` with a MAC address where it has none. */
function normalizeNic(value: string): string {
  const nic = readNic(value);
  const mac = nic.get('hwaddr') ?? `BC:24:11:${(randomBytes(3).toString('hex').match(/../g) ?? []).join(':')}`;
  nic.set('hwaddr', mac.toUpperCase());
  nic.set('type', 'veth');
  return printProperties(netFormat, nic);
}

/** `netN` with a new MAC address. */
export function withFreshMac(value: string): string {
  const nic = readNic(value);
  nic.delete('hwaddr');
  return normalizeNic(printProperties(netFormat, nic));
}

/** `netN`, configured by the host unless it says whether it wants that. Undefined when it does. */
export function withHostManaged(value: string): string | undefined {
  const nic = readNic(value);
  if (nic.has('host-managed')) return undefined;
  nic.set('host-managed', '1');
  return printProperties(netFormat, nic);
}
