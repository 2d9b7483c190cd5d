import { stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass, ResourceReader } from '../../controller/reconciler.ts';
import { Guest } from '../../crds/guest.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Volume } from '../../crds/volume.ts';
import type { GuestConfig } from '../providers/proxmox/client.ts';
import type { ClusterConnection, ClusterPool } from '../providers/proxmox/cluster-pool.ts';
import { isProxmoxFault } from '../providers/proxmox/fault.ts';
import { parseMount } from '../providers/proxmox/mount.ts';
import { adoptionGrants } from '../shared/adoption-grants.ts';
import { descriptionFor, readMarks, tagsFor } from '../shared/guest-marks.ts';
import { unownedGuests, type UnownedConfigs, type UnownedGuest } from '../shared/unowned-guests.ts';
import { sizeOf } from './report.ts';

interface AdoptDeps {
  read: ResourceReader;
  clusters: ClusterPool;
  installation: string;
  unowned: UnownedConfigs;
}

/** A disk that was made for a volume of this name, by an object that is no more. */
interface FoundDisk {
  cluster: string;
  node: string;
  vmid: number;
  key: string;
  text: string;
  /** Uid in the marks of the guest that has it, and its name unless it is a keeper. */
  uid: string;
  guest: string | undefined;
}

/**
 * Before a volume is first made: looks for the disk that one of its project and name had before the store was lost. An
 * outcome when it was found, or when the guest that had it has it no more; nothing is made in its place.
 */
export async function findDisk(pass: Pass<Volume>, deps: AdoptDeps): Promise<Outcome | undefined> {
  const { status, resource } = pass;
  if (!isUnmade(status) || resource.spec.source !== undefined || resource.metadata.deletionTimestamp !== undefined)
    return undefined;
  for (const cluster of deps.read.list(ProxmoxCluster)) {
    const { name } = cluster.metadata;
    const connection = deps.clusters.get(name);
    const view = connection && (connection.observer.view() ?? (await connection.observer.refresh(pass.signal)));
    if (!connection || !view?.fresh || view.quorate === false) continue;
    const scope = { cluster: name, installation: deps.installation };
    const rows = unownedGuests(view.resources.guests, deps.read, scope);
    const unowned = await deps.unowned.read(rows, connection, scope, pass.signal);
    const holder = holderOf(resource, cluster, unowned);
    if (holder) return take(pass, name, holder, diskIn(resource, holder));
    const adopted = await diskOfAdopted(pass, connection, cluster, deps.read);
    if (adopted) return adopted;
  }
  return undefined;
}

/** Nothing was made of it, chosen for it or found. Pure. */
export function isUnmade({ volid, vmid, keeperVmid, moving }: Volume['status']): boolean {
  return [volid, vmid, keeperVmid, moving].every((value) => value === undefined);
}

/**
 * Goes on with a volume that was found: its keeper gets the marks of this object; a guest that was taken over in the meantime
 * is its holder under its new uid. An outcome while neither is settled.
 */
export async function settleAdoption(
  pass: Pass<Volume>,
  { read, clusters, installation }: AdoptDeps,
): Promise<Outcome | undefined> {
  const { adoptedFrom, keeperVmid, vmid, cluster = '', node = '', attachedUid } = pass.status;
  if (adoptedFrom === undefined) return undefined;
  if (keeperVmid !== undefined && keeperVmid === vmid) {
    const connection = clusters.get(cluster);
    if (!connection) return waiting('ProviderUnavailable', `The ProxmoxCluster ${cluster} is not connected.`, 5_000);
    return markKeeper(pass, connection, { node, vmid, adoptedFrom, installation });
  }
  if (attachedUid !== adoptedFrom) {
    delete pass.status.adoptedFrom;
    return undefined;
  }
  const guests = read.list(Guest, pass.resource.metadata.namespace);
  const heir = guests.find(({ status }) => status.cluster === cluster && status.vmid === vmid);
  if (heir?.status.created && heir.status.adoptedFrom === adoptedFrom) {
    const { adoptedFrom: _, ...rest } = pass.status;
    pass.status = { ...rest, attachedTo: heir.metadata.name, attachedUid: heir.metadata.uid };
    await pass.checkpoint();
    return undefined;
  }
  const isWantedElsewhere = guests.some(
    ({ metadata, status }) => metadata.name === pass.resource.spec.guest && status.vmid !== vmid && status.created,
  );
  if (isWantedElsewhere || pass.resource.metadata.deletionTimestamp !== undefined) return undefined;
  const message = `It was found in guest ${vmid} on ${node}, which has no object, and stays there until a Guest takes that over or needs it.`;
  return waiting('Adopting', message, 15_000);
}

/** The guest that has, or had, the disk. What was retained after its object was deleted goes only to whom an administrator says. */
function holderOf(volume: Volume, cluster: ProxmoxCluster, unowned: readonly UnownedGuest[]): UnownedGuest | undefined {
  const { namespace, name } = volume.metadata;
  const grants = adoptionGrants(cluster.metadata);
  const granted = `volume/${namespace}/${name}`;
  return unowned.find(({ row, identity, config }) => {
    if (config.lock !== undefined || identity.project !== namespace) return false;
    const grant = grants.get(row.vmid);
    if (identity.kind === 'Volume')
      return grant === undefined ? identity.name === name && !identity.retained : grant === granted;
    return grant === undefined && Object.values(identity.volumes ?? {}).includes(name);
  });
}

