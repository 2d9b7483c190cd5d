import { findCondition, setCondition, type ConditionInput } from '../../crds/condition.ts';
import type { Deployment } from '../../crds/deployment.ts';
import { troubleOf } from '../shared/trouble.ts';
import { isUnknown, troubleOfGuests } from '../shared/guest-troubles.ts';
import { failureOf, heldUp } from './failure.ts';
import { isReady, type DeploymentView } from './observe.ts';
import { isHolding, isInFlight, type DeploymentState } from './machine.ts';

/** Logs are kept of so many guests that went. */
const KEPT_UIDS = 20;

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
    phase: phaseOf(state),
    promoted: isPromoted(status, state),
    guests: view.guests.map(({ metadata }) => metadata.name).sort(),
    guestUids: uidsOf(status, view),
    replicas: {
      desired: view.desired,
      ready,
      running: view.guests.filter(({ status: guest }) => guest.power === 'running').length,
    },
    ...(view.build?.status.commit !== undefined && { commit: view.build.status.commit }),
    startedAt: status.startedAt ?? now.toISOString(),
    ...(ended && { completedAt: status.completedAt ?? now.toISOString() }),
    conditions: setCondition(status.conditions, readyCondition(deployment, status, view, state, ready), {
      generation: deployment.metadata.generation,
      now,
    }),
  };
}

/** All that are there, and the last that went. */
function uidsOf({ guestUids }: Deployment['status'], { guests }: DeploymentView): string[] {
  const there = new Set(guests.map(({ metadata }) => metadata.uid));
  const gone = guestUids.filter((uid) => !there.has(uid)).slice(-KEPT_UIDS);
  return [...new Set([...guestUids, ...there])].filter((uid) => there.has(uid) || gone.includes(uid));
}

/** What people are told of a state; those that only the machine needs to tell apart share a word. */
function phaseOf(state: DeploymentState): NonNullable<Deployment['status']['phase']> {
  return state === 'PreDeploying' || state === 'TakingOver' ? 'Provisioning' : state;
}

/** A revision that did not complete its takeover gives the requests back; one that was replaced took over once. */
function isPromoted(status: Deployment['status'], state: DeploymentState): boolean {
  switch (state) {
    case 'Promoting':
    case 'Draining':
    case 'Active':
      return true;
    case 'Superseded':
    case 'RolledBack':
      return status.promoted && status.phase !== 'Promoting';
    default:
      return false;
  }
}

function readyCondition(
  { spec }: Deployment,
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
  if (isInFlight(state) && isHolding(state, view.facts)) {
    const message = `Rollouts of service ${spec.service} are paused; revision ${spec.revision} stays where it is. Go on with: containr rollout resume ${spec.service}`;
    return is('False', 'Paused', message);
  }
  switch (state) {
    case 'Pending':
    case 'AwaitingBuild':
      return is('False', 'AwaitingBuild', heldUp('Waiting for the build.', view.build && troubleOf(view.build)));
    case 'PreDeploying':
      return is(
        'False',
        'PreDeploying',
        heldUp('The command before the rollout runs.', view.job && troubleOf(view.job)),
      );
    case 'Provisioning':
      return is('False', 'Provisioning', heldUp('Guests are being made.', troubleOfGuests(view.guests)));
    case 'TakingOver': {
      if (!view.clear) return is('False', 'Provisioning', 'The guests of the revision before are being stopped.');
      const volume = view.volumes.map(troubleOf).find((trouble) => trouble !== undefined);
      return is(
        'False',
        'Provisioning',
        heldUp('The guests are being started.', volume ?? troubleOfGuests(view.guests)),
      );
    }
    case 'Verifying':
      return is(
        'False',
        'Verifying',
        heldUp('The guests run; waiting until they are healthy.', troubleOfGuests(view.guests)),
      );
    case 'Promoting':
      return is('False', 'Promoting', promotingMessage(view, ready));
    case 'Draining':
    case 'Active':
      return servingCondition(view, state, ready, is);
    case 'Failed':
      return findCondition(status.conditions, 'Ready') ?? failureOf(view).ready;
    case 'Superseded':
      return is('False', 'Superseded', 'A newer revision took over.');
    case 'RolledBack':
      return is('False', 'RolledBack', 'An earlier revision took over again.');
    default:
      return state satisfies never;
  }
}

function servingCondition(
  view: DeploymentView,
  state: 'Draining' | 'Active',
  ready: number,
  is: (value: ConditionInput['status'], reason: ConditionInput['reason'], message: string) => ConditionInput,
): ConditionInput {
  if (view.service?.spec.type === 'cron')
    return is('True', 'Active', 'The runs of the schedule are made from this revision.');
  if (view.desired === 0) return is('True', 'NoReplicas', 'The service is scaled to nothing.');
  if (view.standsDown) return is('False', 'Degraded', 'The guests are stopped while a newer revision takes over.');
  if (view.needed !== undefined) return is('True', 'Draining', 'The revision serves until a newer one has taken over.');
  if (ready < view.desired) {
    const message = heldUp('Fewer guests than asked for are ready.', troubleOfGuests(view.guests));
    return is(isUnknown(view.guests) ? 'Unknown' : 'False', 'Degraded', message);
  }
  return state === 'Active'
    ? is('True', 'Active', 'The revision serves.')
    : is('True', 'Draining', 'The revision serves; the guests of the revision before are being removed.');
}

function promotingMessage({ facts, desired, guests, route }: DeploymentView, ready: number): string {
  if (!facts.complete)
    return heldUp(`${ready} of ${desired} guests are healthy and take requests.`, troubleOfGuests(guests));
  return facts.taken
    ? 'The guests are healthy and take over.'
    : heldUp('The guests are healthy; waiting until the proxy lets them take requests.', route && troubleOf(route));
}
