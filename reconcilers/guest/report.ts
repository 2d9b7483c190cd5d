import { removeCondition, setCondition, type ConditionInput } from '../../crds/condition.ts';
import type { Guest } from '../../crds/guest.ts';
import type { GuestLinkState } from '../providers/guest/guest-links.ts';
import type { HealthState } from '../providers/guest/health-monitor.ts';
import type { Trouble } from '../shared/trouble.ts';
import { hostOf } from './desired.ts';
import { driftCondition, type DriftPolicy } from './drift.ts';
import { endInWords, exitOf } from './finish.ts';
import { unknownDisksCondition, type GuestDisk } from './mounts.ts';
import type { GuestFacts } from './observe.ts';

/** What is known of a running guest besides what Proxmox says. */
export interface LiveFacts {
  link: GuestLinkState | undefined;
  health: HealthState | undefined;
  /** Addresses of a guest that got its own by DHCP. */
  addresses: readonly string[];
}

/** Its supervisor says that it holds the process. */
export function isHeld({ link }: LiveFacts): boolean {
  return link?.connected === true && link.process === 'held';
}

/** What people should know while a guest waits for its address. */
export const NO_ADDRESS = 'The guest runs and has no address yet. Check that DHCP answers on its bridge.';

/** A process without a check of its own counts as ready after running so long. */
const STEADY_MS = 2_000;
/** The same when nobody can ask the guest's supervisor. */
const STEADY_UNSEEN_MS = 15_000;

/** All that a report goes by. */
export interface GuestFindings {
  facts: GuestFacts;
  live: LiveFacts;
  /** What the last task came to, when it failed. */
  setback?: Trouble | undefined;
  /** What its environment lacks; a guest that runs already goes on. */
  missing?: Trouble | undefined;
  /** What was changed by hand, and what is done about it; undefined when its config was not looked at. */
  drift?: { policy: DriftPolicy; fields: Guest['status']['drift'] } | undefined;
  /** Disks of no Volume; undefined when its config was not looked at. */
  strangeDisks?: readonly GuestDisk[] | undefined;
}

/** The status as the facts have it. Pure; what was chosen stays, what is unknown is not guessed. */
export function reportGuest(
  guest: Guest,
  status: Guest['status'],
  { facts, live, setback, missing, strangeDisks, drift }: GuestFindings,
  now: Date,
): Guest['status'] {
  const next = withFacts(guest.spec, status, facts, live, now);
  const at = { generation: guest.metadata.generation, now };
  let { conditions } = next;
  for (const condition of conditionsFor(guest, next, { facts, live, setback }))
    conditions = setCondition(conditions, condition, at);
  if (facts.seen === 'ours' && !facts.running) conditions = removeCondition(conditions, 'AgentReady');
  if (!missing) conditions = removeCondition(conditions, 'Configured');
  else conditions = setCondition(conditions, { type: 'Configured', status: 'False', ...missing }, at);
  if (strangeDisks) {
    const told = unknownDisksCondition(guest, strangeDisks);
    conditions = told ? setCondition(conditions, told, at) : removeCondition(conditions, 'DisksKnown');
  }
  if (!drift) return { ...next, conditions };
  return {
    ...next,
    drift: drift.fields,
    conditions: setCondition(conditions, driftCondition(drift.policy, drift.fields), at),
  };
}

/** When the guest has to be looked at again though nothing changed: a running process becomes ready by time alone. */
export function readyCheckAfterMs(status: Guest['status'], live: LiveFacts, now: Date): number | undefined {
  if (status.healthy === true || live.health !== undefined || status.startedAt === undefined) return undefined;
  const steadyMs = live.link?.connected ? STEADY_MS : STEADY_UNSEEN_MS;
  const since = Math.max(Date.parse(status.startedAt), live.link?.lastExit?.at.getTime() ?? 0);
  return Math.max(50, since + steadyMs - now.getTime());
}

