import type { Resource } from '../../crds/define-kind.ts';
import type { RepoSync } from '../../crds/repo-sync.ts';
import { readRecords } from '../../controller/apply/field-records.ts';
import { objectText } from './place.ts';

/** An object that came from the repository. `uid` is empty from just before it is made until that is known to have happened. */
export type Recorded = RepoSync['status']['inventory'][number];

/** The inventory with these in it, each in place of what was recorded under its name, by kind and name. Pure. */
export function withRecorded(inventory: readonly Recorded[], added: readonly Recorded[]): Recorded[] {
  const all = new Map([...inventory, ...added].map((recorded) => [recordedText(recorded), recorded]));
  return [...all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, recorded]) => recorded);
}

/** `Service shop/web`. */
export function recordedText({ kind, namespace, name }: Recorded): string {
  return objectText(kind, { namespace, name });
}

/**
 * Whether what is stored now is the object that was recorded, by its uid. One whose uid was lost in a crash is known by its
 * fields, which were written in the same breath as it.
 */
export function isRecordedObject({ uid }: Recorded, existing: Resource, manager: string): boolean {
  return uid === '' ? isAppliedBy(existing, manager) : uid === existing.metadata.uid;
}

/** Whether the manager has applied fields of the object. */
export function isAppliedBy({ metadata }: Resource, manager: string): boolean {
  return readRecords(metadata).some((entry) => entry.operation === 'Apply' && entry.manager === manager);
}

/** Others that apply the object too. */
export function otherAppliers({ metadata }: Resource, manager: string): string[] {
  return readRecords(metadata)
    .filter((entry) => entry.operation === 'Apply' && entry.manager !== manager)
    .map((entry) => entry.manager);
}
