import type { ResourceReader } from '../../controller/reconciler.ts';
import type { ConditionInput } from '../../crds/condition.ts';
import { Guest } from '../../crds/guest.ts';
import type { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import type { ListedGuest } from '../providers/proxmox/client.ts';
import { parseMount } from '../providers/proxmox/mount.ts';
import { uidInTags, type GuestIdentity } from '../shared/guest-marks.ts';
import type { UnownedGuest } from '../shared/unowned-guests.ts';

type Orphan = ProxmoxCluster['status']['orphans'][number];

/** So many are told one by one; beyond that there is their number. */
const MOST_TOLD = 100;

/** What a look at a cluster found of guests that carry our marks and belong to no object. */
export interface OrphanFacts {
  rows: readonly ListedGuest[];
  /** Of those among them that say what they were made for. */
  read: readonly UnownedGuest[];
  copies: readonly { row: ListedGuest; of: string }[];
}

/** Guests that carry the marks of a living Guest which is elsewhere: somebody cloned or restored it by hand. Pure. */
export function copiesIn(
  listed: readonly ListedGuest[],
  read: ResourceReader,
  { cluster, installation }: { cluster: string; installation: string },
): OrphanFacts['copies'] {
  const guests = new Map(read.list(Guest).map((guest) => [guest.metadata.uid, guest]));
  return listed.flatMap((row) => {
    const guest = guests.get(uidInTags(row.tags, installation) ?? '');
    const { vmid } = guest?.status ?? {};
    if (!guest || vmid === undefined || vmid === row.vmid || guest.status.cluster !== cluster) return [];
    return [{ row, of: `guest ${vmid}, ${guest.metadata.namespace}/${guest.metadata.name}` }];
  });
}

/** What the status says of them, the lowest vmid first; since when stays as it was first seen. Pure. */
export function reportOrphans(
  before: readonly Orphan[],
  { rows, read, copies }: OrphanFacts,
  now: Date,
): Pick<ProxmoxCluster['status'], 'orphans' | 'orphanCount'> {
  const known = new Map(read.map((guest) => [guest.row.vmid, guest]));
  const found = [
    ...rows.map((row) => orphanOf(row, known.get(row.vmid))),
    ...copies.map(({ row, of }) => ({
      ...orphanOf(row, undefined),
      why: `It is a copy of ${of}, and nobody looks after it.`,
    })),
  ].toSorted((a, b) => a.vmid - b.vmid);
  const sinceOf = new Map(before.map(({ vmid, since }) => [vmid, since]));
  const orphans = found.slice(0, MOST_TOLD);
  return {
    orphans: orphans.map((orphan) => ({ ...orphan, since: sinceOf.get(orphan.vmid) ?? now.toISOString() })),
    orphanCount: found.length,
  };
}

/** For whoever looks at the cluster alone. Pure. */
export function orphansCondition({ orphanCount = 0 }: Pick<ProxmoxCluster['status'], 'orphanCount'>): ConditionInput {
  const type = 'NoOrphans';
  if (orphanCount === 0)
    return { type, status: 'True', reason: 'NoOrphans', message: 'Every guest with our marks belongs to an object.' };
  const what = orphanCount === 1 ? '1 guest carries' : `${orphanCount} guests carry`;
  const message = `${what} our marks and belong to no object; nothing is done to them. See: containr orphans`;
  return { type, status: 'False', reason: 'OrphansFound', message };
}

function orphanOf(
  { vmid, node, name = '', status }: ListedGuest,
  known: UnownedGuest | undefined,
): Omit<Orphan, 'since'> {
  const base = { vmid, node, name, running: status === 'running' };
  if (!known) {
    const why = 'It carries the marks of this installation, and does not say whole what it was made for.';
    return { ...base, volumes: [], why };
  }
  const { identity, config } = known;
  return {
    ...base,
    kind: identity.kind,
    project: identity.project,
    object: identity.name,
    ...(identity.owner !== undefined && { owner: identity.owner }),
    ...(identity.retained && { retained: true }),
    volumes: Object.entries({ ...config.mounts, ...config.unused }).map(([key, text]) => {
      const { path, size } = parseMount(text);
      const volume = identity.kind === 'Volume' ? identity.name : identity.volumes?.[path];
      return { key, ...(volume !== undefined && { name: volume }), ...(size !== undefined && { size }) };
    }),
    why: whyOf(identity),
  };
}

function whyOf({ kind, project, name, owner, retained }: GuestIdentity): string {
  if (kind === 'Guest') {
    const of = owner === undefined ? '' : ` of ${owner}`;
    return `The Guest ${project}/${name}${of}, which it was made for, is no more.`;
  }
  return retained
    ? `It keeps the volume ${project}/${name}, which was to be retained when its object was deleted.`
    : `It keeps the volume ${project}/${name}, whose object is no more.`;
}
