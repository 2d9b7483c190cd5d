import { withOwners } from '../../controller/apply/field-owners.ts';
import { readRecords } from '../../controller/apply/field-records.ts';
import { isFault } from '../../controller/errors.ts';
import type { Pass, ResourceReader, ResourceWriter } from '../../controller/reconciler.ts';
import type { RepoSync } from '../../crds/repo-sync.ts';
import { isAppliedBy } from './inventory.ts';
import { managerOf, syncedKinds } from './place.ts';

/** So many writes in a pass: others want to write too. */
const MOST_WRITES = 200;

/** Lets go of the fields that were applied, so that others may state them; answers how many objects are still to be written. */
export async function releaseFields(
  { resource, status, signal }: Pass<RepoSync>,
  { read, write }: { read: ResourceReader; write: ResourceWriter },
): Promise<number> {
  const manager = managerOf(resource);
  const held = status.inventory.flatMap((recorded) => {
    const kind = syncedKinds.find((candidate) => candidate.kind === recorded.kind);
    const object = kind && read.get(kind, recorded);
    const isHeld = object && object.metadata.deletionTimestamp === undefined && isAppliedBy(object, manager);
    return kind && isHeld ? [{ kind, object }] : [];
  });
  for (const { kind, object } of held.slice(0, MOST_WRITES)) {
    signal.throwIfAborted();
    const left = readRecords(object.metadata).filter((entry) => entry.manager !== manager);
    const { metadata } = withOwners(object, left);
    try {
      await write.update(kind, {
        ...object,
        metadata: { ...object.metadata, annotations: metadata.annotations ?? {} },
      });
    } catch (error) {
      // Somebody else was faster: it is looked at again.
      if (!isFault(error, 'Conflict', 'NotFound')) throw error;
    }
  }
  return held.length;
}
