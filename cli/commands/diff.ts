import { checkManifests } from '../check-manifests.ts';
import type { ApiClient } from '../client.ts';
import { dryRun, targetOf } from '../dry-run.ts';
import { abandonedOf, requireInventory, type PruneFlags } from '../inventory.ts';
import { loadManifests } from '../load-manifests.ts';
import { diffLines } from '../manifest-diff.ts';
import type { ApiObject } from '../objects.ts';
import type { Say } from '../text.ts';

export interface DiffFlags extends PruneFlags {
  filename: string[];
  namespace?: string;
  fieldManager: string;
  forceConflicts?: boolean;
}

/** Shows what an apply of the files would change, as the server would do it. Nothing is written. */
export async function diff(connect: () => ApiClient, flags: DiffFlags, say: Say): Promise<'same' | 'differs'> {
  const { inventory, prune } = flags;
  requireInventory(flags);
  const entries = checkManifests(await loadManifests(flags.filename), flags.namespace);
  const client = connect();
  const options = { fieldManager: flags.fieldManager, force: flags.forceConflicts };
  const previews = await dryRun(client, entries, options);
  let differs = false;
  const show = (before: ApiObject | undefined, after: ApiObject | undefined): void => {
    const lines = diffLines(before, after);
    if (lines.length > 0) differs = true;
    for (const line of lines) say(line);
  };
  for (const { before, after } of previews) show(before, after);
  if (prune && inventory !== undefined) {
    const stated = entries.map(targetOf);
    for (const { object, kept } of await abandonedOf(client, inventory, { stated, data: flags.pruneData ?? false }))
      if (kept === undefined) show(object, undefined);
  }
  return differs ? 'differs' : 'same';
}
