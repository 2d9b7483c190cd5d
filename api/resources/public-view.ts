import type { Resource } from '../../crds/define-kind.ts';
import { Secret } from '../../crds/secret.ts';
import { sealedDigest } from '../../controller/secrets/secret-box.ts';
import { fieldOf, isRecord } from '../../controller/json.ts';
import { shownMetadata } from '../../controller/apply/field-records.ts';

/** An object as it may be answered: never the values of a Secret, only its keys with their digests. */
export function publicView<R extends Resource>(object: R): R | Resource {
  const metadata = shownMetadata(object.metadata);
  if (object.kind !== Secret.kind) return { ...object, metadata };
  const { data, ...spec } = isRecord(object.spec) ? object.spec : {};
  return { ...object, metadata, spec, status: { ...object.status, keys: keysOf(data) } };
}

function keysOf(data: unknown): { name: string; digest: string }[] {
  if (!isRecord(data)) return [];
  return Object.keys(data)
    .sort()
    .map((name) => ({ name, digest: sealedDigest(String(fieldOf(data, name))) ?? 'unreadable' }));
}
