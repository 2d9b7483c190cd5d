import { z } from 'zod';

// What Proxmox answers, read generously: Perl writes numbers as strings and truth as 0, 1, "", true or nothing, as it happens.

const Numeric = z.union([z.number(), z.string().min(1).transform(Number)]).pipe(z.number());
const Flag = z.union([z.boolean(), z.number(), z.string()]).transform((value) => ![false, 0, '', '0'].includes(value));
const Words = z.string().transform((text) => text.split(/[;,\s]+/).filter(Boolean));
const optionalNumeric = Numeric.nullish().transform((value) => value ?? undefined);
const optionalText = z
  .union([z.string(), z.number().transform(String)])
  .nullish()
  .transform((value) => value ?? undefined);

export const Upid = z.string().startsWith('UPID:');

export const Version = z.object({ version: z.string(), release: z.string() });

export const PermissionTree = z.record(z.string(), z.record(z.string(), Flag));

export const StatusRow = z.discriminatedUnion('type', [
  z.object({ type: z.literal('cluster'), quorate: Flag }),
  z.object({ type: z.literal('node'), name: z.string(), online: Flag.default(false) }),
]);

export const GuestRow = z.object({
  type: z.enum(['lxc', 'qemu']),
  vmid: Numeric,
  node: z.string(),
  status: z.string().nullish(),
  name: optionalText,
  lock: optionalText,
  tags: Words.nullish().transform((tags) => tags ?? []),
  maxmem: optionalNumeric,
  maxcpu: optionalNumeric,
  mem: optionalNumeric,
  cpu: optionalNumeric,
  uptime: optionalNumeric,
  netin: optionalNumeric,
  netout: optionalNumeric,
});

export const NodeRow = z.object({
  node: z.string(),
  status: z.string().nullish(),
  cpu: optionalNumeric,
  maxcpu: optionalNumeric,
  mem: optionalNumeric,
  maxmem: optionalNumeric,
});

export const StorageRow = z.object({
  storage: z.string(),
  node: z.string(),
  status: z.string().nullish(),
  shared: Flag.nullish(),
  content: Words.nullish(),
  disk: optionalNumeric,
  maxdisk: optionalNumeric,
});

/** Which kind of row it is; there are more than we read. */
export const ResourceRow = z.looseObject({ type: z.string() });

export const BridgeRow = z.object({ iface: z.string() });

/** The keys that are always of one kind; `netN` and the like are read by name. */
export const Config = z.looseObject({
  digest: z.string(),
  hostname: optionalText,
  description: optionalText,
  tags: Words.nullish(),
  lock: optionalText,
  memory: optionalNumeric,
  swap: optionalNumeric,
  cores: optionalNumeric,
  cpulimit: optionalNumeric,
  entrypoint: optionalText,
  env: optionalText,
  onboot: Flag.nullish(),
  protection: Flag.nullish(),
  rootfs: optionalText,
});

export const CurrentStatus = z.object({
  status: z.enum(['running', 'stopped']),
  uptime: optionalNumeric,
  lock: optionalText,
});

export const InterfaceRow = z.object({
  name: z.string(),
  inet: z.string().nullish(),
  inet6: z.string().nullish(),
});

export const TaskStatus = z.object({ status: z.enum(['running', 'stopped']), exitstatus: optionalText });
export const TaskRow = z.object({ upid: Upid, type: z.string(), status: optionalText, endtime: optionalNumeric });
export const LogLine = z.object({ n: Numeric, t: z.string().nullish() });

export const ContentRow = z.object({
  volid: z.string(),
  size: optionalNumeric,
  'approximate-size': optionalNumeric,
});

export const BackupRow = z.object({
  volid: z.string(),
  size: optionalNumeric,
  ctime: optionalNumeric,
  vmid: optionalNumeric,
  notes: optionalText,
  protected: Flag.nullish(),
  verification: z.object({ state: z.string() }).nullish(),
});
