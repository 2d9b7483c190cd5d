import type { Manifest, Resource } from '../../crds/define-kind.ts';
import type { AnyKind } from '../../crds/kinds.ts';
import type { ManagedFields } from '../../crds/meta.ts';
import { isRecord } from '../json.ts';
import { recordUpdate, type Ownable } from './apply.ts';
import { FIELD_RECORD, withRecords } from './field-records.ts';
import { mergeSchemaOf, withKeys, type MergeSchema } from './merge-schema.ts';

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

/** The same of what somebody wrote, with the keys of items that they left to their defaults. */
export function statedBy(raw: unknown, schema: MergeSchema): Ownable {
  const { metadata, spec } = ownableOf(raw);
  return {
    ...(metadata && { metadata }),
    ...(spec !== undefined && { spec: withKeys(spec, schema?.properties?.['spec']) }),
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
export function ownersOfNew(kind: AnyKind, stated: unknown, manager: string, now: Date): ManagedFields[] {
  const schema = mergeSchemaOf(kind);
  return recordUpdate({ before: {}, after: statedBy(stated, schema), manager, entries: [], schema, now });
}

interface Updated {
  kind: AnyKind;
  existing: Resource;
  manifest: Manifest;
  records: readonly ManagedFields[];
  manager: string;
  now: Date;
}

/** Who owns which field after a write that is no apply. */
export function ownersAfterUpdate({ kind, existing, manifest, records, manager, now }: Updated): ManagedFields[] {
  const [before, after] = [ownableOf(existing), ownableOf(manifest)];
  return recordUpdate({ before, after, manager, entries: records, schema: mergeSchemaOf(kind), now });
}
