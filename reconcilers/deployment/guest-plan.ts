import type { Deployment } from '../../crds/deployment.ts';
import { durationMs } from '../../crds/duration.ts';
import type { Guest } from '../../crds/guest.ts';
import { leavingSince } from '../shared/traffic.ts';
import type { DeploymentState } from './machine.ts';
import { isReady, wantedNames, type DeploymentView } from './observe.ts';

/** One thing to do to the guests of a revision. */
export type GuestAction =
  | { do: 'make'; name: string; power: Guest['spec']['power'] }
  | { do: 'change'; guest: Guest; power: Guest['spec']['power']; leavingSince: string | undefined }
  | { do: 'remove'; guest: Guest };

export interface GuestPlan {
  actions: readonly GuestAction[];
  /** When a guest that is draining has to be looked at again. */
  checkAfterMs: number | undefined;
}

interface Claim {
  /** The guests that stay, or shall be there. */
  names: readonly string[];
  /** Whether those that are missing are made. */
  make: boolean;
  /** `held`: those that run go on, new ones are made and not started. */
  power: Guest['spec']['power'] | 'held';
}

/** A proxy that does not let go of a guest for so long after the drain does not answer; the guest goes all the same. */
const PROXY_PATIENCE_MS = 60_000;
const SOON_MS = 1_000;

/** What a revision in this state does to its guests. Pure. */
export function planGuests(
  deployment: Deployment,
  state: DeploymentState,
  view: DeploymentView,
  { exposed, now }: { exposed: boolean; now: Date },
): GuestPlan {
  const claim = claimOf(deployment, state, view);
  const actions: GuestAction[] = [];
  const checks: number[] = [];
  if (claim.make) {
    const power = claim.power === 'running' ? 'running' : 'stopped';
    for (const name of claim.names)
      if (view.guests.every(({ metadata }) => metadata.name !== name)) actions.push({ do: 'make', name, power });
  }
  for (const guest of view.guests) {
    if (guest.metadata.deletionTimestamp !== undefined) continue;
    if (claim.names.includes(guest.metadata.name)) {
      const power = claim.power === 'held' ? guest.spec.power : claim.power;
      if (guest.spec.power !== power || leavingSince(guest) !== undefined)
        actions.push({ do: 'change', guest, power, leavingSince: undefined });
      continue;
    }
    const leave = exposed ? leaveOf(guest, view, drainMsOf(deployment, view), now) : { do: 'remove' as const };
    if (leave.do === 'remove') actions.push({ do: 'remove', guest });
    else if (leave.do === 'wait') checks.push(leave.ms);
    else {
      actions.push({ do: 'change', guest, power: guest.spec.power, leavingSince: now.toISOString() });
      checks.push(SOON_MS);
    }
  }
  return { actions, checkAfterMs: checks.length > 0 ? Math.min(...checks) : undefined };
}

function claimOf(deployment: Deployment, state: DeploymentState, view: DeploymentView): Claim {
  const all = wantedNames(deployment, view.desired);
  switch (state) {
    case 'Pending':
    case 'AwaitingBuild':
    case 'PreDeploying':
    case 'Failed':
    case 'Superseded':
    case 'RolledBack':
      return { names: [], make: false, power: 'held' };
    case 'Provisioning':
    case 'TakingOver':
    case 'Verifying':
    case 'Promoting': {
      const mayRun = !view.facts.recreate || (view.clear && state !== 'Provisioning');
      return { names: all.slice(0, view.batch), make: true, power: mayRun ? 'running' : 'held' };
    }
    case 'Draining':
    case 'Active':
      if (view.standsDown) return { names: all, make: false, power: 'stopped' };
      if (view.needed !== undefined) return { names: stillNeeded(view, view.needed), make: false, power: 'held' };
      return { names: all, make: true, power: view.clear ? 'running' : 'held' };
    default:
      return state satisfies never;
  }
}

/** Of the guests that are there, those that serve best stay longest. */
function stillNeeded({ guests }: DeploymentView, count: number): string[] {
  return guests
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .toSorted((a, b) => Number(isReady(b)) - Number(isReady(a)) || (a.metadata.name < b.metadata.name ? -1 : 1))
    .slice(0, count)
    .map(({ metadata }) => metadata.name);
}

/** A guest that took requests is marked first, goes out of the proxy, finishes what it has begun, and is removed then. */
function leaveOf(
  guest: Guest,
  { route }: DeploymentView,
  drainMs: number,
  now: Date,
): { do: 'remove' } | { do: 'mark' } | { do: 'wait'; ms: number } {
  const { name } = guest.metadata;
  const since = leavingSince(guest);
  const takesNew = route?.status.upstreams.some((upstream) => upstream.guest === name) === true;
  const draining = route?.status.draining.find((upstream) => upstream.guest === name);
  if (since === undefined) return isReady(guest) || takesNew || draining ? { do: 'mark' } : { do: 'remove' };
  if (guest.status.power === 'stopped') return { do: 'remove' };
  const left = (from: string, ms: number): number => Date.parse(from) + ms - now.getTime();
  const patience = left(since, drainMs + PROXY_PATIENCE_MS);
  if (patience <= 0) return { do: 'remove' };
  if (takesNew) return { do: 'wait', ms: patience };
  const rest = Math.min(patience, Math.max(left(since, drainMs), draining ? left(draining.since, drainMs) : 0));
  return rest > 0 ? { do: 'wait', ms: rest } : { do: 'remove' };
}

/** Only requests are drained; a worker gets the same time from its stop signal on. */
function drainMsOf({ spec }: Deployment, { service }: DeploymentView): number {
  return service !== undefined && service.spec.type !== 'web' ? 0 : durationMs(spec.template.rollout.drain);
}
