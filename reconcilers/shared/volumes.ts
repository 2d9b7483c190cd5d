import type { Guest } from '../../crds/guest.ts';
import type { Volume } from '../../crds/volume.ts';

/** What is known of a Volume for a guest that mounts it. */
type MountedVolume = Pick<Volume, 'metadata' | 'spec' | 'status'>;

/** One mount of a guest, with its Volume unless that does not exist. */
export interface MountOf<V> {
  volume: V | undefined;
  name: string;
  mountPath: string;
  readOnly: boolean;
}

/** Where a guest has to be so that it can have its volumes. */
export interface MountConstraints {
  /** Clusters and nodes on which they lie, as a rule none or one; a guest that needs two of either cannot be placed. */
  clusters: string[];
  nodes: string[];
  /** Storages that volumes which are still to be made shall lie on; undefined stands for that of the root disks. */
  newStorages: (string | undefined)[];
}

/** The mounts of a guest, each with its Volume of the same project. Pure. */
export function volumesOf<V extends MountedVolume>(guest: Guest, volumes: readonly V[]): MountOf<V>[] {
  return guest.spec.mounts.map(({ volume: name, mountPath, readOnly }) => ({
    volume: volumes.find(({ metadata }) => metadata.name === name && metadata.namespace === guest.metadata.namespace),
    name,
    mountPath,
    readOnly,
  }));
}

/** Volumes are moved between guests of one node only, also those on shared storage: a guest has to be where they are. Pure. */
export function mountConstraints(volumes: readonly MountedVolume[]): MountConstraints {
  const made = volumes.filter(({ status }) => status.volid !== undefined);
  const fresh = volumes.filter(({ status }) => status.volid === undefined);
  return {
    clusters: unique(made.flatMap(({ status }) => status.cluster ?? [])),
    nodes: unique(made.flatMap(({ status }) => status.node ?? [])),
    newStorages: unique(fresh.map(({ spec }) => spec.storage)),
  };
}

/** The volume is where the guest with this uid needs it, and stays there: it may be started. Pure. */
export function isAttached({ status }: MountedVolume, uid: string): boolean {
  return status.attachedUid === uid && status.moving === undefined;
}

/**
 * The guest with this uid has the volume, or is about to get it: destroying the guest would destroy the volume with it. Also
 * true while it is on its way to or from the guest. Pure.
 */
export function isHeldBy({ status }: MountedVolume, uid: string): boolean {
  return status.attachedUid === uid || status.moving?.uid === uid;
}

/** It is about to become another disk: no guest may run with it, and nothing else is begun with it. Pure. */
export function isExchanging(volume: MountedVolume | undefined): boolean {
  const stage = volume?.status.exchange?.stage;
  return stage === 'leaving' || stage === 'ready' || stage === 'taken';
}

function unique<T>(items: readonly T[]): T[] {
  return [...new Set(items)];
}
