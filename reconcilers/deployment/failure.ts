import { findCondition, type ConditionInput } from '../../crds/condition.ts';
import type { Guest } from '../../crds/guest.ts';
import { troubleOf } from '../shared/trouble.ts';
import { isReady, type DeploymentView } from './observe.ts';

/** Why a revision did not make it, and whose last printed lines tell more. */
export interface Failure {
  ready: ConditionInput;
  guestUid: string | undefined;
}

/** Why a revision fails now, in one sentence; the first guest that has something to say speaks. Pure. */
export function failureOf(view: DeploymentView): Failure {
  const { build, facts, job } = view;
  if (facts.build === 'failed') {
    const cancelled = build?.status.phase === 'Cancelled';
    const usual = cancelled ? 'The build was cancelled.' : 'The build failed.';
    return no(cancelled ? 'BuildCancelled' : 'BuildFailed', build?.status.failure ?? usual);
  }
  if (facts.build !== 'succeeded')
    return no('DeadlineExceeded', heldUp('The build did not end in time.', build && troubleOf(build)));
  if (facts.preDeploy === 'failed') {
    const why = job?.status.failure ?? (job ? 'It failed.' : 'Its Job is gone; whether it ran is not known.');
    return no('PreDeployFailed', `The command before the rollout failed. ${why}`);
  }
  if (facts.preDeploy === 'running')
    return no('DeadlineExceeded', heldUp('The command before the rollout did not end in time.', job && troubleOf(job)));
  return failureOfGuests(view);
}

function failureOfGuests({ facts, guests, clear, desired, volumes, route }: DeploymentView): Failure {
  if (facts.recreate && !clear)
    return no('DeadlineExceeded', 'The guests of the revision before did not stop in time; it serves on.');
  const late = guests.filter((guest) => !isReady(guest));
  const culprit = late.find((guest) => troubleOf(guest) !== undefined) ?? late[0];
  if (culprit) {
    const reason = facts.guests === 'running' ? 'HealthCheckFailed' : 'DeadlineExceeded';
    return no(reason, lateness(culprit), culprit.metadata.uid);
  }
  const volume = volumes.map(troubleOf).find((trouble) => trouble !== undefined);
  if (volume) return no('DeadlineExceeded', heldUp('A volume was not ready in time.', volume));
  if (facts.complete && !facts.taken) {
    const trouble = heldUp('The proxy did not take up the guests in time.', route && troubleOf(route));
    return no('DeadlineExceeded', trouble);
  }
  if (guests.length > 0 && guests.length < desired)
    return no('DeadlineExceeded', 'The guests of the revision before did not make room in time.');
  return no('DeadlineExceeded', 'The guests were not ready in time.');
}

function no(reason: ConditionInput['reason'], message: string, guestUid?: string): Failure {
  return { ready: { type: 'Ready', status: 'False', reason, message }, guestUid };
}

function lateness(guest: Guest): string {
  const message = troubleOf(guest)?.message ?? findCondition(guest.status.conditions, 'Ready')?.message;
  return `Guest ${guest.metadata.name} was not ready in time: ${message ?? 'nothing is known of it.'}`;
}

/** What is usual in this place, and what holds it up now, if anything. Pure. */
export function heldUp(usual: string, trouble: { message: string } | undefined): string {
  return trouble === undefined ? usual : `${usual} ${trouble.message}`;
}
