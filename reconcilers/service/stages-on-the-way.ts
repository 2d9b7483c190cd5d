import { Build } from '../../crds/build.ts';
import { findCondition } from '../../crds/condition.ts';
import type { CommonStatus } from '../../crds/define-kind.ts';
import { Deployment } from '../../crds/deployment.ts';
import { telling, type ToldKind } from '../../controller/reconciler.ts';

/** What a build and a rollout go through before they end, which a Service only tells of. */
export const stagesOnTheWay: readonly ToldKind[] = [telling(Build, isUnderWay), telling(Deployment, movesNothing)];

function isUnderWay({ status }: Build, { status: before }: Build): boolean {
  return status.completedAt === before.completedAt && sameVerdict(status, before);
}

/** Neither who serves nor whether it does has moved. */
function movesNothing({ status }: Deployment, { status: before }: Deployment): boolean {
  return (
    status.completedAt === before.completedAt &&
    status.promoted === before.promoted &&
    status.replicas?.ready === before.replicas?.ready &&
    (status.phase === before.phase || status.completedAt === undefined) &&
    sameVerdict(status, before)
  );
}

function sameVerdict({ conditions: now }: CommonStatus, { conditions: before }: CommonStatus): boolean {
  return ['Ready', 'Stalled'].every((type) => findCondition(now, type)?.status === findCondition(before, type)?.status);
}
