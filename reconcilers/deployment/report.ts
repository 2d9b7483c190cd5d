import { findCondition, setCondition, type ConditionInput } from '../../crds/condition.ts';
import type { Deployment } from '../../crds/deployment.ts';
import type { Guest } from '../../crds/guest.ts';
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
  if (facts.build !== 'succeeded') return no('DeadlineExceeded', 'The build did not end in time.');
  const troubled = guests.find((guest) => !isReady(guest));
  const why = troubled && troubleOf(troubled);
  if (why === undefined) return no('DeadlineExceeded', 'The guests were not ready in time.');
  return no(facts.guests === 'running' ? 'HealthCheckFailed' : 'DeadlineExceeded', why);
}

function troubleOf(guest: Guest): string {
  const condition = findCondition(guest.status.conditions, 'Ready');
  return `Guest ${guest.metadata.name} was not ready in time: ${condition?.message ?? 'nothing is known of it.'}`;
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
      return is('False', 'AwaitingBuild', 'Waiting for the build.');
    case 'Provisioning':
      return is('False', 'Provisioning', provisioningMessage(view));
    case 'Verifying':
      return is('False', 'Verifying', 'The guests run; waiting until they are healthy.');
    case 'Promoting':
      return is('False', 'Promoting', 'The guests are healthy and take over.');
    case 'Draining':
    case 'Active': {
      if (view.desired === 0) return is('True', 'NoReplicas', 'The service is scaled to nothing.');
      if (ready < view.desired) return is('False', 'Degraded', 'Fewer guests than asked for are ready.');
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

/** What holds the guests up, when one of them says so. */
function provisioningMessage({ guests }: DeploymentView): string {
  const stuck =
    guests.find(({ status }) => findCondition(status.conditions, 'Stalled')?.status === 'True') ??
    guests.find(isHeldUp);
  if (!stuck) return 'Guests are being made.';
  return `Guest ${stuck.metadata.name}: ${findCondition(stuck.status.conditions, 'Ready')?.message ?? ''}`;
}

function isHeldUp({ status }: Guest): boolean {
  const reason = findCondition(status.conditions, 'Ready')?.reason;
  return reason === 'Unschedulable' || reason === 'TaskFailed' || reason === 'AccessDenied' || reason === 'StorageFull';
}
