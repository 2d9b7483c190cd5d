import { sourceOf, targetOf } from './backup-facts.ts';
import type { ApiObject } from './objects.ts';

/** On a volume with what a restore replaced: the name of the database or volume that had it. */
const SAFEGUARD_OF = 'containr.dev/safeguard-of';
/** On the volumes of a database, also on those that it had. */
const DATABASE_LABEL = 'containr.dev/database';

/**
 * Whether one object belongs below another where people look: what the other made, and the backups, the restores and the
 * volumes from before of a database or a volume, which are nobody's because they outlive it.
 */
export function belongsTo(item: ApiObject, object: ApiObject): boolean {
  const { uid } = object.metadata;
  if ((item.metadata.ownerReferences ?? []).some((owner) => owner.controller === true && owner.uid === uid))
    return true;
  return ownerByName(item, object.metadata.namespace)?.(object) === true;
}

/** Whether it belongs below none of these, though it is of a kind that may. */
export function isLeft(item: ApiObject, all: readonly ApiObject[]): boolean {
  if ((item.metadata.ownerReferences ?? []).length > 0) return false;
  return !all.some((object) => object !== item && belongsTo(item, object));
}

/** A volume with what a database or another volume held before a restore. */
export function isKeptFromBefore({ kind, metadata }: ApiObject): boolean {
  return kind === 'Volume' && metadata.labels?.[SAFEGUARD_OF] !== undefined;
}

function ownerByName(item: ApiObject, namespace: string | undefined): ((object: ApiObject) => boolean) | undefined {
  if (item.metadata.namespace !== namespace) return undefined;
  switch (item.kind) {
    case 'Backup':
      return isNamed(sourceOf(item));
    case 'Restore':
      return isNamed(targetOf(item));
    case 'Volume': {
      const { [SAFEGUARD_OF]: name, [DATABASE_LABEL]: database } = item.metadata.labels ?? {};
      return name === undefined ? undefined : isNamed({ kind: database === undefined ? 'Volume' : 'Database', name });
    }
    default:
      return undefined;
  }
}

function isNamed({ kind, name }: { kind: string; name: string }): (object: ApiObject) => boolean {
  return (object) => object.kind === kind && object.metadata.name === name;
}
