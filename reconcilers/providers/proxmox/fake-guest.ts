import { createHash } from 'node:crypto';
import type { CreateGuest, GuestChanges, GuestConfig, ListedGuest } from './client.ts';
import { parseNet } from './net.ts';

/** Statistics reach the cluster list this often. */
const TICK_MS = 10_000;
const MIB = 2 ** 20;

/** The usage columns of the cluster list: as old as the last tick. */
type Statistics = Pick<
  ListedGuest,
  | 'status'
  | 'name'
  | 'maxMemoryBytes'
  | 'maxCpu'
  | 'memoryBytes'
  | 'cpu'
  | 'uptimeSeconds'
  | 'netInBytes'
  | 'netOutBytes'
>;

const noStatistics: Statistics = {
  status: 'unknown',
  name: undefined,
  maxMemoryBytes: undefined,
  maxCpu: undefined,
  memoryBytes: undefined,
  cpu: undefined,
  uptimeSeconds: undefined,
  netInBytes: undefined,
  netOutBytes: undefined,
};

export type StoredConfig = { -readonly [Key in keyof Omit<GuestConfig, 'digest' | 'lock'>]: GuestConfig[Key] };

/** What a config reads as while the guest is being made: nothing of what was asked for shows yet. */
export const emptyConfig: StoredConfig = {
  hostname: undefined,
  description: undefined,
  tags: [],
  memoryMiB: 512,
  swapMiB: 512,
  cores: undefined,
  cpuLimit: undefined,
  entrypoint: undefined,
  env: [],
  onboot: false,
  protection: false,
  nets: {},
  rootfs: undefined,
  mounts: {},
  unused: {},
};

/** One guest of the fake. What a guest runs with is decided when it starts. */
export class FakeGuest {
  readonly vmid: number;
  readonly type: 'lxc' | 'qemu';
  node: string;
  config: StoredConfig;
  lock: string | undefined;
  running = false;
  startedAtMs = 0;
  /** What the running process was started with; changes of these two wait for the next start. */
  startedWith: { entrypoint: string | undefined; env: readonly string[] } | undefined;
  /** Process 1 has no handler for the halt signal: only the kill after the timeout ends it. */
  ignoresHalt = false;
  /** Never gets an address. */
  withoutAddress = false;
  /** The token may not see it: missing from lists, forbidden when asked for. */
  hidden = false;
  /** Its volumes are part of a snapshot. */
  hasSnapshot = false;
  /** Taken from it while it runs: they become unused when it stops. */
  readonly leaving: string[] = [];
  /** Which storage holds how much of its root disk. */
  disk: { storage: string; bytes: number } | undefined;
  #listed: { tick: number; statistics: Statistics };

  constructor(vmid: number, node: string, type: 'lxc' | 'qemu', nowMs: number) {
    this.vmid = vmid;
    this.node = node;
    this.type = type;
    this.config = { ...emptyConfig };
    this.#listed = { tick: Math.floor(nowMs / TICK_MS), statistics: noStatistics };
  }

  /** The statistics as of the last tick. To be called before every change too, so that a tick between two changes counts. */
  statisticsAt(nowMs: number): Statistics {
    const tick = Math.floor(nowMs / TICK_MS);
    if (tick > this.#listed.tick) this.#listed = { tick, statistics: this.#measure(tick * TICK_MS) };
    return this.#listed.statistics;
  }

  /** As Proxmox calls it in its texts. */
  get kind(): 'CT' | 'VM' {
    return this.type === 'lxc' ? 'CT' : 'VM';
  }

  digest(): string {
    return createHash('sha1')
      .update(JSON.stringify([this.config, this.lock]))
      .digest('hex');
  }

  addresses(): string[] {
    if (!this.running || this.withoutAddress) return [];
    return Object.values(this.config.nets).flatMap((net) => {
      const ip = parseNet(net).get('ip');
      if (ip === undefined || ip === 'manual') return [];
      return [ip === 'dhcp' ? `10.99.${(this.vmid >> 8) % 256}.${this.vmid % 256}` : ip.replace(/\/.*/, '')];
    });
  }

  #measure(atMs: number): Statistics {
    return {
      status: this.running ? 'running' : 'stopped',
      name: this.config.hostname ?? `CT${this.vmid}`,
      maxMemoryBytes: this.config.memoryMiB * MIB,
      maxCpu: this.config.cores ?? 2,
      memoryBytes: this.running ? 16 * MIB : 0,
      cpu: this.running ? 0.01 : 0,
      uptimeSeconds: this.running ? Math.max(0, Math.floor((atMs - this.startedAtMs) / 1000)) : 0,
      netInBytes: 0,
      netOutBytes: 0,
    };
  }
}