function diskIn({ metadata }: Volume, { identity, config }: UnownedGuest): [key: string, text: string] | undefined {
  if (identity.kind === 'Guest') return diskAt(config, pathOf(identity.volumes, metadata.name));
  const disks = [...Object.entries(config.mounts), ...Object.entries(config.unused)];
  return disks.length === 1 ? disks[0] : undefined;
}

function diskAt({ mounts }: GuestConfig, path: string | undefined): [key: string, text: string] | undefined {
  return Object.entries(mounts).find(([, text]) => parseMount(text).path === path);
}

function pathOf(volumes: Readonly<Record<string, string>> = {}, name: string): string | undefined {
  return Object.entries(volumes).find(([, volume]) => volume === name)?.[0];
}

async function take(
  pass: Pass<Volume>,
  cluster: string,
  { row, identity }: UnownedGuest,
  disk: [key: string, text: string] | undefined,
): Promise<Outcome> {
  if (!disk) return missing(row.vmid, row.node);
  const [key, text] = disk;
  const guest = identity.kind === 'Guest' ? identity.name : undefined;
  const found = { cluster, node: row.node, vmid: row.vmid, key, text, uid: identity.uid, guest };
  pass.status = { ...pass.status, ...statusOf(found), adoptedFrom: identity.uid };
  return noted(pass, found);
}

/** Its guest was taken over before the volume was looked for. */
async function diskOfAdopted(
  pass: Pass<Volume>,
  { client }: ClusterConnection,
  { metadata: { name: cluster } }: ProxmoxCluster,
  read: ResourceReader,
): Promise<Outcome | undefined> {
  const { namespace, name } = pass.resource.metadata;
  const guest = read
    .list(Guest, namespace)
    .find(
      ({ spec, status }) =>
        status.cluster === cluster &&
        status.adoptedFrom !== undefined &&
        spec.mounts.some(({ volume }) => volume === name),
    );
  if (!guest) return undefined;
  const { node = '', vmid = 0, created } = guest.status;
  if (!created) return waiting('Adopting', `Guest ${vmid}, which has it, is being taken over.`, 2_000);
  try {
    const config = await client.guestConfig(node, vmid, pass.signal);
    const disk = diskAt(config, guest.spec.mounts.find(({ volume }) => volume === name)?.mountPath);
    if (!disk) return missing(vmid, node);
    const [key, text] = disk;
    const { uid } = guest.metadata;
    const found = { cluster, node, vmid, key, text, uid, guest: guest.metadata.name };
    pass.status = { ...pass.status, ...statusOf(found) };
    return await noted(pass, found);
  } catch (error) {
    if (isProxmoxFault(error, 'absent')) return undefined;
    throw error;
  }
}

function statusOf({ cluster, node, vmid, key, text, uid, guest }: FoundDisk): Partial<Volume['status']> {
  const mount = parseMount(text);
  const size = sizeOf(mount.size);
  return {
    cluster,
    node,
    vmid,
    key,
    volid: mount.volume,
    storage: mount.volume.split(':')[0],
    ...(size !== undefined && { size }),
    ...(guest === undefined ? { keeperVmid: vmid } : { attachedTo: guest, attachedUid: uid }),
  };
}

async function noted(pass: Pass<Volume>, { vmid, node, key }: FoundDisk): Promise<Outcome> {
  await pass.checkpoint();
  const message = `Its disk was found as ${key} of guest ${vmid} on ${node}; it is used as it is.`;
  pass.event('Normal', 'Adopted', message);
  return waiting('Adopting', message, 0);
}

function missing(vmid: number, node: string): Outcome {
  const message = `Guest ${vmid} on ${node} says that it has this volume, and its config does not name it. Nothing is made in its place. Put the disk back into the guest, or remove the guest to begin with an empty volume.`;
  return stalled('VolumeMissing', message, 60_000);
}

/** One call, refused when the config changed since it was read. */
async function markKeeper(
  pass: Pass<Volume>,
  { client }: ClusterConnection,
  { node, vmid, adoptedFrom, installation }: { node: string; vmid: number; adoptedFrom: string; installation: string },
): Promise<Outcome | undefined> {
  const { uid, namespace: project = '', name } = pass.resource.metadata;
  const marks = { installation, uid };
  const config = await client.guestConfig(node, vmid, pass.signal).catch((error: unknown) => {
    if (isProxmoxFault(error, 'absent')) return undefined;
    throw error;
  });
  if (config && readMarks(marks, config) === 'ours') {
    delete pass.status.adoptedFrom;
    await pass.checkpoint();
    return undefined;
  }
  if (!config || readMarks({ installation, uid: adoptedFrom }, config) !== 'ours') {
    const { conditions } = pass.status;
    pass.status = Volume.statusSchema.parse({ conditions });
    await pass.checkpoint();
    return waiting('Waiting', 'The keeper that was found is another guest now; looking anew.', 200);
  }
  const description = descriptionFor({ ...marks, kind: 'Volume', project, name });
  await client.configureGuest(node, vmid, { tags: tagsFor(marks), description, digest: config.digest }, pass.signal);
  return waiting('Adopting', `The keeper ${vmid} gets the marks of this object.`, 0);
}
