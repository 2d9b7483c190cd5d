import { z } from 'zod';
import { CommonStatus, defineKind, type ResourceOf } from './define-kind.ts';
import { DnsLabel, ObjectName } from './names.ts';
import { ByteQuantity } from './quantity.ts';

/** Where a disk is. */
const DiskPlace = z.object({
  cluster: z.string().optional(),
  node: z.string().optional(),
  storage: z.string().optional(),
  volid: z.string().optional(),
  size: z.string().optional(),
  vmid: z.int().optional(),
  key: z.string().optional(),
  keeperVmid: z.int().optional(),
});
export type DiskPlace = z.infer<typeof DiskPlace>;

/** A disk that outlives guests. */
export const Volume = defineKind('Volume', {
  plural: 'volumes',
  shortNames: ['vol'],
  scope: 'Namespaced',
  description: 'A disk that outlives guests: made once, moved from guest to guest, kept unless told otherwise.',
  finalizer: true,
  columns: [
    { name: 'Size', type: 'string', jsonPath: '.status.size' },
    { name: 'Storage', type: 'string', jsonPath: '.status.storage' },
    { name: 'Attached', type: 'string', jsonPath: '.status.attachedTo' },
    { name: 'Retain', type: 'boolean', jsonPath: '.spec.retain' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Status', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    { name: 'Volid', type: 'string', jsonPath: '.status.volid', priority: 1 },
  ],
  spec: z.strictObject({
    /** It can grow, never shrink. */
    size: ByteQuantity.default('1Gi'),
    /** A storage of the cluster. Without one, that of the root disks. */
    storage: DnsLabel.optional(),
    region: DnsLabel.default('default'),
    /** Kept on Proxmox, parked, when the object is deleted. */
    retain: z.boolean().default(true),
    /** What it holds at first: the disk of a backup instead of an empty one. It is made at once, and parked. */
    source: z.strictObject({ backup: ObjectName }).optional(),
    /** The Guest that is to have it. One at a time; it moves when another name is written. */
    guest: ObjectName.optional(),
  }),
  status: CommonStatus.extend({
    cluster: z.string().optional(),
    node: z.string().optional(),
    storage: z.string().optional(),
    /** Proxmox's name for it. It changes when the volume moves. */
    volid: z.string().optional(),
    /** The size that it has, in whole GiB. */
    size: z.string().optional(),
    /** Name and uid of the Guest that has it now, with the vmid and the key of its config that it stands at. */
    attachedTo: z.string().optional(),
    attachedUid: z.string().optional(),
    vmid: z.int().optional(),
    key: z.string().optional(),
    /** The vmid of the keeper, a guest that is never started and holds what no guest uses. */
    keeperVmid: z.int().optional(),
    /** When the keeper was last asked for: from then on a guest at its vmid may be ours. */
    keeperAskedAt: z.string().optional(),
    /** Uid in the marks of the guest that it was found with, until that is another one's or carries our own. */
    adoptedFrom: z.string().optional(),
    /** Saved before it is acted on: where the volume is being made or moved to; `guest` and `uid` unless to the keeper. */
    moving: z
      .object({
        vmid: z.int(),
        key: z.string(),
        guest: z.string().optional(),
        uid: z.string().optional(),
        startedAt: z.string(),
      })
      .optional(),
    task: z.object({ upid: z.string(), type: z.string(), startedAt: z.string() }).optional(),
    /** It was made empty and is filled from the copy of a backup in a guest for that; full once `filledAt` says so. */
    filling: z
      .object({ startedAt: z.string(), unpackedAt: z.string().optional(), filledAt: z.string().optional() })
      .optional(),
    /**
     * Two volumes change disks. Both are parked first (`leaving`) and stay as they are (`ready`). The one that leads decides by
     * taking the other's disk; the other follows, for `left` says where the first one's is. Or it is `cancelled`.
     */
    exchange: z
      .object({
        restore: z.string(),
        with: z.string(),
        leads: z.boolean(),
        turn: z.int(),
        stage: z.enum(['leaving', 'ready', 'taken', 'done', 'cancelled']),
        since: z.string(),
        left: DiskPlace.optional(),
      })
      .optional(),
  }),
});
export type Volume = ResourceOf<typeof Volume>;
