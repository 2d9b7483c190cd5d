import { stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass, ResourceReader } from '../../controller/reconciler.ts';
import { Guest } from '../../crds/guest.ts';
import type { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Volume } from '../../crds/volume.ts';
import type { ArtifactStore } from '../providers/oci/artifact-store.ts';
import type { ClusterConnection } from '../providers/proxmox/cluster-pool.ts';
import { freeMountKey, mountText, parseMount } from '../providers/proxmox/mount.ts';
import type { ArchivePlacements } from '../shared/archive-placements.ts';
import type { Reservations } from '../shared/reservations.ts';
import { follow } from './follow-task.ts';
import type { HolderOfOurs } from './holder.ts';
import { destroyKeeper, makeKeeper, reserveKeeper, retain } from './keeper.ts';
import { restoreKeeper, strip } from './restore-keeper.ts';
import { wantedGiB } from './plan-size.ts';
import { sizeOf } from './report.ts';
import type { Standing, VolumePlan } from './volume-plan.ts';

export interface ActContext {
  pass: Pass<Volume>;
  connection: ClusterConnection;
  cluster: ProxmoxCluster;
  read: ResourceReader;
  reservations: Reservations;
  placements: ArchivePlacements;
  artifacts: ArtifactStore;
  installation: string;
  /** For a volume that is to be made from a backup. */
  restoreNode: string | undefined;
}

export type VolumeAct = Exclude<VolumePlan, { do: 'nothing' | 'wait' | 'stall' }>;

/** Between a claim and what follows from it, the guests' loop gets time to see that the guest is spoken for. */
const CLAIM_REST_MS = 150;

/** Asks Proxmox for one change, or notes one choice. What the world cannot show afterwards is saved first. */
export async function actOnVolume(context: ActContext, plan: VolumeAct): Promise<Outcome> {
  const { pass, connection } = context;
  switch (plan.do) {
    case 'restore':
      return restoreKeeper(context, plan.backup);
    case 'strip':
      return strip(context, plan.holder);
    case 'claim':
      return claim(context, plan);
    case 'giveUp':
      delete pass.status.moving;
      context.reservations.release(pass.resource.metadata.uid);
      return waiting('Waiting', 'The place that was chosen cannot be had; looking again.', 200);
    case 'allocate':
      return allocate(context, plan.target, plan.path, plan.readOnly);
    case 'move': {
      const { from, target } = plan;
      const upid = await connection.client.moveVolume(
        target.node,
        { vmid: from.holder.vmid, key: from.key, digest: from.holder.config.digest },
        { vmid: target.vmid, key: pass.status.moving?.key ?? '', digest: target.config.digest },
        pass.signal,
      );
      pass.event(
        'Normal',
        'Moving',
        `Volume ${from.mount.volume} moves from guest ${from.holder.vmid} to ${target.vmid}.`,
      );
      return follow(pass, upid, 'move');
    }
    case 'mount': {
      const { at, path, readOnly } = plan;
      await putMount(context, at.holder, at.key, { ...at.mount, path, readOnly });
      return waiting('Moving', `The volume is mounted at ${path}.`, 0);
    }
    case 'arrive':
      return arrive(context, plan.at);
    case 'grow': {
      const { at, sizeGiB } = plan;
      const place = { vmid: at.holder.vmid, key: at.key, digest: at.holder.config.digest };
      const answer = await connection.client.resizeVolume(at.holder.node, place, sizeGiB, pass.signal);
      if (answer === 'already') return waiting('Growing', 'The volume has its size.', 1_000);
      pass.event('Normal', 'Growing', `Volume ${at.mount.volume} grows from ${at.mount.size} to ${sizeGiB}G.`);
      return follow(pass, answer.upid, 'grow');
    }
    case 'recover':
      return recover(context, plan.holder);
    case 'reserveKeeper':
      return reserveKeeper(context, context.restoreNode);
    case 'makeKeeper':
      return makeKeeper(context, plan.node);
    case 'destroyKeeper':
      return destroyKeeper(context, plan.keeper);
    case 'forgetKeeper':
      delete pass.status.keeperVmid;
      delete pass.status.keeperAskedAt;
      return waiting('Waiting', 'The keeper is gone.', 0);
    case 'remove':
      return remove(context, plan.at);
    case 'retain':
      return retain(context, plan.keeper);
    default:
      return plan satisfies never;
  }
}

