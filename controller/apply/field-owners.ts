import type { Manifest, Resource } from '../../crds/define-kind.ts';
import type { ManagedFields } from '../../crds/meta.ts';
import { isRecord } from '../json.ts';
import { recordUpdate, type Ownable } from './apply.ts';
import { FIELD_RECORD, withRecords } from './field-records.ts';

/** The part of an object, or of what somebody wrote, whose fields have owners. */
export function ownableOf(object: unknown): Ownable {
  if (!isRecord(object)) return {};
  const { metadata, spec } = object;
  const written = isRecord(metadata)
    ? Object.entries(metadata).flatMap(([name, value]) => ownedMetadata(name, value))
    : [];
  return {
    ...(written.length > 0 && { metadata: Object.fromEntries(written) }),
    ...(spec !== undefined && { spec }),
  };
}

function ownedMetadata(name: string, value: unknown): [string, unknown][] {
  if (name === 'labels' || name === 'finalizers' || name === 'ownerReferences') return [[name, value]];
  if (name !== 'annotations' || !isRecord(value)) return [];
  const { [FIELD_RECORD]: _, ...annotations } = value;
  return Object.keys(annotations).length > 0 ? [[name, annotations]] : [];
}

/** `manifest` with the record of who owns which field now in it. */
export function withOwners(manifest: Manifest, records: readonly ManagedFields[]): Manifest {
  const annotations = withRecords(manifest.metadata.annotations, records);
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}

/** Who owns which field of a new object: its maker, what was stated, but not what came by default. */
export function ownersOfNew(stated: unknown, manager: string, now: Date): ManagedFields[] {
  return recordUpdate({ before: {}, after: ownableOf(stated), manager, entries: [], now });
}

interface Updated {
  existing: Resource;
  manifest: Manifest;
  records: readonly ManagedFields[];
  manager: string;
  now: Date;
}

/** Who owns which field after a write that is no apply. */
export function ownersAfterUpdate({ existing, manifest, records, manager, now }: Updated): ManagedFields[] {
  return recordUpdate({ before: ownableOf(existing), after: ownableOf(manifest), manager, entries: records, now });
}
