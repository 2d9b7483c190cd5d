import type { Manifest, Resource } from '../../crds/define-kind.ts';
import type { AnyKind } from '../../crds/kinds.ts';
import { isRecord } from '../json.ts';
import { conflictsOf, mergeApplied, recordApply, type FieldConflict } from './apply.ts';
import { ownableOf, statedBy, withOwners } from './field-owners.ts';
import { readRecords } from './field-records.ts';
import { mergeSchemaOf } from './merge-schema.ts';

/** One object that a manager states, and what is stored under its name. */
export interface Statement {
  /** As it was written. */
  raw: unknown;
  existing: Resource | undefined;
  kind: AnyKind;
  manager: string;
}

/** What was written, merged into what is stored: the fields of others stay. It is still to be checked. */
export function mergedManifest({ raw, existing, kind, manager }: Statement): unknown {
  const schema = mergeSchemaOf(kind);
  const merge = mergeApplied({
    live: existing ? ownableOf(existing) : {},
    applied: statedBy(raw, schema),
    manager,
    entries: existing ? readRecords(existing.metadata) : [],
    schema,
  });
  if (!isRecord(raw) || !isRecord(merge)) return raw;
  const metadata = isRecord(raw['metadata']) ? raw['metadata'] : {};
  const { annotations: _a, labels: _l, finalizers: _f, ownerReferences: _o, ...others } = metadata;
  return {
    ...raw,
    metadata: { ...others, ...(isRecord(merge['metadata']) && merge['metadata']) },
    spec: merge['spec'],
  };
}

/**
 * `manifest`, the checked merge, with the manager as owner of all that it states; and the fields that others lose by it. Whoever
 * does not mean to take them must not write it.
 */
export function ownedManifest(
  { raw, existing, kind, manager }: Statement,
  manifest: Manifest,
  now: Date,
): { manifest: Manifest; conflicts: FieldConflict[] } {
  const schema = mergeSchemaOf(kind);
  const applied = statedBy(raw, schema);
  const entries = existing ? readRecords(existing.metadata) : [];
  const before = existing ? ownableOf(existing) : {};
  const conflicts = conflictsOf({ before, after: ownableOf(manifest), applied, manager, entries, schema });
  const owners = recordApply({ applied, manager, entries, schema, overridden: conflicts, now });
  return { manifest: withOwners(manifest, owners), conflicts };
}

/** An object as it is stored, with what a manifest says in place of what it said before. */
export function overwritten(existing: Resource, { metadata, spec }: Manifest): Resource {
  const { labels: _l, annotations: _a, finalizers: _f, ownerReferences: _o, ...kept } = existing.metadata;
  const { labels, annotations, finalizers, ownerReferences } = metadata;
  return {
    ...existing,
    metadata: {
      ...kept,
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ...(finalizers && { finalizers }),
      ...(ownerReferences && { ownerReferences }),
    },
    spec,
  };
}