/** Chooses a key in the guest's config and saves it: from now on it is known where the volume may be. */
async function claim(
  { pass, connection, cluster, read, reservations }: ActContext,
  { vmid, node: said, guest }: Extract<VolumePlan, { do: 'claim' }>,
): Promise<Outcome> {
  const { uid } = pass.resource.metadata;
  const scope = cluster.metadata.name;
  const row = connection.observer.view()?.resources.guests.find((listed) => listed.vmid === vmid);
  const node = row?.node ?? said;
  const config = await connection.client.guestConfig(node, vmid, pass.signal);
  const taken = new Set([...Object.keys(config.mounts), ...keysOfOthers(read, uid, scope, vmid)]);
  let key = freeMountKey(taken);
  while (key !== undefined && !reservations.claim(scope, `volume ${vmid} ${key}`, uid))
    key = freeMountKey(taken.add(key));
  if (key === undefined)
    return stalled('Rejected', `Guest ${vmid} has 256 mount points, which is all that it can have.`);
  pass.status = {
    ...pass.status,
    cluster: scope,
    node,
    moving: {
      vmid,
      key,
      ...(guest && { guest: guest.name, uid: guest.uid }),
      startedAt: pass.now.toISOString(),
    },
  };
  await pass.checkpoint();
  return waiting('Moving', `The volume gets its place as ${key} of guest ${vmid}.`, CLAIM_REST_MS);
}

function keysOfOthers(read: ResourceReader, uid: string, cluster: string, vmid: number): string[] {
  return read
    .list(Volume)
    .filter(({ metadata, status }) => metadata.uid !== uid && status.cluster === cluster)
    .flatMap(({ status }) => [
      ...(status.vmid === vmid && status.key !== undefined ? [status.key] : []),
      ...(status.moving?.vmid === vmid ? [status.moving.key] : []),
    ]);
}

/** Key and vmid are saved; the digest lets at most one of several such calls make a volume. */
async function allocate(
  { pass, connection, cluster }: ActContext,
  target: HolderOfOurs,
  path: string,
  readOnly: boolean,
): Promise<Outcome> {
  const storage = pass.resource.spec.storage ?? cluster.spec.storages.rootfs;
  const sizeGiB = wantedGiB(pass.resource);
  const key = pass.status.moving?.key ?? '';
  const text = mountText({ volume: `${storage}:${sizeGiB}`, path, readOnly });
  const { digest } = target.config;
  await connection.client.configureGuest(target.node, target.vmid, { mounts: { [key]: text }, digest }, pass.signal);
  pass.event('Normal', 'Allocating', `A volume of ${sizeGiB} GiB is made on storage ${storage} of ${target.node}.`);
  return waiting('Allocating', `The volume is made with guest ${target.vmid}.`, 0);
}

async function arrive({ pass, reservations, connection }: ActContext, at: Standing): Promise<Outcome> {
  const { moving, attachedTo: _, attachedUid: __, ...rest } = pass.status;
  const size = sizeOf(at.mount.size);
  pass.status = {
    ...rest,
    node: at.holder.node,
    vmid: at.holder.vmid,
    key: at.key,
    volid: at.mount.volume,
    storage: at.mount.volume.split(':')[0],
    ...(size !== undefined && { size }),
    ...(moving?.guest !== undefined && { attachedTo: moving.guest }),
    ...(moving?.uid !== undefined && { attachedUid: moving.uid }),
  };
  await pass.checkpoint();
  reservations.release(pass.resource.metadata.uid);
  connection.observer.hurry();
  return waiting('Moving', `The volume is with guest ${at.holder.vmid}.`, 0);
}

/**
 * The volume is in no config. One that still bears its name on the storage, or the only one of the guest that it was on its way
 * to which no config names, is put back.
 */
