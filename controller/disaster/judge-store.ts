import { compareVersions } from '../versions.ts';
import type { LastSeen } from './last-seen.ts';

/** What is known of a store when a process begins to use it. */
export interface StoreFacts {
  /** Its newest version now; 0 when nothing was ever written. */
  version: string;
  /** What a process with this data folder saw last; undefined when none did, or of another kind of store. */
  seen: LastSeen | undefined;
  /** The PostgreSQL server that the database was last used on, and the one it is on; undefined where that is not told. */
  usedOn: string | undefined;
  isOn: string | undefined;
}

/** Why the store may be older than the world; undefined for one that is as it was left, and for an empty one. Pure. */
export function judgeStore({ version, seen, usedOn, isOn }: StoreFacts): string | undefined {
  // Nothing is stated in it, so nothing can be made or destroyed by what it says.
  if (version === '0') return undefined;
  if (seen) {
    if (compareVersions(version, seen.version) >= 0) return undefined;
    return `The database is at version ${version}, but was at ${seen.version} at ${seen.at}: an older backup of it was restored.`;
  }
  if (usedOn === undefined || isOn === undefined || usedOn === isOn) return undefined;
  return 'The database was loaded into another PostgreSQL server, and this data folder has not seen it before: it may be an older backup.';
}
