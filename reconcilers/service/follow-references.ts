import type { Service } from '../../crds/service.ts';
import type { References } from './references.ts';

/** How a service goes after what its environment refers to. */
export type Following =
  | { do: 'nothing' }
  /** Something changed; it is followed when no more changes come, or when the rest after the last time is over. */
  | { do: 'wait'; forMs: number }
  | { do: 'roll' }
  /**
   * Addresses changed that lead back here. A new revision would change our own, which those would have to follow in turn, and
   * so on for ever; a guest that is restarted where it is keeps its address.
   */
  | { do: 'restart' };

type Recorded = NonNullable<Service['status']['references']>;

/** Since when the references have differed from what is recorded, and since when as they do now; milliseconds. */
export interface Sighting {
  firstMs: number;
  lastMs: number;
}

interface FollowInput {
  recorded: Recorded | undefined;
  current: References;
  /** Which services lead back here. */
  isInCircle: (service: string) => boolean;
  sighting: Sighting;
  now: Date;
}

/** Changes that come within so long of each other are followed as one. */
const QUIET_MS = 2_000;
/** Though they keep coming, they are followed after so long. */
const MOST_MS = 10_000;
const FIRST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_MS = 10 * 60_000;

/** Whether to follow a change of references now, and how. Pure. */
export function planFollowing({ recorded, current, isInCircle, sighting, now }: FollowInput): Following {
  if (recorded === undefined || current.missing !== undefined || !differs(recorded, current)) return { do: 'nothing' };
  const nowMs = now.getTime();
  const dueMs = Math.min(sighting.lastMs + QUIET_MS, sighting.firstMs + MOST_MS);
  const forMs = Math.max(dueMs, restUntilMs(recorded)) - nowMs;
  if (forMs > 0) return { do: 'wait', forMs };
  const moved = Object.keys(current.endpoints).filter((name) => current.endpoints[name] !== recorded.endpoints[name]);
  const mayRoll = current.digest !== recorded.digest || moved.some((name) => !isInCircle(name));
  return { do: mayRoll ? 'roll' : 'restart' };
}

/** Whether something changed that guests have to see. What is not referred to any more concerns nobody. Pure. */
export function differs(recorded: Recorded, { digest, endpoints }: References): boolean {
  return recorded.digest !== digest || Object.entries(endpoints).some(([name, at]) => recorded.endpoints[name] !== at);
}

/** What is recorded once the references are followed. Pauses double while changes keep coming. Pure. */
export function recordFollowed(recorded: Recorded | undefined, current: References, now: Date): Recorded {
  const { digest, endpoints } = current;
  const inARow = recorded && isRested(recorded, now) ? 1 : (recorded?.inARow ?? 0) + 1;
  return { digest, endpoints, followedAt: now.toISOString(), inARow };
}

/** What is recorded for a revision that is new for another reason: no change was followed. Pure. */
export function recordReferences(recorded: Recorded | undefined, { digest, endpoints }: References): Recorded {
  return { inARow: 0, ...recorded, digest, endpoints };
}

function restUntilMs({ followedAt, inARow }: Recorded): number {
  return followedAt === undefined ? 0 : Date.parse(followedAt) + pauseMs(inARow);
}

/** Twice the pause has gone by since the last time: whatever kept changing has come to rest. */
function isRested({ followedAt, inARow }: Recorded, now: Date): boolean {
  return followedAt !== undefined && now.getTime() - Date.parse(followedAt) > 2 * pauseMs(inARow);
}

function pauseMs(inARow: number): number {
  return inARow === 0 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (inARow - 1));
}
