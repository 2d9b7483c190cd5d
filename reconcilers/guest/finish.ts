import type { Guest } from '../../crds/guest.ts';
import type { ProcessExit } from '../providers/guest/events.ts';
import type { GuestLinkState } from '../providers/guest/guest-links.ts';
import type { GuestFacts } from './observe.ts';

type Status = Guest['status'];

/** For so long a guest that is no longer listed is taken for a glitch. */
export const MISSING_GRACE_MS = 10_000;

interface EndOfRun {
  facts: GuestFacts;
  /** What the supervisor said last, also when it is gone by now. */
  link: GuestLinkState | undefined;
}

/**
 * Notes that a process which is not started again has ended, and how. The supervisor stays after the end to be asked, also by
 * a controller that starts later. A guest that must run once and is found stopped, or gone, has had its run: how it ended is
 * what was last heard, or unknown, which is an exit without code and signal and never a success. One that was asked to start
 * and never seen to run may be started again. Pure.
 */
export function noteEnd(
  { spec, status }: Pick<Guest, 'spec' | 'status'>,
  { facts, link }: EndOfRun,
  now: Date,
): Status {
  const { restart } = spec.process;
  if (status.finished || restart === 'Always') return status;
  if (facts.seen === 'ours' && facts.running)
    return link?.connected && link.process === 'finished' ? ended(status, exitOf(link.lastExit), now) : status;
  // Clearing `startedDigest` says that the stop was asked for.
  if (restart !== 'Never' || status.startedDigest === undefined || !isOver(facts, status, now)) return status;
  return ended(status, exitOf(link?.lastExit) ?? status.lastExit, now);
}

/** How an exit is kept in the status. Pure. */
export function exitOf(exit: ProcessExit | undefined): Status['lastExit'] {
  if (!exit) return undefined;
  const { code, signal, at } = exit;
  return { ...(code !== undefined && { code }), ...(signal !== undefined && { signal }), at: at.toISOString() };
}

/** How a process ended, for people. Pure. */
export function endInWords({ lastExit }: Pick<Status, 'lastExit'>): string {
  if (lastExit?.signal !== undefined) return `The process was ended by signal ${lastExit.signal}.`;
  if (lastExit?.code !== undefined) return `The process ended with code ${lastExit.code}.`;
  return 'The guest stopped, and how its process ended is not known.';
}

function isOver(facts: GuestFacts, status: Status, now: Date): boolean {
  switch (facts.seen) {
    case 'ours':
      return status.power !== 'stopped';
    case 'absent':
    case 'foreign':
      return now.getTime() - Date.parse(status.missingSince ?? '') >= MISSING_GRACE_MS;
    case 'unknown':
    case 'creating':
    case 'markless':
      return false;
    default:
      return facts satisfies never;
  }
}

function ended(status: Status, exit: Status['lastExit'], now: Date): Status {
  const { healthy: _, startNotBefore: __, ...rest } = status;
  return { ...rest, finished: true, lastExit: exit ?? { at: now.toISOString() } };
}
