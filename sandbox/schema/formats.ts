import { isIPv4, isIPv6 } from 'node:net';
import { parseStorageId } from './storage-id.ts';

/** Returns what is wrong with the value, in Proxmox's words. */
type Check = (value: string) => string | undefined;

const ownerOf = /^\d+$/;
const tag = /^[a-z0-9_][a-z0-9_\-+.]*$/i;
const configId = /^[a-z][a-z0-9_-]+$/i;
const dnsName = /^((([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)\.)*([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?))$/;
const storageContents = ['images', 'rootdir', 'vztmpl', 'iso', 'backup', 'snippets', 'import', 'none'];

const checks = {
  'pve-vmid': fails(
    (value) => /^[1-9]\d{2,8}$/.test(value) && Number(value) >= 100,
    'value does not look like a valid VM ID',
  ),
  'pve-node': fails(
    (value) => /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/.test(value),
    'value does not look like a valid node name',
  ),
  'pve-poolid': pool,
  'pve-storage-id': (value) =>
    parseStorageId(value) ? undefined : `storage ID '${value}' contains illegal characters`,
  'pve-storage-content': content,
  'pve-volume-id': fails((value) => /^[a-z][a-z0-9\-_.]*[a-z0-9]:.+$/i.test(value), 'unable to parse volume ID'),
  'pve-configid': (value) => (configId.test(value) ? undefined : `invalid configuration ID '${value}'`),
  'pve-tag': fails((value) => tag.test(value), 'invalid characters in tag'),
  'pve-task-status-type': fails(
    (value) => ['ok', 'error', 'warning', 'unknown'].includes(value),
    'value does not look like a valid task status type',
  ),
  'pve-startup-order': startup,
  'pve-ct-timezone': timezone,
  'pve-lxc-mp-string': mountPath,
  'pve-lxc-dev-string': fails((value) => value.startsWith('/dev/') && !value.includes('/../'), 'must be a device path'),
  'pve-ipv4-config': fails(
    (value) => value === 'dhcp' || value === 'manual' || isCidr(value, isIPv4, 8, 32),
    'value does not look like a valid ipv4 network configuration',
  ),
  'pve-ipv6-config': fails(
    (value) => ['auto', 'dhcp', 'manual'].includes(value) || isCidr(value, isIPv6, 8, 128),
    'value does not look like a valid ipv6 network configuration',
  ),
  'pve-realm': fails((value) => /^[A-Za-z][A-Za-z0-9.\-_]+$/.test(value), 'value does not look like a valid realm'),
  'pve-priv': fails((value) => /^[A-Za-z.]+$/.test(value), 'invalid privilege name'),
  'dns-name': fails((value) => dnsName.test(value), 'value does not look like a valid DNS name'),
  'disk-size': fails((value) => /^\d+(\.\d+)?[KMGT]?$/.test(value), 'value does not look like a valid disk size'),
  ipv4: fails((value) => isIPv4(value), 'value does not look like a valid IPv4 address'),
  ipv6: fails((value) => isIPv6(value), 'value does not look like a valid IPv6 address'),
  'lxc-ip-with-ll-iface': fails(
    (value) => isIPv4(value) || isIPv6(value.replace(/%[^%]+$/, '')),
    'value does not look like a valid IP address',
  ),
  'mac-addr': fails(
    (value) => /^[a-f0-9][02468ace](:[a-f0-9]{2}){5}$/i.test(value),
    'value does not look like a valid unicast MAC address',
  ),
  'email-or-username': fails(
    (value) => /^[^\s@]+(@[^\s@]+)?$/.test(value),
    'value does not look like a valid email address or user name',
  ),
  'prune-backups': pruneBackups,
  'backup-performance': fails((value) => /^[a-z-]+=\d+(,[a-z-]+=\d+)*$/.test(value), 'format error'),
  'backup-fleecing': fails((value) => /^(enabled=)?[01](,storage=[a-z][\w.-]*)?$/i.test(value), 'format error'),
} satisfies Record<string, Check>;

type SingleFormat = keyof typeof checks;

/** A format by name; with `-list` behind it a list of such values. */
export type FormatName = SingleFormat | `${SingleFormat}-list`;

/** What is wrong with the value, or undefined. */
export function checkFormat(format: FormatName, value: string): string | undefined {
  if (isSingle(format)) return checks[format](value);
  const single = format.slice(0, -'-list'.length);
  if (!isSingle(single)) return `no such format ${format}`;
  return splitList(value)
    .map((item) => checks[single](item))
    .find((problem) => problem !== undefined);
}

/** Splits as Proxmox splits lists: at commas, semicolons, NULs and white space. */
export function splitList(value: string): string[] {
  return value.split(/[,;\0\s]+/).filter((item) => item !== '');
}

function isSingle(format: string): format is SingleFormat {
  return Object.hasOwn(checks, format);
}

function fails(isGood: (value: string) => boolean, problem: string): Check {
  return (value) => (isGood(value) ? undefined : problem);
}

function isCidr(value: string, isAddress: (text: string) => boolean, lowest: number, highest: number): boolean {
  const parts = /^([^/]+)\/(\d{1,3})$/.exec(value);
  if (!parts) return false;
  const prefix = Number(parts[2]);
  return isAddress(parts[1] ?? '') && prefix >= lowest && prefix <= highest;
}

function pool(value: string): string | undefined {
  const levels = value.split('/');
  if (levels.length <= 3 && levels.every((level) => /^[A-Za-z0-9._-]+$/.test(level))) return undefined;
  return `pool ID '${value}' contains invalid characters`;
}

function content(value: string): string | undefined {
  return storageContents.includes(value) ? undefined : `invalid content type '${value}'`;
}

function startup(value: string): string | undefined {
  const good = value.split(',').every((part) => part === '' || /^((order=)?\d+|up=\d+|down=\d+)$/.test(part));
  return good ? undefined : 'unable to parse startup options';
}

function timezone(value: string): string | undefined {
  if (value === 'host' || value === 'UTC') return undefined;
  return Intl.supportedValuesOf('timeZone').includes(value) ? undefined : `invalid time zone '${value}'`;
}

function mountPath(value: string): string | undefined {
  const bad = value.includes('/./') || value.includes('/../') || /\/\.{1,2}$/.test(value) || /^\.{1,2}\//.test(value);
  return bad ? `${value} contains illegal character sequences` : undefined;
}

function pruneBackups(value: string): string | undefined {
  const keys = new Set([
    'keep-all',
    'keep-last',
    'keep-hourly',
    'keep-daily',
    'keep-weekly',
    'keep-monthly',
    'keep-yearly',
  ]);
  const parts = value.split(',').map((part) => part.split('='));
  const good = parts.every(([key = '', count = '']) => keys.has(key) && ownerOf.test(count));
  return good ? undefined : 'format error';
}
