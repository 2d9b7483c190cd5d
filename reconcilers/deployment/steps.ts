import { Deployment } from '../../crds/deployment.ts';
import { Guest } from '../../crds/guest.ts';
import type { Pass, Resources } from '../../controller/reconciler.ts';
import { guestManifest } from './guest-manifest.ts';
import { wantedNames, type DeploymentView } from './observe.ts';

/** Makes the guests that are missing and asks those to go that are too many. Looks before it touches. */
export async function ensureGuests(
  pass: Pass<Deployment>,
  { write }: Resources,
  view: DeploymentView,
  count: number,
): Promise<void> {
  const { artifact } = pass.status;
  const wanted = wantedNames(pass.resource, count);
  for (const name of wanted) {
    if (!artifact || view.guests.some((guest) => guest.metadata.name === name)) continue;
    await write.create(Guest, guestManifest(pass.resource, artifact, name));
  }
  for (const guest of view.guests) {
    if (wanted.includes(guest.metadata.name) || guest.metadata.deletionTimestamp !== undefined) continue;
    await write.delete(Guest, guest);
  }
}
