import { z } from 'zod';
import { DnsLabel, LabelValue, ObjectName, QualifiedName } from './names.ts';

export const GROUP = 'containr.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}` as const;

/** The namespace of what belongs to the installation itself, such as Proxmox tokens. */
export const SYSTEM_NAMESPACE = 'containr-system';

/** The label that marks who made an object, for selecting children of a Service. */
export const SERVICE_LABEL = `${GROUP}/service`;
export const DEPLOYMENT_LABEL = `${GROUP}/deployment`;

/** The annotation by which a webhook asks for a look at a repository; its value is echoed in the status when that was done. */
export const WEBHOOK_REQUESTED_AT = `${GROUP}/webhook-requested-at`;

/**
 * On a ProxmoxCluster, followed by a vmid: the object that is to take over the guest there, which has none, as
 * `guest/PROJECT/NAME` or `volume/PROJECT/NAME`.
 */
export const ADOPT_PREFIX = `${GROUP}/adopt-`;

/** On a Guest: any new value has a drift corrected that is otherwise only reported. */
export const CORRECT_DRIFT = `${GROUP}/correct-drift`;

/** An object that goes when its owner goes. `controller`: the owner's loop is woken by this object's changes. */
export const OwnerReference = z.strictObject({
  apiVersion: z.string().max(128),
  kind: z.string().max(64),
  name: ObjectName,
  uid: z.string().max(64),
  controller: z.boolean().optional(),
  blockOwnerDeletion: z.boolean().optional(),
});
export type OwnerReference = z.output<typeof OwnerReference>;

/** Who wrote which fields last (server-side apply). */
export const ManagedFields = z.strictObject({
  manager: z.string().max(128),
  operation: z.enum(['Apply', 'Update']),
  apiVersion: z.string(),
  time: z.string().optional(),
  fieldsType: z.literal('FieldsV1').optional(),
  fieldsV1: z.record(z.string(), z.unknown()).optional(),
  subresource: z.string().optional(),
});
export type ManagedFields = z.output<typeof ManagedFields>;

export const Labels = z.record(QualifiedName, LabelValue);
export const Annotations = z.record(QualifiedName, z.string().max(65_536));

/** Metadata as it is stored and answered. */
export const ObjectMeta = z.object({
  name: ObjectName,
  /** Absent for cluster-scoped kinds. */
  namespace: DnsLabel.optional(),
  uid: z.string(),
  /** Grows in commit order over all kinds; opaque to clients. */
  resourceVersion: z.string(),
  /** Moves with the spec only. */
  generation: z.int(),
  labels: Labels.optional(),
  annotations: Annotations.optional(),
  finalizers: z.array(QualifiedName).optional(),
  ownerReferences: z.array(OwnerReference).optional(),
  managedFields: z.array(ManagedFields).optional(),
  creationTimestamp: z.string(),
  deletionTimestamp: z.string().optional(),
});
export type ObjectMeta = z.output<typeof ObjectMeta>;

/** Metadata as people write it. What the server sets is accepted and ignored, so that `get -o yaml | apply` works. */
export const ManifestMeta = z.strictObject({
  name: ObjectName,
  namespace: DnsLabel.optional(),
  labels: Labels.optional(),
  annotations: Annotations.optional(),
  finalizers: z.array(QualifiedName).max(32).optional(),
  ownerReferences: z.array(OwnerReference).max(32).optional(),
  uid: z.string().max(64).optional(),
  resourceVersion: z.string().max(64).optional(),
  generation: z.int().optional(),
  managedFields: z.array(ManagedFields).max(256).optional(),
  creationTimestamp: z.string().nullable().optional(),
  deletionTimestamp: z.string().nullable().optional(),
  generateName: z.undefined().optional(),
});
export type ManifestMeta = z.output<typeof ManifestMeta>;
