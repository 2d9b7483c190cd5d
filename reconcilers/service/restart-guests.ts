import { conditionIs } from '../../crds/condition.ts';
import { Guest } from '../../crds/guest.ts';
import type { ResourceWriter } from '../../controller/reconciler.ts';
import { stableHash } from '../shared/stable-hash.ts';

/**
 * Restarts guests where they are, one after the other, so that they see addresses anew. True when all of them have been
 * asked to and are ready again.
 */
export async function restartGuests(
  guests: readonly Guest[],
  endpoints: Readonly<Record<string, string>>,
  write: Pick<ResourceWriter, 'update'>,
): Promise<boolean> {
  const token = `references ${stableHash(endpoints)}`;
  const present = guests
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const asked = present.filter(({ spec }) => spec.restartedAt === token);
  if (!asked.every(isBack)) return false;
  const next = present.find((guest) => !asked.includes(guest));
  if (next) await write.update(Guest, { ...next, spec: { ...next.spec, restartedAt: token } });
  return next === undefined;
}

/** Ready with the spec that it has now. */
function isBack({ metadata, status }: Guest): boolean {
  return status.observedGeneration === metadata.generation && conditionIs(status.conditions, 'Ready', 'True');
}
