import { settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import { Guest } from '../../crds/guest.ts';
import { quantityBytes } from '../../crds/quantity.ts';
import { Volume } from '../../crds/volume.ts';
import { isProxmoxFault } from '../providers/proxmox/fault.ts';
import { childName } from '../shared/child-name.ts';
import { descriptionFor, tagsFor } from '../shared/guest-marks.ts';
import type { ActContext } from './act.ts';
import { follow } from './follow-task.ts';
import type { HolderOfOurs } from './holder.ts';

const GIB = 2 ** 30;
/** A file system's own needs, and room for an image whose layers are packed. */
const ROOT_SLACK_BYTES = 128 * 2 ** 20;

/** Chooses the keeper's vmid, and its node where that is open, and saves them before anything is made by them. */
export async function reserveKeeper(
  { pass, connection, cluster, read, reservations }: ActContext,
  node = pass.status.node,
): Promise<Outcome> {
  const { uid } = pass.resource.metadata;
  const scope = cluster.metadata.name;
  const view = connection.observer.view();
  const taken = new Set([
    ...(view?.resources.guests.map(({ vmid }) => vmid) ?? []),
    ...read.list(Guest).flatMap(({ status }) => (status.cluster === scope ? (status.vmid ?? []) : [])),
    ...read.list(Volume).flatMap(({ status }) => (status.cluster === scope ? (status.keeperVmid ?? []) : [])),
  ]);
  const { from, to } = cluster.spec.vmidRange;
  for (let vmid = from; vmid <= to; vmid += 1) {
    if (taken.has(vmid) || !reservations.claim(scope, `vmid ${vmid}`, uid)) continue;
    const { keeperAskedAt: _, ...rest } = pass.status;
    pass.status = { ...rest, cluster: scope, ...(node !== undefined && { node }), keeperVmid: vmid };
    try {
      await pass.checkpoint();
    } finally {
      reservations.release(uid);
    }
    return waiting('Creating', `The vmid ${vmid} is reserved for the volume's keeper.`, 0);
  }
  return stalled('NoFreeVmid', `All vmids from ${from} to ${to} of ${scope} are taken. Widen spec.vmidRange.`, 60_000);
}

/** Makes the keeper from the archive of the guest that the volume leaves, which lies on that node: it is never started. */
export async function makeKeeper(context: ActContext, node: string): Promise<Outcome> {
  const { pass, connection, cluster, read, placements, artifacts, installation } = context;
  const { metadata } = pass.resource;
  const { keeperVmid: vmid = 0, attachedUid } = pass.status;
  const guests = read.list(Guest);
  const guest =
    guests.find((candidate) => candidate.metadata.uid === attachedUid) ??
    guests.find(({ status }) => status.cluster === cluster.metadata.name && status.node === node);
  if (!guest) {
    const message = `The volume is to be parked on ${node}, and there is no guest from whose image a keeper could be made.`;
    return stalled('ArtifactMissing', message, 60_000);
  }
  const { artifact, resources } = guest.spec;
  const { templates, rootfs } = cluster.spec.storages;
  const placement = placements.ensure(
    { cluster: cluster.metadata.name, client: connection.client, node, storage: templates },
    {
      path: artifacts.path(artifact.digest),
      sizeBytes: artifact.sizeBytes,
      sha256: artifact.digest.replace('sha256:', ''),
    },
  );
  if (placement.state === 'placing')
    return waiting('PlacingArtifact', `The archive of the keeper is being placed on ${node}.`, 1_000);

  pass.status = { ...pass.status, keeperAskedAt: pass.now.toISOString() };
  await pass.checkpoint();
  const marks = { installation, uid: metadata.uid };
  const needed = 2 * artifact.sizeBytes + ROOT_SLACK_BYTES;
  const rootBytes = Math.min(needed, Math.max(quantityBytes(resources.storage), 0.1 * GIB));
  try {
    const upid = await connection.client.createGuest(
      node,
      {
        vmid,
        archive: placement.volid,
        hostname: childName(metadata.name, 'keeper'),
        storage: rootfs,
        rootfsGiB: Math.max(0.1, Math.ceil((rootBytes / GIB) * 100) / 100),
        memoryMiB: 16,
        swapMiB: 0,
        cores: 1,
        cpuLimit: 0.1,
        architecture: artifact.architecture,
        onboot: false,
        tags: tagsFor(marks),
        description: descriptionFor({
          ...marks,
          kind: 'Volume',
          project: metadata.namespace ?? '',
          name: metadata.name,
        }),
      },
      pass.signal,
    );
    pass.event('Normal', 'Creating', `Guest ${vmid} on ${node} is to keep the volume while no guest has it.`);
    return await follow(pass, upid, 'keeper');
  } catch (error) {
    // Taken: by a stranger, or by an earlier call of ours whose answer was lost. The next look tells the two apart.
    if (isProxmoxFault(error, 'exists'))
      return waiting('Creating', `The vmid ${vmid} is in use; looking at whose it is.`, 200);
    if (isProxmoxFault(error, 'absent')) placements.forget(cluster.metadata.name, artifact.digest);
    throw error;
  }
}

/** Only a keeper whose config, read just now, has no disk but its own root disk. */
export async function destroyKeeper({ pass, connection }: ActContext, keeper: HolderOfOurs): Promise<Outcome> {
  return follow(pass, await connection.client.destroyGuest(keeper.node, keeper.vmid, pass.signal), 'dismiss');
}

/** Writes on the keeper what it is, for whoever finds it when the object is gone. Settled when that stands there. */
export async function retain({ pass, connection, installation }: ActContext, keeper: HolderOfOurs): Promise<Outcome> {
  const { metadata } = pass.resource;
  const { volid, key, size } = pass.status;
  const name = `${metadata.namespace}/${metadata.name}`;
  const words = `Keeps the volume ${name} (${size}, ${key}), whose object was deleted and which was to be retained. Containr does nothing to it any more. To have it back: containr adopt ${keeper.vmid}. To use it elsewhere: pct move-volume ${keeper.vmid} ${key} --target-vmid VMID --target-volume KEY. To lose it: pct destroy ${keeper.vmid}`;
  const identity = { installation, uid: metadata.uid, project: metadata.namespace ?? '', name: metadata.name };
  const description = descriptionFor({ ...identity, kind: 'Volume', retained: true }, words);
  if (keeper.config.description?.trimEnd() !== description.trimEnd()) {
    await connection.client.configureGuest(keeper.node, keeper.vmid, { description }, pass.signal);
    return waiting('Deleting', 'The keeper is told what it keeps.', 0);
  }
  pass.event(
    'Warning',
    'VolumeRetained',
    `Volume ${volid} is kept as ${key} of guest ${keeper.vmid} on ${keeper.node}.`,
  );
  return settled();
}
