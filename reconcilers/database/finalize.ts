import type { Database } from '../../crds/database.ts';
import { Guest } from '../../crds/guest.ts';
import { Secret } from '../../crds/secret.ts';
import { Volume } from '../../crds/volume.ts';
import { settled, stalled, waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass, Resources } from '../../controller/reconciler.ts';
import { troubleOf } from '../shared/trouble.ts';
import { RELEASED_FROM } from './children.ts';

/**
 * Takes a database down. Its guest goes first; then volume and login go, or are let go of together where they are to be kept:
 * one is worth nothing without the other. A database of the same name takes them up again.
 */
export async function finalizeDatabase(pass: Pass<Database>, { read, write }: Resources): Promise<Outcome> {
  const { metadata, spec } = pass.resource;
  if (spec.deletionProtection)
    return stalled('Rejected', 'Deletion protection is on; nothing is removed. Set spec.deletionProtection to false.');
  const guests = read.ownedBy(Guest, metadata.uid);
  for (const guest of guests) if (guest.metadata.deletionTimestamp === undefined) await write.delete(Guest, guest);
  const volumes = read.ownedBy(Volume, metadata.uid);
  for (const volume of volumes) if (volume.spec.guest !== undefined && spec.retain) await letGo(volume);
  if (guests.length > 0) {
    const trouble = guests.map(troubleOf).find((found) => found !== undefined);
    return waiting('WaitingForChildren', trouble?.message ?? 'The guest of the database is being removed.', 15_000);
  }
  for (const volume of volumes) await (spec.retain ? letGo(volume) : write.delete(Volume, volume));
  for (const secret of read.ownedBy(Secret, metadata.uid))
    await (spec.retain
      ? write.update(Secret, { ...secret, metadata: released(secret) })
      : write.delete(Secret, secret));
  return settled();

  async function letGo(volume: Volume): Promise<void> {
    const { guest: _, ...rest } = volume.spec;
    await write.update(Volume, { ...volume, spec: rest, metadata: released(volume) });
  }

  function released<R extends Secret | Volume>(part: R): R['metadata'] {
    const ownerReferences = (part.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== metadata.uid);
    return { ...part.metadata, ownerReferences, labels: { ...part.metadata.labels, [RELEASED_FROM]: metadata.name } };
  }
}
