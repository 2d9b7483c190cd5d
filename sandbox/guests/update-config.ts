import type { Cluster } from '../cluster/cluster.ts';
import { EngineError } from '../engine/engine.ts';
import { invalidParameters, Refusal } from '../refusal.ts';
import { allocateVolumes, freeVolumes, type MadeVolume } from './allocate-volumes.ts';
import { deleteOption } from './apply-pending.ts';
import { destroyVolume } from './destroy-guest.ts';
import type { GuestConfig, Options } from './guest-config.ts';
import { nicsOf } from './guest-machine.ts';
import { freeUnusedKey, readVolume } from './guest-volumes.ts';
import { normalizeOption } from './option-values.ts';
import { refuseLocked } from './power-guest.ts';

/** A change to a guest's config, checked. */
export interface ConfigUpdate {
  set: Options;
  delete: readonly string[];
  revert: readonly string[];
  digest: string | undefined;
}

/** Take effect on a running guest at once; everything else waits for its next start. */
const live =
  /^(description|onboot|startup|protection|hostname|hookscript|cores|tags|lock|cpulimit|cpuunits|memory|swap|net\d+)$/;
const required = ['memory', 'rootfs', 'ostype'];

/** Changes a guest's config, the volumes and the running guest. Waits for the guest's lock. */
export async function updateConfig(cluster: Cluster, vmid: number, node: string, update: ConfigUpdate): Promise<void> {
  await cluster.locks.hold(vmid, async () => {
    const guest = cluster.guests.get(vmid, node);
    refuseLocked(guest);
    if (update.digest !== undefined && update.digest !== guest.digest) {
      throw new Refusal('detected modified configuration - file changed by other user? Try again.');
    }
    refuseFixed(guest.config, update);
    if (cluster.engine.isRunning(vmid)) await changeRunning(cluster, vmid, update);
    else await changeStopped(cluster, vmid, node, update);
  });
}

function refuseFixed({ options }: GuestConfig, { set, delete: deleted }: ConfigUpdate): void {
  const missing = deleted.find((name) => required.includes(name));
  if (missing !== undefined) throw new Refusal(`unable to delete required option '${missing}'`);
  const privileges = set.get('unprivileged');
  const isChanged = privileges !== undefined && privileges !== (options.get('unprivileged') ?? '0');
  if (isChanged || deleted.includes('unprivileged')) {
    throw new Refusal("unable to modify read-only option: 'unprivileged'");
  }
}

async function changeStopped(
  cluster: Cluster,
  vmid: number,
  node: string,
  { set, delete: deleted, revert }: ConfigUpdate,
): Promise<void> {
  const guest = cluster.guests.get(vmid, node);
  const disks = new Map([...set].filter(([name]) => /^(rootfs|mp\d+)$/.test(name)));
  const privileged = guest.config.options.get('unprivileged') !== '1';
  const owner = { vmid, node, privileged, log: () => undefined };
  const allocated = await allocateVolumes(cluster, owner, disks);
  try {
    for (const name of deleted) {
      const unused = /^unused\d+$/.test(name) ? guest.config.options.get(name) : undefined;
      if (unused !== undefined) await destroyVolume(cluster, vmid, node, unused);
    }
    cluster.guests.update(vmid, (config) => {
      dropPending(config, [...revert, ...deleted, ...set.keys()]);
      for (const name of deleted) deleteOption(config, name);
      for (const [name, value] of set) {
        if (disks.has(name)) setDisk(config, name, allocated.options.get(name) ?? value);
        else config.options.set(name, normalizeOption(name, value));
      }
    });
  } catch (error) {
    await freeVolumes(cluster, allocated.made satisfies MadeVolume[]);
    throw error;
  }
}

/** A volume that loses its place to another is kept as unused. */
function setDisk(config: GuestConfig, name: string, value: string): void {
  const old = config.options.get(name);
  const oldVolume = old === undefined ? undefined : readVolume(old).get('volume');
  config.options.set(name, value);
  if (oldVolume === undefined || oldVolume === readVolume(value).get('volume')) return;
  config.options.set(freeUnusedKey(config.options), oldVolume);
}

async function changeRunning(
  cluster: Cluster,
  vmid: number,
  { set, delete: deleted, revert }: ConfigUpdate,
): Promise<void> {
  refuseHotplug(cluster, [...set.keys(), ...deleted.filter((name) => name.startsWith('net'))]);
  const { config } = cluster.guests.update(vmid, (draft) => {
    dropPending(draft, revert);
    for (const name of deleted) {
      if (live.test(name)) deleteOption(draft, name);
      else if (draft.options.has(name) || draft.pending.has(name)) draft.pendingDelete.set(name, false);
    }
    for (const [name, value] of set) setRunning(draft, name, normalizeOption(name, value));
  });
  await tellEngine(cluster, vmid, config, [...set.keys(), ...deleted]);
}

function setRunning(config: GuestConfig, name: string, value: string): void {
  dropPending(config, [name]);
  if (live.test(name)) config.options.set(name, value);
  else if (config.options.get(name) !== value) config.pending.set(name, value);
}

function refuseHotplug(cluster: Cluster, names: readonly string[]): void {
  const volume = names.find((name) => /^mp\d+$/.test(name));
  if (volume !== undefined) throw hotplugRefusal(volume, 'the sandbox attaches volumes at the start only');
  const nic = names.find((name) => /^net\d+$/.test(name));
  if (nic !== undefined && !cluster.engine.setNics) {
    throw hotplugRefusal(nic, 'this engine changes networks at the start only');
  }
}

async function tellEngine(
  cluster: Cluster,
  vmid: number,
  { options }: GuestConfig,
  changed: readonly string[],
): Promise<void> {
  const nic = changed.find((name) => /^net\d+$/.test(name));
  try {
    if (nic !== undefined) await cluster.engine.setNics?.(vmid, nicsOf(options));
    if (changed.some((name) => /^(memory|swap|cpulimit|cores)$/.test(name))) {
      await cluster.engine.setLimits(vmid, {
        memoryMiB: Number(options.get('memory') ?? 512),
        swapMiB: Number(options.get('swap') ?? 512),
        cpuLimit: Number(options.get('cpulimit') ?? 0),
        cores: Number(options.get('cores') ?? cluster.settings.cores),
      });
    }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw hotplugRefusal(nic ?? 'memory', error.message);
  }
}

function dropPending(config: GuestConfig, names: readonly string[]): void {
  for (const name of names) {
    config.pending.delete(name);
    config.pendingDelete.delete(name);
  }
}

function hotplugRefusal(name: string, why: string): Refusal {
  return invalidParameters({ [name]: `unable to hotplug ${name}: ${why}\n` });
}