function withFacts(
  { hold }: Guest['spec'],
  status: Guest['status'],
  facts: GuestFacts,
  live: LiveFacts,
  now: Date,
): Guest['status'] {
  switch (facts.seen) {
    case 'unknown':
      return { ...status, power: 'unknown' };
    case 'absent':
    case 'foreign': {
      const { healthy: _, ...rest } = status;
      return {
        ...rest,
        power: 'stopped',
        addresses: [],
        ...(status.created && { missingSince: status.missingSince ?? now.toISOString() }),
      };
    }
    case 'creating':
    case 'markless':
      return status;
    case 'ours': {
      const { missingSince: _, healthy: before, ...rest } = status;
      if (!facts.running) return { ...rest, node: facts.node, created: true, power: 'stopped', addresses: [] };
      const healthy = hold || isHeld(live) ? undefined : (healthOf(status, live, now) ?? before);
      return {
        ...rest,
        node: facts.node,
        created: true,
        power: 'running',
        addresses: status.reservedAddress === undefined ? [...live.addresses] : [hostOf(status.reservedAddress)],
        ...(healthy !== undefined && { healthy }),
        ...(live.link?.lastExit && !status.finished && { lastExit: exitOf(live.link.lastExit) }),
      };
    }
    default:
      return facts satisfies never;
  }
}

/** Undefined while nothing is settled: what was known before then stands. */
function healthOf(status: Guest['status'], { link, health }: LiveFacts, now: Date): boolean | undefined {
  if (link?.connected && (link.process === 'backoff' || link.process === 'finished')) return false;
  if (health) return health.healthy;
  const ranMs =
    now.getTime() - Math.max(Date.parse(status.startedAt ?? now.toISOString()), link?.lastExit?.at.getTime() ?? 0);
  if (!link?.connected) return ranMs >= STEADY_UNSEEN_MS ? true : undefined;
  return (link.process === 'running' || link.process === 'listening') && ranMs >= STEADY_MS ? true : undefined;
}

function conditionsFor(
  guest: Guest,
  status: Guest['status'],
  { facts, live, setback }: GuestFindings,
): ConditionInput[] {
  const list: ConditionInput[] = [];
  if (status.vmid !== undefined) {
    list.push({
      type: 'IdReserved',
      status: 'True',
      reason: 'IdReserved',
      message: `The vmid ${status.vmid} is reserved.`,
    });
  }
  if (facts.seen === 'ours') {
    list.push(
      { type: 'Created', status: 'True', reason: 'Created', message: `Guest ${status.vmid} exists on ${facts.node}.` },
      { type: 'OwnerVerified', status: 'True', reason: 'OwnerVerified', message: 'The guest carries our identity.' },
      facts.running
        ? { type: 'Started', status: 'True', reason: 'Running', message: 'The guest runs.' }
        : { type: 'Started', status: 'False', reason: 'Stopped', message: 'The guest is stopped.' },
    );
    if (facts.running) list.push(addressCondition(status), agentCondition(live));
  } else if (facts.seen === 'foreign' || facts.seen === 'markless') {
    const reason = facts.seen === 'foreign' ? 'OwnerMismatch' : 'IdentityMissing';
    const message = `The guest ${status.vmid} on ${facts.node} does not carry our identity; it is left alone.`;
    list.push({ type: 'OwnerVerified', status: 'False', reason, message });
  } else if (facts.seen === 'absent') {
    list.push({ type: 'Created', status: 'False', reason: 'Creating', message: 'The guest does not exist yet.' });
  }
  list.push(readyCondition(guest, status, { facts, live, setback }));
  return list;
}

function addressCondition(status: Guest['status']): ConditionInput {
  const [address] = status.addresses;
  return address === undefined
    ? { type: 'AddressAssigned', status: 'False', reason: 'AddressPending', message: 'The guest has no address yet.' }
    : {
        type: 'AddressAssigned',
        status: 'True',
        reason: 'AddressAssigned',
        message: `The guest has the address ${address}.`,
      };
}

