import { z } from 'zod';
import type { Backup } from '../../crds/backup.ts';
import { GROUP } from '../../crds/meta.ts';
import { quantityBytes } from '../../crds/quantity.ts';
import type { BucketAccess } from '../providers/object-storage/object-storage.ts';
import type { Trouble } from './trouble.ts';

/** On a Backup that is deleted: its copy is left where it is. */
export const ABANDON_COPY = `${GROUP}/abandon-copy`;

/** Where a copy lies in its bucket: what is encrypted, and what one has to know to make use of it. */
export interface CopyKeys {
  archive: string;
  note: string;
}

/** Projects and installations that share a bucket never meet, and a uid is never used twice. Pure. */
export function copyKeys({ metadata, spec }: Backup, installation: string): CopyKeys {
  const { namespace = '', uid } = metadata;
  const { prefix } = spec.copyTo?.s3 ?? {};
  const path = [...(prefix === undefined ? [] : [prefix]), installation, namespace, uid].join('/');
  return { archive: `${path}.tar.age`, note: `${path}.json` };
}

/** What lies in the clear beside a copy. No login, and nothing of one. */
export const CopyNote = z.object({
  format: z.literal(1),
  backup: z.object({ project: z.string(), name: z.string(), uid: z.string(), takenAt: z.string().optional() }),
  source: z.object({ kind: z.string(), name: z.string() }),
  engine: z.string().optional(),
  version: z.string().optional(),
  mountPath: z.string(),
  /** Of the restored files, as `status.checksum` has it. */
  dataDigest: z.string(),
  tar: z.object({ sizeBytes: z.int(), sha256: z.string() }),
  object: z.object({ key: z.string(), sizeBytes: z.int() }),
});
export type CopyNote = z.output<typeof CopyNote>;

export function noteOf({ metadata, spec, status }: Backup, tar: CopyNote['tar'], object: CopyNote['object']): CopyNote {
  const { namespace: project = '', name, uid } = metadata;
  const { engine, version, takenAt, origin, checksum = '' } = status;
  return {
    format: 1,
    backup: { project, name, uid, ...(takenAt !== undefined && { takenAt }) },
    source: spec.source,
    ...(engine !== undefined && { engine }),
    ...(version !== undefined && { version }),
    mountPath: origin?.mountPath ?? '',
    dataDigest: checksum,
    tar,
    object,
  };
}

const MIB = 2 ** 20;
const SMALLEST_PART = 8 * MIB;
const LARGEST_PART = 64 * MIB;

/** Parts so large that what a volume holds fits into as many as an upload may have. Pure. */
export function partBytes({ origin }: Backup['status']): number {
  const wanted = quantityBytes(origin?.size ?? '1Gi') / 8_000;
  return Math.min(LARGEST_PART, Math.max(SMALLEST_PART, Math.ceil(wanted / MIB) * MIB));
}

/** Reads a Secret by project and name. Whoever answers keeps the values out of logs and messages. */
export type ReadBucketSecret = (
  namespace: string,
  name: string,
) => { ok: true; values: Readonly<Record<string, string>> } | ({ ok: false } & Trouble);

/** The bucket with the login of its Secret, or what is wrong with that. */
export function bucketOf(
  { metadata, spec }: Backup,
  readSecret: ReadBucketSecret,
): { ok: true; access: BucketAccess } | ({ ok: false } & Trouble) {
  if (!spec.copyTo) return { ok: false, reason: 'CopyFailed', message: 'spec.copyTo names no bucket.' };
  const { secretRef, endpoint, region, bucket, pathStyle } = spec.copyTo.s3;
  const reading = readSecret(metadata.namespace ?? '', secretRef.name);
  if (!reading.ok) return reading;
  const { accessKeyId, secretAccessKey } = reading.values;
  if (!accessKeyId || !secretAccessKey) {
    const missing = accessKeyId ? 'secretAccessKey' : 'accessKeyId';
    const message = `The Secret "${secretRef.name}" has no value "${missing}", which the bucket ${bucket} needs. Add it.`;
    return { ok: false, reason: 'SecretNotFound', message };
  }
  return { ok: true, access: { endpoint, region, bucket, pathStyle, accessKeyId, secretAccessKey } };
}
