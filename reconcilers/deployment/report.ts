import { findCondition, setCondition, type ConditionInput } from '../../crds/condition.ts';
import type { Deployment } from '../../crds/deployment.ts';
import type { Guest } from '../../crds/guest.ts';
import { troubleOf, type Trouble } from '../shared/trouble.ts';
import { isUnknown, troubleOfGuests } from '../shared/guest-troubles.ts';
import { isReady, type DeploymentView } from './observe.ts';
import type { DeploymentState } from './machine.ts';

/** The status as the machine and the guests have it. Pure. */
export function reportDeployment(
  deployment: Deployment,
  status: Deployment['status'],
  view: DeploymentView,
  state: DeploymentState,
  now: Date,
): Deployment['status'] {
  const ready = view.guests.filter(isReady).length;
  const ended = state === 'Active' || state === 'Failed' || state === 'Superseded' || state === 'RolledBack';
  return {
    ...status,
    phase: state,
    guests: view.guests.map(({ metadata }) => metadata.name).sort(),
    replicas: {
      desired: view.desired,
      ready,
      running: view.guests.filter(({ status: guest }) => guest.power === 'running').length,
    },
    ...(view.build?.status.commit !== undefined && { commit: view.build.status.commit }),
    startedAt: status.startedAt ?? now.toISOString(),
    ...(ended && { completedAt: status.completedAt ?? now.toISOString() }),
    conditions: setCondition(status.conditions, readyCondition(status, view, state, ready), {
      generation: deployment.metadata.generation,
      now,
    }),
  };
}

/** Why a revision did not make it, in one sentence; the first guest that has something to say speaks. Pure. */
export function failureOf(view: DeploymentView): ConditionInput {
  const { build, facts, guests } = view;
  const no = (reason: ConditionInput['reason'], message: string): ConditionInput => ({
    type: 'Ready',
    status: 'False',
    reason,
    message,
  });
  if (facts.build === 'failed') {
    const cancelled = build?.status.phase === 'Cancelled';
    return no(
      cancelled ? 'BuildCancelled' : 'BuildFailed',
      build?.status.failure ?? (cancelled ? 'The build was cancelled.' : 'The build failed.'),
    );
  }
  if (facts.build !== 'succeeded')
    return no('DeadlineExceeded', heldUp('The build did not end in time.', build && troubleOf(build)));
  const late = guests.filter((guest) => !isReady(guest));
  const troubled = late.find((guest) => troubleOf(guest) !== undefined) ?? late[0];
  const why = troubled && lateness(troubled);
  if (why === undefined) return no('DeadlineExceeded', 'The guests were not ready in time.');
  return no(facts.guests === 'running' ? 'HealthCheckFailed' : 'DeadlineExceeded', why);
}

function lateness(guest: Guest): string {
  const message = troubleOf(guest)?.message ?? findCondition(guest.status.conditions, 'Ready')?.message;
  return `Guest ${guest.metadata.name} was not ready in time: ${message ?? 'nothing is known of it.'}`;
}

function readyCondition(
  status: Deployment['status'],
  view: DeploymentView,
  state: DeploymentState,
  ready: number,
): ConditionInput {
  const is = (value: ConditionInput['status'], reason: ConditionInput['reason'], message: string): ConditionInput => ({
    type: 'Ready',
    status: value,
    reason,
    message,
  });
  switch (state) {
    case 'Pending':
    case 'AwaitingBuild':
      return is('False', 'AwaitingBuild', heldUp('Waiting for the build.', view.build && troubleOf(view.build)));
    case 'Provisioning':
      return is('False', 'Provisioning', heldUp('Guests are being made.', troubleOfGuests(view.guests)));
    case 'Verifying':
      return is(
        'False',
        'Verifying',
        heldUp('The guests run; waiting until they are healthy.', troubleOfGuests(view.guests)),
      );
    case 'Promoting':
      return is('False', 'Promoting', 'The guests are healthy and take over.');
    case 'Draining':
    case 'Active': {
      if (view.desired === 0) return is('True', 'NoReplicas', 'The service is scaled to nothing.');
      if (ready < view.desired) {
        const message = heldUp('Fewer guests than asked for are ready.', troubleOfGuests(view.guests));
        return is(isUnknown(view.guests) ? 'Unknown' : 'False', 'Degraded', message);
      }
      return state === 'Active'
        ? is('True', 'Active', 'The revision serves.')
        : is('True', 'Draining', 'The revision serves; the guests of the revision before are being removed.');
    }
    case 'Failed':
      return findCondition(status.conditions, 'Ready') ?? failureOf(view);
    case 'Superseded':
      return is('False', 'Superseded', 'A newer revision took over.');
    case 'RolledBack':
      return is('False', 'RolledBack', 'An earlier revision took over again.');
    default:
      return state satisfies never;
  }
}

function heldUp(usual: string, trouble: Trouble | undefined): string {
  return trouble === undefined ? usual : `${usual} ${trouble.message}`;
}
