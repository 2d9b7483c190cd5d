import type { Guest } from '../../crds/guest.ts';
import type { ProxmoxCluster } from '../../crds/proxmox-cluster.ts';
import { cpuCores, quantityBytes } from '../../crds/quantity.ts';
import type { Volume } from '../../crds/volume.ts';
import { controllerOf } from '../../controller/object-key.ts';
import type { ClusterResources } from '../providers/proxmox/client.ts';
import { mountConstraints } from '../shared/volumes.ts';
import type { DiskDemand, PlacedGuest, PlacementFacts } from './placement.ts';

interface PlacementInput {
  guest: Guest;
  /** All other guests, those just being chosen for among them. */
  others: readonly Guest[];
  cluster: ProxmoxCluster;
  resources: ClusterResources;
  /** The volumes that the guest mounts. */
  volumes: readonly Volume[];
}

/** What the choice of a node goes by, from the cluster as it was seen and our guests as they are known. Pure. */
export function placementFacts({ guest, others, cluster, resources, volumes }: PlacementInput): PlacementFacts {
  const { spec } = guest;
  const { storages } = cluster.spec;
  const region = cluster.spec.regions.find(({ name }) => name === spec.region);
  return {
    candidates: (region?.nodes ?? []).filter((node) => spec.nodes?.includes(node) ?? true),
    cordoned: cluster.spec.cordonedNodes,
    ...resources,
    placed: others.flatMap((other) => placedGuest(other, guest, cluster)),
    bound: volumes.flatMap((volume) =>
      mountConstraints([volume]).nodes.map((node) => ({ volume: volume.metadata.name, node })),
    ),
    demand: {
      memoryBytes: quantityBytes(spec.resources.memory),
      cpu: cpuCores(spec.resources.cpu),
      disks: [
        rootDisk(guest, storages.rootfs),
        ...volumes.flatMap((volume) => diskOf(volume, storages.rootfs)),
        { storage: storages.templates, content: 'vztmpl', bytes: 0 },
      ],
    },
  };
}

/** One whose process has ended for good takes nothing any more but its disk, which the storage counts. */
function placedGuest(other: Guest, guest: Guest, { metadata, spec }: ProxmoxCluster): PlacedGuest[] {
  const { node, vmid, created, finished, cluster } = other.status;
  if (node === undefined || cluster !== metadata.name || finished) return [];
  return [
    {
      node,
      vmid,
      memoryBytes: quantityBytes(other.spec.resources.memory),
      cpu: cpuCores(other.spec.resources.cpu),
      disks: created ? [] : [rootDisk(other, spec.storages.rootfs)],
      kin: kinOf(other, guest),
    },
  ];
}

/** One that is going away keeps its room until it is gone, but nobody needs to keep away from it. */
function kinOf(other: Guest, guest: Guest): PlacedGuest['kin'] {
  const { spreadKey } = guest.spec;
  if (spreadKey === undefined || other.spec.spreadKey !== spreadKey) return undefined;
  if (other.metadata.deletionTimestamp !== undefined) return undefined;
  const owner = controllerOf(guest)?.uid;
  return owner !== undefined && controllerOf(other)?.uid === owner ? 'revision' : 'service';
}

function rootDisk({ spec }: Guest, storage: string): DiskDemand {
  return { storage, content: 'rootdir', bytes: quantityBytes(spec.resources.storage) };
}

/** Nothing for a volume that has its disk. */
function diskOf({ spec, status }: Volume, rootfs: string): DiskDemand[] {
  if (status.volid !== undefined) return [];
  return [{ storage: spec.storage ?? rootfs, content: 'rootdir', bytes: quantityBytes(spec.size) }];
}
