import { Build } from '../../crds/build.ts';
import { findCondition } from '../../crds/condition.ts';
import { Guest } from '../../crds/guest.ts';
import { telling, type ToldKind } from '../../controller/reconciler.ts';

/** What a build and guests go through without moving a rollout, which only tells of it. */
export const stagesOnTheWay: readonly ToldKind[] = [telling(Build, isUnderWay), telling(Guest, movesNothing)];

function isUnderWay({ status }: Build, { status: before }: Build): boolean {
  return status.completedAt === before.completedAt;
}

/** All that a rollout goes by in a guest is as it was. */
function movesNothing({ status }: Guest, { status: before }: Guest): boolean {
  return (
    status.created === before.created &&
    status.power === before.power &&
    status.finished === before.finished &&
    status.observedGeneration === before.observedGeneration &&
    (status.task === undefined) === (before.task === undefined) &&
    readyIn(status) === readyIn(before)
  );
}

function readyIn({ conditions }: Guest['status']): string | undefined {
  return findCondition(conditions, 'Ready')?.status;
}
