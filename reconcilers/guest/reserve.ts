import { createHash } from 'node:crypto';
import { stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass, ResourceReader } from '../../controller/reconciler.ts';
import { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { Volume } from '../../crds/volume.ts';
import type { ClusterPool } from '../providers/proxmox/cluster-pool.ts';
import { parseNet } from '../providers/proxmox/net.ts';
import { ipv4Number, ipv4Text, nextFreeAddress } from '../shared/ipv4.ts';
import type { Reservations } from '../shared/reservations.ts';
import { troubleOf, type Trouble } from '../shared/trouble.ts';
import { mountConstraints, volumesOf } from '../shared/volumes.ts';
import { UnownedConfigs, unownedGuests, type UnownedGuest } from '../shared/unowned-guests.ts';
import { forgetChoice } from './act.ts';
import { choiceOf, guestToAdopt, holderOfVolume } from './adopt.ts';
import { hostOf } from './desired.ts';
import { placementFacts } from './placement-facts.ts';
import { chooseNode } from './placement.ts';

interface ReserveDeps {
  read: ResourceReader;
  clusters: ClusterPool;
  reservations: Reservations;
  /** Names this installation on its guests. */
  installation: string;
  unowned: UnownedConfigs;
  /** Guests whose choice is being saved, by uid: passes beside this one count with them. */
  choosing: Map<string, Guest>;
}

/**
 * Chooses cluster, node, vmid and address, and saves the choice before anything is made by it: after a crash the same guest is
 * looked for, not a second one made. An outcome when there is nothing to choose from; undefined when all is chosen.
 */
export async function reserve(pass: Pass<Guest>, deps: ReserveDeps): Promise<Outcome | undefined> {
  const { metadata } = pass.resource;
  if (isChosenInVain(pass.status, deps.clusters)) forgetChoice(pass);
  if (pass.status.vmid !== undefined) return undefined;

  const volumes = mountedVolumes(pass.resource, deps.read);
  if ('type' in volumes) return volumes;
  const cluster = findCluster(pass.resource, volumes, deps);
  if ('type' in cluster) return cluster;
  const connection = deps.clusters.get(cluster.metadata.name);
  const view = connection && (connection.observer.view() ?? (await connection.observer.refresh(pass.signal)));
  const trouble = troubleOf(cluster);
  if (!connection || !view?.fresh) {
    const message = trouble?.message ?? 'Waiting for it to answer.';
    return waiting(trouble?.reason ?? 'ProviderUnavailable', `ProxmoxCluster ${cluster.metadata.name}: ${message}`);
  }
  if (trouble && unfit.has(trouble.reason))
    return waiting(trouble.reason, `ProxmoxCluster ${cluster.metadata.name}: ${trouble.message}`, 15_000);

  const scope = cluster.metadata.name;
  const place = { cluster: scope, installation: deps.installation };
  const rows = unownedGuests(view.resources.guests, deps.read, place);
  const configs = rows.length > 0 ? await deps.unowned.read(rows, connection, place, pass.signal) : [];
  // From here to the claims nothing is waited for: what other passes chose in the meantime counts.
  const still = new Set(unownedGuests(rows, deps.read, place));
  const unowned = configs.filter(({ row }) => still.has(row));
  const others = deps.read
    .list(Guest)
    .filter((guest) => guest.metadata.uid !== metadata.uid)
    .map((guest) => deps.choosing.get(guest.metadata.uid) ?? guest);
  const here = others.filter(({ status }) => status.cluster === scope);
  const found = guestToAdopt(
    pass.resource,
    cluster,
    unowned.filter(({ row }) => deps.reservations.isFree(scope, `vmid ${row.vmid}`, metadata.uid)),
  );
  const hosts = takenAddresses(here, deps.read, pass.resource.spec.address?.host);
  const chosen = found && choiceOf(found, cluster, hosts);
  if (found && chosen && deps.reservations.claim(scope, `vmid ${found.row.vmid}`, metadata.uid)) {
    pass.status = { ...pass.status, ...chosen, createRequestedAt: pass.now.toISOString() };
    await saveChoice(pass, deps);
    return undefined;
  }
  const holder = volumes.some(({ status }) => status.volid === undefined)
    ? holderOfVolume(pass.resource, unowned)
    : undefined;
  if (holder) {
    const message = `Guest ${holder.row.vmid}, which has no object, has a volume that this one mounts; waiting until the Volume has found it.`;
    return waiting('WaitingForVolume', message);
  }

  const choice = chooseNode(
    placementFacts({ guest: pass.resource, others, cluster, resources: view.resources, volumes }),
  );
  if (choice.node === undefined) {
    const because = trouble ? ` ProxmoxCluster ${cluster.metadata.name}: ${trouble.message}` : '';
    return waiting('Unschedulable', `${choice.why}${because}`, 15_000);
  }

  const takenIds = new Set<number | undefined>([
    ...here.map(({ status }) => status.vmid),
    ...deps.read.list(Volume).flatMap(({ status }) => (status.cluster === scope ? (status.keeperVmid ?? []) : [])),
    ...view.resources.guests.map(({ vmid }) => vmid),
  ]);
  const vmid = firstFreeId(
    cluster.spec.vmidRange,
    (id) => takenIds.has(id) || !deps.reservations.claim(scope, `vmid ${id}`, metadata.uid),
  );
  if (vmid === undefined) {
    const { from, to } = cluster.spec.vmidRange;
    return stalled(
      'NoFreeVmid',
      `All vmids from ${from} to ${to} of ${scope} are taken. Widen spec.vmidRange.`,
      60_000,
    );
  }
  const wish = pass.resource.spec.address;
  const address = chooseAddress(
    cluster,
    { here, wish: wish?.host, taken: new Set([...hosts, ...unowned.flatMap(hostsOf)]) },
    (candidate) => deps.reservations.claim(scope, candidate, metadata.uid),
  );
  if (cluster.spec.network.addressing === 'static' && address === undefined) {
    deps.reservations.release(metadata.uid);
    return stalled(
      'NoFreeAddress',
      `All addresses of the pool of ${scope} are taken. Widen spec.network.pool.`,
      60_000,
    );
  }

  pass.status = {
    ...pass.status,
    cluster: scope,
    node: choice.node,
    vmid,
    mac: macFor(wish?.identity ?? metadata.uid),
    ...(address !== undefined && { reservedAddress: address }),
  };
  await saveChoice(pass, deps);
  return undefined;
}

async function saveChoice(pass: Pass<Guest>, { choosing, reservations }: ReserveDeps): Promise<void> {
  const { uid } = pass.resource.metadata;
  choosing.set(uid, { ...pass.resource, status: pass.status });
  try {
    await pass.checkpoint();
  } finally {
    choosing.delete(uid);
    reservations.release(uid);
  }
}

/** What a guest without an object answers at; it must not be given to another. */
function hostsOf({ config }: UnownedGuest): string[] {
  return Object.values(config.nets).flatMap((net) => {
    const ip = parseNet(net).get('ip');
    return ip === undefined || ip === 'dhcp' ? [] : [hostOf(ip)];
  });
}

/** With these a guest could be made and not run, or not be made at all. */
const unfit: ReadonlySet<Trouble['reason']> = new Set<Trouble['reason']>([
  'PrivilegeMissing',
  'VersionUnsupported',
  'ClusterNotQuorate',
  'BridgeMissing',
]);

/** The chosen node went away before anything was asked of it: nothing can be there, so another may be chosen. */
function isChosenInVain(
  { cluster, node, created, createRequestedAt }: Guest['status'],
  clusters: ClusterPool,
): boolean {
  if (node === undefined || created || createRequestedAt !== undefined) return false;
  const view = clusters.get(cluster ?? '')?.observer.view();
  return view?.fresh === true && view.resources.nodes.some((listed) => listed.node === node && !listed.online);
}

/** The volumes that the guest mounts; an outcome while one of them is not there, for it may decide on the node. */
function mountedVolumes(guest: Guest, read: ResourceReader): Volume[] | Outcome {
  const mounts = volumesOf(guest, read.list(Volume, guest.metadata.namespace));
  const absent = mounts.find(({ volume }) => volume === undefined);
  if (absent) return waiting('WaitingForVolume', `Volume ${absent.name} does not exist yet.`, 15_000);
  return mounts.flatMap(({ volume }) => volume ?? []);
}

function findCluster(
  guest: Guest,
  volumes: readonly Volume[],
  { read, clusters }: ReserveDeps,
): ProxmoxCluster | Outcome {
  const { region } = guest.spec;
  const wanted = guest.spec.cluster ?? mountConstraints(volumes).clusters[0];
  const named = read.list(ProxmoxCluster).filter(({ metadata }) => wanted === undefined || metadata.name === wanted);
  const withRegion = named.filter(({ spec }) => spec.regions.some(({ name }) => name === region));
  const connected = withRegion.filter(({ metadata }) => clusters.get(metadata.name) !== undefined);
  const first = connected.find((cluster) => troubleOf(cluster) === undefined) ?? connected[0];
  if (first) return first;
  const [unconnected] = withRegion;
  if (unconnected) {
    const trouble = troubleOf(unconnected);
    const message = trouble?.message ?? 'Waiting for it to be connected.';
    return waiting(trouble?.reason ?? 'ProviderUnavailable', `ProxmoxCluster ${unconnected.metadata.name}: ${message}`);
  }
  const message =
    wanted === undefined
      ? `No ProxmoxCluster has the region "${region}". Create one, or correct spec.region.`
      : `There is no ProxmoxCluster "${wanted}" with the region "${region}".`;
  return waiting('Unschedulable', message, 15_000);
}

function firstFreeId({ from, to }: { from: number; to: number }, isTaken: (id: number) => boolean): number | undefined {
  for (let id = from; id <= to; id += 1) if (!isTaken(id)) return id;
  return undefined;
}

function chooseAddress(
  cluster: ProxmoxCluster,
  { here, wish, taken }: { here: readonly Guest[]; wish: string | undefined; taken: ReadonlySet<string> },
  claim: (address: string) => boolean,
): string | undefined {
  const { network } = cluster.spec;
  if (network.addressing !== 'static') return undefined;
  const [base = '', prefix = '24'] = network.cidr.split('/');
  const hosts = 2 ** (32 - Number(prefix));
  const start = Math.floor(ipv4Number(base) / hosts) * hosts;
  const useless = new Set([ipv4Text(start), ipv4Text(start + hosts - 1), network.gateway]);
  const isFree = (candidate: string): boolean => !taken.has(candidate) && !useless.has(candidate) && claim(candidate);
  const isOfPool = wish !== undefined && isBetween(wish, network.pool);
  const address =
    isOfPool && isFree(wish)
      ? wish
      : nextFreeAddress({ ...network.pool, after: newestAddress(here) }, (candidate) => !isFree(candidate));
  return address === undefined ? undefined : `${address}/${prefix}`;
}

/**
 * The address that was chosen last. Going on behind it leaves one that was given back unused for long: neighbours still send
 * what is for it to the guest that had it, some for as long as ten seconds after they were last answered.
 */
function newestAddress(here: readonly Guest[]): string | undefined {
  const [newest] = here
    .flatMap(({ metadata, status: { reservedAddress } }) =>
      reservedAddress === undefined ? [] : [{ at: metadata.creationTimestamp, address: hostOf(reservedAddress) }],
    )
    .toSorted((a, b) => (a.at === b.at ? ipv4Number(b.address) - ipv4Number(a.address) : a.at < b.at ? 1 : -1));
  return newest?.address;
}

/** Of guests, and of databases: programs know theirs, so it is kept also while a database has no guest. */
function takenAddresses(here: readonly Guest[], read: ResourceReader, own: string | undefined): ReadonlySet<string> {
  const ofGuests = here.map(({ status }) => hostOf(status.reservedAddress ?? ''));
  const ofDatabases = read.list(Database).map(({ status }) => status.endpoint?.split(':')[0] ?? '');
  return new Set([...ofGuests, ...ofDatabases.filter((host) => host !== own)]);
}

function isBetween(address: string, { from, to }: { from: string; to: string }): boolean {
  const value = ipv4Number(address);
  return value >= ipv4Number(from) && value <= ipv4Number(to);
}

/** Proxmox's own prefix, and the rest from who the guest is: the same one keeps its address in a DHCP server. */
function macFor(identity: string): string {
  const digest = createHash('sha256').update(identity).digest('hex').toUpperCase();
  return `BC:24:11:${digest.slice(0, 2)}:${digest.slice(2, 4)}:${digest.slice(4, 6)}`;
}