async function recover({ pass, connection, cluster, read }: ActContext, holder: HolderOfOurs): Promise<Outcome> {
  const { moving, volid = '', key = 'mp0', storage = cluster.spec.storages.rootfs, size } = pass.status;
  const tasks = await connection.client.runningTasks(holder.node, undefined, pass.signal);
  if (tasks.some(({ type }) => type === 'move_volume'))
    return waiting('Moving', 'Volumes are being moved on the node; looking when that is done.', 2_000);

  const stored = await connection.client.volumes(holder.node, storage, holder.vmid, pass.signal);
  const { rootfs = '', mounts, unused } = holder.config;
  const named = new Set(
    [rootfs, ...Object.values(mounts), ...Object.values(unused)].map((text) => parseMount(text).volume),
  );
  const nameless = stored.filter((volume) => !named.has(volume.volid));
  const own = stored.find((volume) => volume.volid === volid);
  const isOnItsWay =
    moving?.vmid === holder.vmid && nameless.length === 1 && sizeOf(`${nameless[0]?.sizeBytes}`) === size;
  const found = own ?? (isOnItsWay ? nameless[0] : undefined);
  if (!found) {
    const message = `The volume ${volid} is neither in the config of guest ${holder.vmid} nor with its name on storage ${storage} of ${holder.node}. Nothing is made in its place. To begin with an empty one, delete this Volume.`;
    leaveGuest(pass, read);
    return stalled('VolumeMissing', message, 60_000);
  }
  // A key that is not an mpN stands for the lowest that is free.
  const back = moving?.vmid === holder.vmid ? moving.key : key in mounts ? 'any' : key;
  const mount = { volume: found.volid, path: `/volume-${pass.resource.metadata.name}`, readOnly: false };
  pass.event('Warning', 'DriftCorrected', `Volume ${found.volid} was in no config; guest ${holder.vmid} gets it back.`);
  await putMount({ pass, connection }, holder, back, mount);
  return waiting('Moving', `The volume is put back into guest ${holder.vmid}.`, 0);
}

/** What is gone does not keep a guest from going. That guest's own config is read once more before it is destroyed. */
function leaveGuest(pass: Pass<Volume>, read: ResourceReader): void {
  const { attachedTo: _, attachedUid: __, moving: ___, ...rest } = pass.status;
  const uids = [pass.status.attachedUid, pass.status.moving?.uid];
  const holders = read
    .list(Guest, pass.resource.metadata.namespace)
    .filter(({ metadata }) => uids.includes(metadata.uid));
  if (holders.every(({ metadata }) => metadata.deletionTimestamp !== undefined)) pass.status = rest;
}

/** At the key, or at the lowest that is free when that is no `mpN`. */
async function putMount(
  { pass, connection }: Pick<ActContext, 'pass' | 'connection'>,
  { vmid, node, config }: HolderOfOurs,
  key: string,
  mount: Parameters<typeof mountText>[0],
): Promise<void> {
  const at = key.startsWith('mp') ? key : freeMountKey(new Set(Object.keys(config.mounts)));
  const changes = { mounts: { [at ?? key]: mountText(mount) }, digest: config.digest };
  await connection.client.configureGuest(node, vmid, changes, pass.signal);
}

/** Only under the name that it was last seen to have, in a config that was read just now and has not changed since. */
async function remove({ pass, connection }: ActContext, at: Standing): Promise<Outcome> {
  const { holder, key, mount } = at;
  if (mount.volume !== pass.resource.status.volid) {
    const message = `Guest ${holder.vmid} has ${mount.volume} where ${pass.resource.status.volid} was; it is not destroyed before that is noted.`;
    return waiting('WorldMoved', message, 200);
  }
  await connection.client.configureGuest(
    holder.node,
    holder.vmid,
    { remove: [key], digest: holder.config.digest },
    pass.signal,
  );
  if (key.startsWith('unused'))
    pass.event('Normal', 'Deleted', `Volume ${mount.volume} is destroyed, as spec.retain: false says.`);
  return waiting('Deleting', `The volume is taken off guest ${holder.vmid}.`, 0);
}
