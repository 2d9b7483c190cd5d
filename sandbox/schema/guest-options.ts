import type { ParameterTable, PropertyFormat } from './parameter.ts';

const flag = { type: 'boolean', optional: true } as const;
const mountOption = '(?:discard|lazytime|noatime|nodev|noexec|nosuid)';

const volumeProperties = {
  volume: { type: 'string', format: 'pve-lxc-mp-string' },
  acl: flag,
  idmap: { type: 'string', optional: true },
  mountoptions: { type: 'string', optional: true, pattern: new RegExp(`^${mountOption}(;${mountOption})*$`) },
  quota: flag,
  replicate: flag,
  ro: flag,
  shared: flag,
  size: { type: 'string', format: 'disk-size', optional: true },
} as const;

/** `rootfs`. */
export const rootfsFormat: PropertyFormat = { defaultKey: 'volume', properties: volumeProperties };

/** `mp0` and the like. */
export const mountFormat: PropertyFormat = {
  defaultKey: 'volume',
  properties: {
    ...volumeProperties,
    mp: { type: 'string', format: 'pve-lxc-mp-string' },
    backup: flag,
    keepattrs: flag,
  },
};

/** `net0` and the like. */
export const netFormat: PropertyFormat = {
  properties: {
    name: { type: 'string', pattern: /^[-_.\w]+$/ },
    bridge: { type: 'string', optional: true, pattern: /^[-_.\w]+$/ },
    firewall: flag,
    gw: { type: 'string', format: 'ipv4', optional: true },
    gw6: { type: 'string', format: 'ipv6', optional: true },
    'host-managed': flag,
    hwaddr: { type: 'string', format: 'mac-addr', optional: true },
    ip: { type: 'string', format: 'pve-ipv4-config', optional: true },
    ip6: { type: 'string', format: 'pve-ipv6-config', optional: true },
    link_down: flag,
    mtu: { type: 'integer', minimum: 64, maximum: 65535, optional: true },
    rate: { type: 'number', optional: true },
    tag: { type: 'integer', minimum: 1, maximum: 4094, optional: true },
    trunks: { type: 'string', pattern: /^\d+(;\d+)*$/, optional: true },
    type: { type: 'string', enum: ['veth'], optional: true },
  },
};

/** `features`. */
export const featuresFormat: PropertyFormat = {
  properties: {
    force_rw_sys: flag,
    fuse: flag,
    keyctl: flag,
    mknod: flag,
    mount: { type: 'string', pattern: /^[a-zA-Z0-9_; ]+$/, optional: true },
    nesting: flag,
  },
};

const deviceFormat: PropertyFormat = {
  defaultKey: 'path',
  properties: {
    'deny-write': flag,
    gid: { type: 'integer', minimum: 0, optional: true },
    mode: { type: 'string', pattern: /^0[0-7]{3}$/, optional: true },
    path: { type: 'string', format: 'pve-lxc-dev-string', optional: true },
    uid: { type: 'integer', minimum: 0, optional: true },
  },
};

/** What a container's config may hold, as POST and PUT take it. */
export const guestOptions = {
  arch: { type: 'string', enum: ['amd64', 'i386', 'arm64', 'armhf', 'riscv32', 'riscv64'], optional: true },
  cmode: { type: 'string', enum: ['shell', 'console', 'tty'], optional: true },
  console: flag,
  cores: { type: 'integer', minimum: 1, maximum: 8192, optional: true },
  cpulimit: { type: 'number', minimum: 0, maximum: 8192, optional: true },
  cpuunits: { type: 'integer', minimum: 0, maximum: 500000, optional: true },
  debug: flag,
  description: { type: 'string', maxLength: 8192, optional: true },
  'dev[n]': { type: 'string', format: deviceFormat, optional: true },
  entrypoint: { type: 'string', pattern: characters('+'), optional: true },
  env: { type: 'string', pattern: environment(), optional: true },
  features: { type: 'string', format: featuresFormat, optional: true },
  hookscript: { type: 'string', format: 'pve-volume-id', optional: true },
  hostname: { type: 'string', format: 'dns-name', maxLength: 255, optional: true },
  lock: {
    type: 'string',
    enum: [
      'backup',
      'create',
      'destroyed',
      'disk',
      'fstrim',
      'migrate',
      'mounted',
      'rollback',
      'snapshot',
      'snapshot-delete',
    ],
    optional: true,
  },
  memory: { type: 'integer', minimum: 16, optional: true },
  'mp[n]': { type: 'string', format: mountFormat, optional: true },
  nameserver: { type: 'string', format: 'lxc-ip-with-ll-iface-list', optional: true },
  'net[n]': { type: 'string', format: netFormat, optional: true },
  onboot: flag,
  ostype: {
    type: 'string',
    enum: [
      'debian',
      'devuan',
      'ubuntu',
      'centos',
      'fedora',
      'opensuse',
      'archlinux',
      'alpine',
      'gentoo',
      'nixos',
      'unmanaged',
    ],
    optional: true,
  },
  protection: flag,
  rootfs: { type: 'string', format: rootfsFormat, optional: true },
  searchdomain: { type: 'string', format: 'dns-name-list', optional: true },
  startup: { type: 'string', format: 'pve-startup-order', optional: true },
  swap: { type: 'integer', minimum: 0, optional: true },
  tags: { type: 'string', format: 'pve-tag-list', optional: true },
  template: flag,
  timezone: { type: 'string', format: 'pve-ct-timezone', optional: true },
  tty: { type: 'integer', minimum: 0, maximum: 6, optional: true },
  unprivileged: flag,
  'unused[n]': {
    type: 'string',
    format: { defaultKey: 'volume', properties: { volume: { type: 'string', format: 'pve-volume-id' } } },
    optional: true,
  },
} as const satisfies ParameterTable;

function characters(repeat: string): RegExp {
  return new RegExp(String.raw`^[^\x00-\x08\x0a-\x1f\x7f]${repeat}$`);
}

function environment(): RegExp {
  const entry = String.raw`\w+=[^\x00-\x08\x0a-\x1f\x7f]*`;
  return new RegExp(`^${entry}(?:\\x00${entry})*$`);
}
