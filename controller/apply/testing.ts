import { Service } from '../../crds/service.ts';
import type { ManagedFields } from '../../crds/meta.ts';
import { conflictsOf, mergeApplied, recordApply, recordUpdate, type FieldConflict, type Ownable } from './apply.ts';
import { fieldPathText, leavesOf, readTree } from './field-tree.ts';
import { mergeSchemaOf } from './merge-schema.ts';

// What the tests of this folder share.

/** How the fields of the objects in these tests are merged. */
export const schema = mergeSchemaOf(Service);
export const now = new Date('2026-03-01T12:00:00Z');
export const later = new Date('2026-03-01T13:00:00Z');

/** An object, and who owns what of it. */
export interface World {
  object: Ownable;
  entries: ManagedFields[];
}

/** What the API does with these functions, without its checks and defaults. */
export function apply(
  world: World,
  manager: string,
  applied: Ownable,
  force = false,
): World & { conflicts: FieldConflict[] } {
  const { object, entries } = world;
  const merged = mergeApplied({ live: object, applied, manager, entries, schema });
  const after: Ownable = typeof merged === 'object' && merged !== null ? merged : {};
  const conflicts = conflictsOf({ before: object, after, applied, manager, entries, schema });
  if (conflicts.length > 0 && !force) return { ...world, conflicts };
  return {
    object: after,
    entries: recordApply({ applied, manager, entries, schema, overridden: conflicts, now }),
    conflicts,
  };
}

/** A write that is no apply. */
export function update(world: World, manager: string, after: Ownable): World {
  return {
    object: after,
    entries: recordUpdate({ before: world.object, after, manager, entries: world.entries, schema, now }),
  };
}

/** What a manager owns, as text. */
export function owned(world: World, manager: string): string[] {
  return world.entries
    .filter((entry) => entry.manager === manager)
    .flatMap((entry) => leavesOf(readTree(entry.fieldsV1)).map(fieldPathText));
}

export const empty: World = { object: {}, entries: [] };
