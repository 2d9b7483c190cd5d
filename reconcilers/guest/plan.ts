import type { Guest } from '../../crds/guest.ts';
import type { Reason } from '../../crds/reasons.ts';
import type { GuestChanges } from '../providers/proxmox/client.ts';
import type { Trouble } from '../shared/trouble.ts';
import { differences, type DesiredGuest } from './desired.ts';
import { MISSING_GRACE_MS } from './finish.ts';
import type { GuestFacts, OursFacts } from './observe.ts';

/** What a pass does next about its guest. */
export type GuestPlan =
  | { do: 'nothing' }
  | { do: 'wait'; reason: Reason; message: string; checkAfterMs: number }
  | { do: 'stall'; reason: Reason; message: string }
  /** Give up the vmid: a stranger has it. */
  | { do: 'reserveAnew'; message: string }
  | { do: 'create' }
  /** It was there and is proven gone: forget it, so that it is made again. */
  | { do: 'forget' }
  | { do: 'configure'; changes: GuestChanges }
  | { do: 'start' }
  /** It was held and shall be no longer. */
  | { do: 'release' }
  /** Something has to be there before it may be started; what can be done before that is done. */
  | { do: 'hold'; trouble: Trouble }
  | { do: 'stop'; why: 'asked' | 'restart' | 'unhealthy' };

/** For so long a lock that no task holds is taken for one whose task is just ending. */
const LOCK_GRACE_MS = 120_000;
const SOON_MS = 1_000;
const UNKNOWN_CHECK_MS = 5_000;
/** The cluster list wakes the guest when a lock goes. */
const LOCK_CHECK_MS = 15_000;

interface PlanInput {
  spec: Guest['spec'];
  status: Guest['status'];
  facts: GuestFacts;
  desired: DesiredGuest;
  /** What its environment lacks. */
  missing?: Trouble | undefined;
  /** The volume that it waits for. */
  awaited?: Trouble | undefined;
  /** A volume of it is about to become another disk: it must not run meanwhile. */
  yielded?: Trouble | undefined;
  /** What was changed by hand and is only to be reported. */
  left?: ReadonlySet<keyof GuestChanges>;
  /** Its check has failed for as long as it may. */
  isLongUnhealthy?: boolean;
  now: Date;
}

/** The first thing that has to be mended, in the order in which it must be. Pure. */
export function planGuest(input: PlanInput): GuestPlan {
  const { facts, status, now } = input;
  const vmid = status.vmid ?? 0;
  switch (facts.seen) {
    case 'unknown':
      return { do: 'wait', reason: facts.reason, message: facts.message, checkAfterMs: UNKNOWN_CHECK_MS };
    case 'creating':
      return planWhileCreating(facts, vmid, msSince(status.createRequestedAt, now));
    case 'markless':
      return {
        do: 'stall',
        reason: 'IdentityMissing',
        message: `Guest ${vmid} on ${facts.node} lost the tags and the description that show whose it is. Nothing is done to it. Put them back: pct set ${vmid} --tags '${input.desired.tags.join(';')}'`,
      };
    case 'foreign':
      if (status.finished) return { do: 'nothing' };
      if (!status.created)
        return { do: 'reserveAnew', message: `The vmid ${vmid} is taken by a guest that is not ours.` };
      return goneFor(status, now) < MISSING_GRACE_MS
        ? { do: 'wait', reason: 'OwnerMismatch', message: notOurs(vmid, facts.node), checkAfterMs: SOON_MS }
        : { do: 'reserveAnew', message: notOurs(vmid, facts.node) };
    case 'absent':
      if (status.finished) return { do: 'nothing' };
      if (!status.created) return input.missing ? { do: 'hold', trouble: input.missing } : { do: 'create' };
      return goneFor(status, now) < MISSING_GRACE_MS
        ? {
            do: 'wait',
            reason: 'GuestMissing',
            message: `Guest ${vmid} is not listed by Proxmox.`,
            checkAfterMs: SOON_MS,
          }
        : { do: 'forget' };
    case 'ours':
      return planForOurs(input, facts);
    default:
      return facts satisfies never;
  }
}

function planWhileCreating(facts: { node: string; taskRunning: boolean }, vmid: number, ageMs: number): GuestPlan {
  if (facts.taskRunning || ageMs < LOCK_GRACE_MS) {
    return { do: 'wait', reason: 'Creating', message: `Proxmox makes guest ${vmid}.`, checkAfterMs: SOON_MS };
  }
  return {
    do: 'stall',
    reason: 'LockStuck',
    message: `Guest ${vmid} is left half-made with lock "create" and no task. As root on ${facts.node}: pct unlock ${vmid} && pct destroy ${vmid}`,
  };
}

function planForOurs(input: PlanInput, facts: OursFacts): GuestPlan {
  const { spec, status, desired, left } = input;
  if (facts.lock !== undefined) {
    const message = `Proxmox has locked guest ${status.vmid} (${facts.lock}); waiting until it is done.`;
    return { do: 'wait', reason: 'Locked', message, checkAfterMs: LOCK_CHECK_MS };
  }
  // A process that ended for good needs no guest that runs.
  if (spec.power === 'stopped' || status.finished)
    return facts.running ? { do: 'stop', why: 'asked' } : { do: 'nothing' };
  if (input.yielded) return facts.running ? { do: 'stop', why: 'asked' } : { do: 'hold', trouble: input.yielded };

  const differing = facts.config ? differences(desired, facts.config) : {};
  const changes = left ? without(differing, left) : differing;
  if (Object.keys(changes).length > 0) return { do: 'configure', changes };
  return facts.running ? planForRunning(input) : planForStopped(input);
}

function planForStopped({ status, missing, awaited, now }: PlanInput): GuestPlan {
  const trouble = missing ?? awaited;
  if (trouble) return { do: 'hold', trouble };
  const pauseMs = Date.parse(status.startNotBefore ?? '') - now.getTime();
  if (pauseMs <= 0 || Number.isNaN(pauseMs)) return { do: 'start' };
  const message = `Guest ${status.vmid} keeps stopping; it is started again after a pause.`;
  return { do: 'wait', reason: 'CrashLoop', message, checkAfterMs: pauseMs };
}

/** What could not be started again is left running as it is. */
function planForRunning({ spec, status, desired, missing, isLongUnhealthy }: PlanInput): GuestPlan {
  if (missing) return { do: 'nothing' };
  if (!isCurrent(spec, status, desired)) return { do: 'stop', why: 'restart' };
  if (!spec.hold && status.startedDigest === desired.heldDigest) return { do: 'release' };
  return isLongUnhealthy ? { do: 'stop', why: 'unhealthy' } : { do: 'nothing' };
}

function without(changes: GuestChanges, left: ReadonlySet<string>): GuestChanges {
  return Object.fromEntries(Object.entries(changes).filter(([key]) => !left.has(key)));
}

/** It runs with the process configuration that it should, if need be once it is released. What must run once is not started over for a newer one. */
export function isCurrent(
  { process }: Guest['spec'],
  { startedDigest }: Guest['status'],
  { processDigest, heldDigest }: DesiredGuest,
): boolean {
  if (startedDigest === undefined) return false;
  return startedDigest === processDigest || startedDigest === heldDigest || process.restart === 'Never';
}

function notOurs(vmid: number, node: string): string {
  return `The guest ${vmid} on ${node} is not ours any more; it is left alone.`;
}

function goneFor(status: Guest['status'], now: Date): number {
  return msSince(status.missingSince, now);
}

function msSince(time: string | undefined, now: Date): number {
  return time === undefined ? 0 : now.getTime() - Date.parse(time);
}