function agentCondition({ link }: LiveFacts): ConditionInput {
  return link?.connected
    ? {
        type: 'AgentReady',
        status: 'True',
        reason: 'SupervisorConnected',
        message: 'The supervisor in the guest answers.',
      }
    : {
        type: 'AgentReady',
        status: 'False',
        reason: 'SupervisorUnreachable',
        message: `The supervisor in the guest does not answer${link?.trouble === undefined ? '.' : `: ${link.trouble}`}`,
      };
}

/** The one answer to "does it serve?". An unknown leaves the last answer's sense out: nobody can say. */
function readyCondition(
  guest: Guest,
  status: Guest['status'],
  { facts, live, setback }: GuestFindings,
): ConditionInput {
  const no = (reason: ConditionInput['reason'], message: string): ConditionInput => ({
    type: 'Ready',
    status: 'False',
    reason,
    message,
  });
  if (status.finished) return no('Finished', endInWords(status));
  switch (facts.seen) {
    case 'unknown':
      return { type: 'Ready', status: 'Unknown', reason: facts.reason, message: facts.message };
    case 'absent':
      if (setback) return no(setback.reason, setback.message);
      return status.created
        ? no('GuestMissing', 'The guest is gone from Proxmox; a new one will be made.')
        : no('Creating', 'The guest does not exist yet.');
    case 'creating':
      return no('Creating', 'Proxmox makes the guest.');
    case 'foreign':
      return no('OwnerMismatch', 'The guest with the reserved vmid is not ours.');
    case 'markless':
      return no('IdentityMissing', 'The guest lost its identity marks; nothing is changed until they are back.');
    case 'ours':
      break;
    default:
      return facts satisfies never;
  }
  if (facts.lock !== undefined && !facts.running)
    return no('Locked', `Proxmox has locked the guest (${facts.lock}); waiting until it is done.`);
  if (setback && facts.running !== (guest.spec.power === 'running')) return no(setback.reason, setback.message);
  if (guest.spec.power === 'stopped') return no('Stopped', 'The guest is stopped, as asked.');
  if (!facts.running)
    return status.crashes > 1
      ? no('CrashLoop', 'The guest keeps stopping on its own.')
      : no('Starting', 'The guest is being started.');
  if (status.addresses.length === 0) return no('AddressPending', NO_ADDRESS);
  if (live.link?.connected && live.link.process === 'backoff') return no('CrashLoop', crashMessage(live.link));
  if (live.link?.connected && live.link.process === 'finished') return no('Finished', crashMessage(live.link));
  if (guest.spec.hold) return heldCondition(live);
  if (status.healthy === true)
    return { type: 'Ready', status: 'True', reason: 'Healthy', message: 'The guest runs and is healthy.' };
  if (status.healthy === false)
    return no('Unhealthy', `The health check fails${live.health?.why === undefined ? '.' : `: ${live.health.why}`}`);
  const waited = live.health?.why === undefined ? '' : `: ${live.health.why}`;
  return no('HealthUnknown', `The guest runs; it is not healthy yet${waited}`);
}

/** A guest that is held has nothing to do but to be there with its volumes. */
function heldCondition(live: LiveFacts): ConditionInput {
  if (isHeld(live))
    return {
      type: 'Ready',
      status: 'True',
      reason: 'Held',
      message: 'The guest runs and is held: its process is not started.',
    };
  const process = live.link?.connected ? live.link.process : 'unknown';
  return process === 'running' || process === 'listening'
    ? {
        type: 'Ready',
        status: 'False',
        reason: 'SupervisorOutdated',
        message: 'The process runs although it should be held: the image has an older supervisor. Build it anew.',
      }
    : {
        type: 'Ready',
        status: 'False',
        reason: 'HealthUnknown',
        message: 'The guest runs; its supervisor has not said yet that it holds the process.',
      };
}

function crashMessage({ lastExit }: GuestLinkState): string {
  if (lastExit?.signal !== undefined) return `The process was ended by signal ${lastExit.signal}.`;
  return lastExit?.code === undefined ? 'The process keeps ending.' : `The process ended with code ${lastExit.code}.`;
}
