import type { Guest } from '../../crds/guest.ts';
import type { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass } from '../../controller/reconciler.ts';
import type { ClusterConnection } from '../providers/proxmox/cluster-pool.ts';
import { sealedFor } from '../providers/guest/seal-config.ts';
import { isProxmoxFault } from '../providers/proxmox/fault.ts';
import { parseNet } from '../providers/proxmox/net.ts';
import { adoptionGrants } from '../shared/adoption-grants.ts';
import { identityOf } from '../shared/guest-identity.ts';
import { readIdentity, readMarks } from '../shared/guest-marks.ts';
import type { UnownedGuest } from '../shared/unowned-guests.ts';
import { forgetChoice } from './act.ts';
import { hostOf, type DesiredGuest } from './desired.ts';

/**
 * The guest without an object that this Guest is to take over in place of making one: of the same project, made from the same
 * archive, with the same volumes, best of the same name, else of the same service. What runs once is not taken over: whether
 * it ran is not known. An administrator's word (`containr adopt`) takes the place of name and service. Pure.
 */
export function guestToAdopt(
  guest: Guest,
  cluster: ProxmoxCluster,
  unowned: readonly UnownedGuest[],
): UnownedGuest | undefined {
  if (guest.spec.process.restart === 'Never') return undefined;
  const own = identityOf(guest, '');
  const grants = adoptionGrants(cluster.metadata);
  const granted = `guest/${own.project}/${own.name}`;
  const fit = unowned
    .filter(({ row, identity, config }) => {
      const isWanted = identity.owner === own.owner && own.owner !== undefined ? true : identity.name === own.name;
      const said = grants.get(row.vmid);
      return (
        identity.kind === 'Guest' &&
        identity.project === own.project &&
        identity.archive === own.archive &&
        sameVolumes(identity.volumes, own.volumes) &&
        config.lock === undefined &&
        (said === undefined ? isWanted : said === granted)
      );
    })
    .toSorted((a, b) => rank(a) - rank(b) || a.row.vmid - b.row.vmid);
  return fit[0];

  function rank({ row, identity }: UnownedGuest): number {
    if (grants.get(row.vmid) === granted) return 0;
    return (identity.name === own.name ? 1 : 3) + (row.status === 'running' ? 0 : 1);
  }
}

/** A guest without an object that has a volume which this Guest is to mount. */
export function holderOfVolume(guest: Guest, unowned: readonly UnownedGuest[]): UnownedGuest | undefined {
  const wanted = new Set(guest.spec.mounts.map(({ volume }) => volume));
  return unowned.find(({ identity }) => {
    if (identity.project !== guest.metadata.namespace || identity.retained) return false;
    if (identity.kind === 'Volume') return wanted.has(identity.name);
    return Object.values(identity.volumes ?? {}).some((volume) => wanted.has(volume));
  });
}

/** Where the guest is and what it has, as the choice of a pass; undefined where its address cannot stay. Pure. */
export function choiceOf(
  { row, identity, config }: UnownedGuest,
  cluster: ProxmoxCluster,
  takenHosts: ReadonlySet<string>,
): Partial<Guest['status']> | undefined {
  const net = parseNet(config.nets['net0'] ?? '');
  const [mac, ip] = [net.get('hwaddr'), net.get('ip')];
  const isStatic = cluster.spec.network.addressing === 'static';
  if (mac === undefined || (isStatic && (ip === undefined || ip === 'dhcp' || takenHosts.has(hostOf(ip)))))
    return undefined;
  const keyedFor = sealedFor(config.env);
  return {
    cluster: cluster.metadata.name,
    node: row.node,
    vmid: row.vmid,
    mac,
    ...(isStatic && ip !== undefined && { reservedAddress: ip }),
    adoptedFrom: identity.uid,
    ...(keyedFor !== undefined && { keyedFor }),
  };
}

/**
 * Puts the marks of this Guest on the guest that was chosen, in one call that is refused when its config changed since it was
 * read. Until then nothing else is done to it. Undefined once it is ours.
 */
export async function takeOver(
  pass: Pass<Guest>,
  { client }: ClusterConnection,
  { desired, installation }: { desired: DesiredGuest; installation: string },
): Promise<Outcome | undefined> {
  const { adoptedFrom, created, vmid = 0, node = '' } = pass.status;
  if (adoptedFrom === undefined || created) return undefined;
  const { marks, tags, description } = desired;
  try {
    const config = await client.guestConfig(node, vmid, pass.signal);
    if (readMarks(marks, config) !== 'ours') {
      const isStillIt = readMarks({ installation, uid: adoptedFrom }, config) === 'ours';
      if (!isStillIt || readIdentity(config.description)?.archive !== pass.resource.spec.artifact.digest)
        return await letGo(pass);
      if (config.lock !== undefined)
        return waiting(
          'Locked',
          `Proxmox has locked guest ${vmid} (${config.lock}); it is taken over after that.`,
          2_000,
        );
      const foreignTags = config.tags.filter((tag) => !tag.startsWith('containr'));
      const changes = { tags: [...tags, ...foreignTags], description, digest: config.digest };
      await client.configureGuest(node, vmid, changes, pass.signal);
      return waiting('Adopting', `Guest ${vmid} on ${node} gets the marks of this object.`, 0);
    }
    const { status } = await client.guestStatus(node, vmid, pass.signal);
    // With this configuration it was started, so far as anybody can see: what is already so is not done again.
    const isCurrent = status === 'running' && sameEnv(config.env, desired.env);
    pass.status = {
      ...pass.status,
      created: true,
      ...(isCurrent && { startedDigest: desired.processDigest, startedAt: pass.now.toISOString() }),
    };
    pass.event('Normal', 'Adopted', `Guest ${vmid} on ${node} had no object; it is taken over as it is.`);
    await pass.checkpoint();
    return undefined;
  } catch (error) {
    if (isProxmoxFault(error, 'absent')) return letGo(pass);
    throw error;
  }
}

/** Whose uid the keys of the guest are derived from: an adopted guest keeps what it was started with. Pure. */
export function secretUid({ resource, status }: Pick<Pass<Guest>, 'resource' | 'status'>): string {
  return status.keyedFor ?? status.adoptedFrom ?? resource.metadata.uid;
}

async function letGo(pass: Pass<Guest>): Promise<Outcome> {
  forgetChoice(pass);
  await pass.checkpoint();
  return waiting('Waiting', 'The guest that was to be taken over is another one now; choosing anew.', 200);
}

function sameVolumes(a: Readonly<Record<string, string>> = {}, b: Readonly<Record<string, string>> = {}): boolean {
  const paths = Object.keys(a);
  return paths.length === Object.keys(b).length && paths.every((path) => a[path] === b[path]);
}

function sameEnv(actual: readonly string[], desired: readonly string[] | undefined): boolean {
  return (
    desired !== undefined &&
    actual.length === desired.length &&
    actual.every((entry, index) => entry === desired[index])
  );
}
