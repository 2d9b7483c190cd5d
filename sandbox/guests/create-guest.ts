import type { Identity } from '../access/identity.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { Refusal } from '../refusal.ts';
import type { TaskContext } from '../tasks/task.ts';
import { allocateVolumes, freeVolumes, type MadeVolume, type VolumeOwner } from './allocate-volumes.ts';
import { emptyConfig, type GuestConfig, type Options } from './guest-config.ts';
import { startGuest } from './power-guest.ts';
import { unpackTemplate, type Template } from './unpack-image.ts';

/** A new guest, checked and with its vmid taken. */
export interface NewGuest {
  vmid: number;
  node: string;
  identity: Identity;
  /** What was asked for, disks left out. */
  options: Options;
  /** `rootfs` and `mpN` as asked for. */
  disks: Options;
  /** Volume that the guest is made from. */
  template: string;
  pool: string | undefined;
  unprivileged: boolean;
  start: boolean;
}

/** The work of `vzcreate`: makes the volumes, unpacks, writes the config. On failure nothing stays. */
export async function createGuest(cluster: Cluster, guest: NewGuest, task: TaskContext): Promise<void> {
  const { vmid, pool } = guest;
  await cluster.locks.hold(
    vmid,
    async () => {
      const config = emptyConfig();
      let made: MadeVolume[] = [];
      try {
        await task.takeTime();
        const owner: VolumeOwner = {
          vmid,
          node: guest.node,
          privileged: !guest.unprivileged,
          log: (line) => task.log(line),
        };
        const allocated = await allocateVolumes(cluster, owner, guest.disks);
        made = allocated.made;
        config.options = withDefaults(guest, allocated.options);
        await fill(cluster, guest, made, config, task);
        await task.stillAlive();
        cluster.guests.update(vmid, (kept) => replaceConfig(kept, config));
      } catch (error) {
        await task.stillAlive();
        await freeVolumes(cluster, made);
        cluster.guests.remove(vmid);
        throw new Refusal(`unable to create CT ${vmid} - ${messageOf(error)}`);
      }
    },
    task,
  );
  if (pool !== undefined) cluster.access.addToPool(pool, vmid);
  if (guest.start) startInTask(cluster, guest);
}

/** Starts the guest in a task of its own, whose end is not the creator's business. */
export function startInTask(cluster: Cluster, { vmid, node, identity }: NewGuest): void {
  cluster.tasks.start({
    node,
    type: 'vzstart',
    id: String(vmid),
    user: identity.id,
    work: (task) => startGuest(cluster, vmid, node, task),
  });
}

/** Puts a whole new config in place of another. */
export function replaceConfig(kept: GuestConfig, { options, raw }: GuestConfig): void {
  kept.options = options;
  kept.raw = raw;
  kept.pending.clear();
  kept.pendingDelete.clear();
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function fill(
  cluster: Cluster,
  guest: NewGuest,
  made: readonly MadeVolume[],
  config: GuestConfig,
  task: TaskContext,
): Promise<void> {
  const template = findTemplate(cluster, guest, task);
  const root = made.find(({ key }) => key === 'rootfs');
  if (root) await unpackTemplate(cluster, template, root, config, (line) => task.log(line));
}

function findTemplate(cluster: Cluster, { template, node }: NewGuest, task: TaskContext): Template {
  const { storage, name } = cluster.storages.find(template, node);
  if (!storage.has(name)) {
    task.log(`volume '${template}' does not exist`);
    throw new Refusal(`volume '${template}' does not exist`);
  }
  return { path: storage.pathOf(name), shownPath: storage.shownPathOf(name) };
}

function withDefaults({ options, vmid, unprivileged }: NewGuest, disks: Options): Options {
  const all: Options = new Map([...options, ...disks]);
  if (!all.has('hostname')) all.set('hostname', `CT${vmid}`);
  if (!all.has('memory')) all.set('memory', '512');
  if (!all.has('swap')) all.set('swap', '512');
  if (unprivileged) all.set('unprivileged', '1');
  return all;
}
