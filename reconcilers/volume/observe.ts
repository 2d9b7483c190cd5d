import type { Volume } from '../../crds/volume.ts';
import type { ClusterConnection } from '../providers/proxmox/cluster-pool.ts';
import { parseMount, type MountPoint } from '../providers/proxmox/mount.ts';
import { lookAtHolder, type HolderFacts, type HolderOfOurs } from './holder.ts';

/** Where the volume is, as far as configs that can be read tell. */
export type Place =
  /** It was never made. */
  | { at: 'nowhere' }
  | { at: 'source' | 'target'; holder: HolderOfOurs; key: string; mount: MountPoint }
  /** It was made, and the guests that should have it do not. */
  | { at: 'lost' }
  | { at: 'unknown'; holder: HolderFacts };

/** What a pass knows of the guests that have to do with a volume. */
export interface VolumeFacts {
  /** The guest that had it last. */
  source: HolderFacts | undefined;
  /** The guest that it is on its way to. */
  target: HolderFacts | undefined;
  keeper: HolderFacts | undefined;
  place: Place;
}

/** Looks at each guest that may have the volume. A guest is asked for once, whatever parts it plays. */
export async function observeVolume(
  connection: ClusterConnection,
  { metadata }: Volume,
  status: Volume['status'],
  installation: string,
  signal: AbortSignal,
): Promise<VolumeFacts> {
  const looks = new Map<number, HolderFacts>();
  const { node = '', vmid, keeperVmid, moving, attachedUid } = status;
  async function look(at: number | undefined, uid: string): Promise<HolderFacts | undefined> {
    if (at === undefined) return undefined;
    const known = looks.get(at);
    if (known) return known;
    const facts = await lookAtHolder(connection, { vmid: at, node, marks: { installation, uid } }, signal);
    looks.set(at, facts);
    return facts;
  }
  const source = await look(vmid, vmid === keeperVmid ? metadata.uid : (attachedUid ?? metadata.uid));
  const target = await look(moving?.vmid, moving?.uid ?? metadata.uid);
  const keeper = await look(keeperVmid, metadata.uid);
  return { source, target, keeper, place: findVolume(status, source, target) };
}

/**
 * The source's config says it first, since Proxmox takes a volume out of it before it puts it into another. Only where the
 * source is known not to have it, what stands at the chosen key of the target is the volume: that key was free before. Pure.
 */
export function findVolume(
  status: Volume['status'],
  source: HolderFacts | undefined,
  target: HolderFacts | undefined,
): Place {
  const { volid, key, moving } = status;
  if (source?.seen === 'ours') {
    const disks = disksOf(source);
    const named = disks.find((disk) => disk.mount.volume === volid);
    if (named) return { at: 'source', holder: source, ...named };
    const arrived = moving && arrival(target, moving.key);
    if (arrived) return arrived;
    // A hand moved it to another storage: the guest uses what is there now.
    const replaced = disks.find((disk) => disk.key === key && disk.key.startsWith('mp'));
    if (replaced && !moving) return { at: 'source', holder: source, ...replaced };
  } else if (source && source.seen !== 'absent' && source.seen !== 'foreign') {
    return { at: 'unknown', holder: source };
  } else {
    const arrived = moving && arrival(target, moving.key);
    if (arrived) return arrived;
  }
  if (target && target.seen !== 'ours' && target.seen !== 'absent' && target.seen !== 'foreign')
    return { at: 'unknown', holder: target };
  return volid === undefined ? { at: 'nowhere' } : { at: 'lost' };
}

function arrival(target: HolderFacts | undefined, key: string): Place | undefined {
  if (target?.seen !== 'ours') return undefined;
  const disk = disksOf(target).find((candidate) => candidate.key === key);
  return disk && { at: 'target', holder: target, ...disk };
}

function disksOf({ config }: HolderOfOurs): { key: string; mount: MountPoint }[] {
  return [...Object.entries(config.mounts), ...Object.entries(config.unused)].map(([key, text]) => ({
    key,
    mount: parseMount(text),
  }));
}
