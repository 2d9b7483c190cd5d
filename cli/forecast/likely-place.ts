import { z } from 'zod';
import { quantityBytes } from '../../crds/quantity.ts';
import type { ApiObject } from '../objects.ts';
import type { KnownWorld } from './forecast.ts';

const Cluster = z.object({
  spec: z.object({
    regions: z.array(z.object({ name: z.string(), nodes: z.array(z.string()) })),
    storages: z.object({ rootfs: z.string() }),
    cordonedNodes: z.array(z.string()).default([]),
  }),
  status: z.object({
    nodes: z.array(z.object({ name: z.string(), online: z.boolean(), memoryBytes: z.number() })).default([]),
  }),
});

const PlacedGuest = z.object({
  spec: z.object({ resources: z.object({ memory: z.string() }) }),
  status: z.object({ node: z.string().optional() }).default({}),
});

/** Where a guest of a region probably goes: the node with the smallest share of memory promised; and its storage. */
export interface Place {
  node: string | undefined;
  storage: string;
}

/** Undefined where no cluster that can be seen has the region. Pure. */
export function likelyPlace(region: string, { clusters, guests }: KnownWorld): Place | undefined {
  for (const object of clusters ?? []) {
    const cluster = Cluster.safeParse(object).data;
    const names = cluster?.spec.regions.find(({ name }) => name === region)?.nodes;
    if (!cluster || !names) continue;
    const fit = cluster.status.nodes
      .filter(({ name, online }) => online && names.includes(name) && !cluster.spec.cordonedNodes.includes(name))
      .map(({ name, memoryBytes }) => ({ name, share: promisedOn(name, guests) / memoryBytes }))
      .toSorted((a, b) => a.share - b.share || (a.name < b.name ? -1 : 1));
    return { node: fit[0]?.name, storage: cluster.spec.storages.rootfs };
  }
  return undefined;
}

/** ", likely on pve1, disk 4Gi on local-lvm": as much of it as is known. */
export function placeText(place: Place | undefined, disk: string, node = place?.node): string {
  const on = node === undefined ? '' : `, likely on ${node}`;
  return `${on}, root disk ${disk}${place === undefined ? '' : ` on ${place.storage}`}`;
}

function promisedOn(node: string, guests: readonly ApiObject[]): number {
  return guests
    .map((guest) => PlacedGuest.safeParse(guest).data)
    .reduce((sum, guest) => sum + (guest?.status.node === node ? quantityBytes(guest.spec.resources.memory) : 0), 0);
}
