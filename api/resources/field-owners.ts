import type { Manifest, Resource } from '../../crds/define-kind.ts';
import type { Clock } from '../../controller/clock.ts';
import type { ManagedFields } from '../../crds/meta.ts';
import { isRecord } from '../json.ts';
import { recordUpdate, type Ownable } from './apply.ts';
import { FIELD_RECORD, readRecords, withRecords } from './field-records.ts';

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

/** The record after a write that is no apply. On creation only what was stated is owned, not what came by default. */
export function ownersAfterWrite(
  { existing, stated, manifest }: { existing: Resource | undefined; stated: unknown; manifest: Manifest },
  manager: string,
  clock: Clock,
): ManagedFields[] {
  const before = existing ? ownableOf(existing) : {};
  const after = ownableOf(existing ? manifest : stated);
  const entries = existing ? readRecords(existing.metadata) : [];
  return recordUpdate({ before, after, manager, entries, now: clock.now() });
}
