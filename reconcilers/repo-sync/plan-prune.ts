import { z } from 'zod';
import type { Resource } from '../../crds/define-kind.ts';
import { GROUP } from '../../crds/meta.ts';
import type { RepoSync } from '../../crds/repo-sync.ts';
import { isRecordedObject, otherAppliers, recordedText, type Recorded } from './inventory.ts';

/** `false` keeps an object whatever the repository says; `true` lets one go that holds data. */
export const PRUNE_ANNOTATION = `${GROUP}/prune`;

/** What is no longer in the repository, and what becomes of it. */
export interface PrunePlan {
  /** To be deleted, in the order in which that is done. */
  gone: Resource[];
  /** Not recorded any more: not there, not the object that was recorded, or applied by somebody else as well. */
  forgotten: Recorded[];
  /** What stays recorded, with why. */
  kept: string[];
  /** Why nothing is deleted. */
  held: string | undefined;
}

interface Pruning {
  sync: RepoSync;
  commit: string;
  manager: string;
  inventory: readonly Recorded[];
  /** `Service shop/web` for each object of the repository. */
  stated: ReadonlySet<string>;
  /** What is stored under the name of a recorded object; unknown kinds have nothing. */
  find(recorded: Recorded): Resource | undefined;
  /** Smaller comes first when applied, so larger goes first. */
  orderOf(kind: string): number;
}

/** Decides about what was recorded and is not stated any more. Pure. */
export function planPrune({ sync, commit, manager, inventory, stated, find, orderOf }: Pruning): PrunePlan {
  const plan: PrunePlan = { gone: [], forgotten: [], kept: [], held: undefined };
  for (const recorded of inventory.filter((candidate) => !stated.has(recordedText(candidate)))) {
    const existing = find(recorded);
    if (!existing || !isRecordedObject(recorded, existing, manager) || otherAppliers(existing, manager).length > 0)
      plan.forgotten.push(recorded);
    else if (existing.metadata.deletionTimestamp === undefined) {
      const why = keptBecause(sync, existing);
      if (why === undefined) plan.gone.push(existing);
      else plan.kept.push(`${recordedText(recorded)} (${why})`);
    }
  }
  plan.gone.sort((a, b) => orderOf(b.kind) - orderOf(a.kind));
  const { prune, pruneLimit } = sync.spec;
  const share = (100 * plan.gone.length) / Math.max(1, inventory.length - plan.forgotten.length);
  if (plan.gone.length > 0 && prune && share > pruneLimit && !isConfirmed(sync, commit))
    plan.held = `${plan.gone.length} of ${inventory.length - plan.forgotten.length} objects are no longer in the repository, more than the ${pruneLimit} % of spec.pruneLimit. If that is right, set spec.confirmPrune to ${commit}`;
  return plan;
}

function isConfirmed({ spec }: RepoSync, commit: string): boolean {
  const { confirmPrune = '' } = spec;
  return confirmPrune.length >= 7 && commit.startsWith(confirmPrune);
}

const Retaining = z.object({ retain: z.boolean().default(false), deletionProtection: z.boolean().default(false) });

function keptBecause(sync: RepoSync, { kind, metadata, spec }: Resource): string | undefined {
  if (metadata.uid === sync.metadata.uid) return 'it is this RepoSync';
  const policy = metadata.annotations?.[PRUNE_ANNOTATION];
  if (policy === 'false') return `its annotation ${PRUNE_ANNOTATION} is "false"`;
  if (policy === 'true') return undefined;
  const { retain, deletionProtection } = Retaining.safeParse(spec).data ?? { retain: false, deletionProtection: false };
  if (deletionProtection) return 'it is protected by spec.deletionProtection';
  const holdsData = kind === 'Project' || ((kind === 'Database' || kind === 'Volume') && retain);
  return holdsData ? `it holds data; annotate it with ${PRUNE_ANNOTATION}: "true" to let it go` : undefined;
}
