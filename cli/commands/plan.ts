import { checkManifests } from '../check-manifests.ts';
import type { ApiClient } from '../client.ts';
import { forecastLines } from '../forecast/render-forecast.ts';
import { requireInventory, type PruneFlags } from '../inventory.ts';
import { loadManifests } from '../load-manifests.ts';
import { makePlan, refusePlainSecrets } from '../make-plan.ts';
import { writePlan } from '../plan-file.ts';
import type { Say } from '../text.ts';

export interface PlanFlags extends PruneFlags {
  filename: string[];
  namespace?: string;
  out?: string;
  fieldManager: string;
  forceConflicts?: boolean;
  diff?: boolean;
  json?: boolean;
}

/** Shows what an apply of the files would do, down to Proxmox, and writes it down for `apply FILE`. Nothing is changed. */
export async function plan(connect: () => ApiClient, flags: PlanFlags, say: Say): Promise<'same' | 'differs'> {
  requireInventory(flags);
  const entries = checkManifests(await loadManifests(flags.filename), flags.namespace);
  if (flags.out !== undefined) refusePlainSecrets(entries);
  const { fieldManager, forceConflicts = false, prune = false, pruneData = false, inventory } = flags;
  const options = { fieldManager, forceConflicts, prune, pruneData, ...(inventory !== undefined && { inventory }) };
  const made = await makePlan(connect(), entries, options);
  if (flags.json) {
    const { manifests: _, ...shown } = made;
    say(JSON.stringify(shown, null, 2));
  } else {
    if (flags.diff) for (const line of made.diff) say(line);
    for (const line of forecastLines(made.forecast)) say(line);
  }
  if (flags.out !== undefined) {
    writePlan(flags.out, made);
    process.stderr.write(`Written to ${flags.out}. Carry it out with: containr apply ${flags.out}\n`);
  }
  return made.forecast.length === 0 ? 'same' : 'differs';
}