/** As Proxmox stores tags: lower-case, each once, sorted. */
export function storedTags(tags: readonly string[]): string[] {
  return [...new Set(tags.map((tag) => tag.toLowerCase()))].sort();
}

/** The config that a create call leaves, before the image's own values are put over it. */
export function createdConfig(guest: CreateGuest): StoredConfig {
  return {
    ...emptyConfig,
    hostname: guest.hostname,
    description: storedDescription(guest.description),
    tags: storedTags(guest.tags),
    memoryMiB: guest.memoryMiB,
    swapMiB: guest.swapMiB,
    cores: guest.cores,
    cpuLimit: guest.cpuLimit,
    onboot: guest.onboot ?? true,
    nets: guest.net0 === undefined ? {} : { net0: guest.net0 },
    rootfs: `${guest.storage}:vm-${guest.vmid}-disk-0,size=${guest.rootfsGiB}G`,
  };
}

/** A config with changes applied as Proxmox stores them. */
export function changedConfig(config: StoredConfig, changes: GuestChanges): StoredConfig {
  const { description, tags, env, net0, digest: _, mounts: __, remove = [], ...plain } = changes;
  const nets = Object.fromEntries(Object.entries(config.nets).filter(([key]) => !remove.includes(key)));
  return {
    ...config,
    nets,
    ...plain,
    ...(description !== undefined && { description: storedDescription(description) }),
    ...(tags !== undefined && { tags: storedTags(tags) }),
    // The config file keeps no white space at the end of a line.
    ...(env !== undefined && { env: env.map((entry) => entry.trimEnd()) }),
    ...(net0 !== undefined && { nets: { ...nets, net0: `${net0},type=veth` } }),
  };
}

/** Parameter -> text for what Proxmox's schema refuses. */
export function schemaErrors(values: GuestChanges & { vmid?: number }): Record<string, string> {
  const errors: Record<string, string> = {};
  const pattern = 'value does not match the regex pattern';
  if (values.vmid !== undefined && (values.vmid < 100 || values.vmid > 999_999_999)) {
    errors['vmid'] = 'invalid format - value does not look like a valid VM ID\n';
  }
  if (values.hostname !== undefined && !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(values.hostname)) {
    errors['hostname'] = 'invalid format - value does not look like a valid DNS name\n';
  }
  if (values.memoryMiB !== undefined && values.memoryMiB < 16) {
    errors['memory'] = 'value must have a minimum value of 16';
  }
  if (values.cores !== undefined && values.cores < 1) errors['cores'] = 'value must have a minimum value of 1';
  if (values.cpuLimit !== undefined && values.cpuLimit < 0) errors['cpulimit'] = 'value must have a minimum value of 0';
  if ((values.description?.length ?? 0) > 8192) errors['description'] = 'value may only be 8192 characters long';
  if (values.tags?.some((tag) => !/^[a-z0-9_][a-z0-9_\-+.]*$/i.test(tag))) {
    errors['tags'] = 'invalid format - invalid characters in tag\n';
  }
  if (values.entrypoint !== undefined && !/^[\t\x20-\x7e\x80-\uffff]+$/.test(values.entrypoint))
    errors['entrypoint'] = pattern;
  if (values.env?.some((entry) => !/^\w+=[\t\x20-\x7e\x80-\uffff]*$/.test(entry))) errors['env'] = pattern;
  if (values.net0 !== undefined && !parseNet(values.net0).has('name')) {
    errors['net0'] = 'invalid format - format error\nnet0.name: property is missing and it is not optional\n';
  }
  return errors;
}

function storedDescription(description: string): string | undefined {
  return description.replace(/\n+$/, '') || undefined;
}
