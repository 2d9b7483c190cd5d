import { setCondition, type Condition, type ConditionInput } from '../../crds/condition.ts';
import type { Reason } from '../../crds/reasons.ts';
import type { RepoSync } from '../../crds/repo-sync.ts';
import type { Health } from './health.ts';
import type { PrunePlan } from './plan-prune.ts';
import { listed, type SourceProblem } from './source-problem.ts';

/** What keeps objects from being as the repository says. */
export interface Obstacle {
  reason: Extract<Reason, 'FieldConflict' | 'Deleting' | 'ApplyFailed' | 'ManifestInvalid' | 'InProgress'>;
  message: string;
}

/** What a pass found. */
export type Findings =
  | { state: 'suspended' }
  | { state: 'noSource'; problem: SourceProblem }
  | {
      state: 'read';
      commit: string;
      objects: number;
      obstacles: readonly Obstacle[];
      /** Undefined when there was no look at it, because something is not applied yet. */
      prune: PrunePlan | undefined;
      health: Health;
    };

/** The conditions by what was found. What a pass had no look at keeps its words. Pure. */
export function reportSync(
  sync: RepoSync,
  conditions: readonly Condition[],
  findings: Findings,
  now: Date,
): Condition[] {
  const at = { generation: sync.metadata.generation, now };
  return claimsOf(sync, findings).reduce<Condition[]>((list, claim) => setCondition(list, claim, at), [...conditions]);
}

function claimsOf(sync: RepoSync, findings: Findings): ConditionInput[] {
  switch (findings.state) {
    case 'suspended':
      return [
        claim('Ready', 'False', 'Suspended', 'Suspended: objects stay as they are, whatever the repository says.'),
      ];
    case 'noSource': {
      const { reason, message } = findings.problem;
      // A broken manifest is no fault of the repository's host.
      const told = reason === 'ManifestInvalid' ? 'Applied' : 'SourceReady';
      return [claim(told, 'False', reason, message), claim('Ready', 'False', reason, message)];
    }
    case 'read': {
      const applied = appliedClaim(findings);
      const health = healthClaim(findings.health);
      const ready = applied.status === 'True' ? health : applied;
      const pruned = findings.prune && prunedClaim(sync, findings.prune);
      return [
        claim('SourceReady', 'True', 'SourceFetched', `The source is at commit ${findings.commit}.`),
        applied,
        ...(pruned ? [pruned] : []),
        health,
        { ...ready, type: 'Ready' },
      ];
    }
    default:
      return findings satisfies never;
  }
}

function appliedClaim({ commit, objects, obstacles }: Extract<Findings, { state: 'read' }>): ConditionInput {
  const [first] = obstacles;
  if (first) return claim('Applied', 'False', first.reason, `${listed(obstacles.map(({ message }) => message))}.`);
  return claim('Applied', 'True', 'RevisionApplied', `${objects} objects are as commit ${commit} says.`);
}

function prunedClaim({ spec }: RepoSync, { gone, held, kept }: PrunePlan): ConditionInput {
  if (held !== undefined) return claim('Pruned', 'False', 'PruneHeld', `${held}.`);
  if (kept.length > 0)
    return claim('Pruned', 'False', 'PruneKept', `No longer in the repository, and kept: ${listed(kept)}.`);
  if (!spec.prune && gone.length > 0)
    return claim(
      'Pruned',
      'False',
      'PruneOff',
      `${gone.length} objects are no longer in the repository and stay, because spec.prune is off.`,
    );
  return claim('Pruned', 'True', 'PruneDone', 'There is nothing that is no longer in the repository.');
}

function healthClaim({ state, message }: Health): ConditionInput {
  switch (state) {
    case 'ready':
      return claim('Healthy', 'True', 'ObjectsReady', message);
    case 'progressing':
      return claim('Healthy', 'False', 'ObjectsNotReady', message);
    case 'stalled':
      return claim('Healthy', 'False', 'ObjectStalled', message);
    default:
      return state satisfies never;
  }
}

function claim(type: string, status: ConditionInput['status'], reason: Reason, message: string): ConditionInput {
  return { type, status, reason, message };
}
