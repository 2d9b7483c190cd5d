import type { Restore } from '../../crds/backup.ts';
import { conditionIs } from '../../crds/condition.ts';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import type { ResourceReader } from '../../controller/reconciler.ts';

/** What is recorded around a Volume that is restored in place. */
export interface VolumeTarget {
  target: Volume;
  /** The guest that is to have it; undefined while none is. */
  served: Guest | undefined;
  /** Any guest whose image a reader can be made from: nothing but the supervisor runs in it. */
  model: Guest | undefined;
}

/** Undefined for a target that is a database, or not there. Reads only the cache. */
export function observeVolumeTarget({ metadata, spec }: Restore, read: ResourceReader): VolumeTarget | undefined {
  const { namespace } = metadata;
  const { kind, name } = spec.target;
  const target = kind === 'Volume' ? read.get(Volume, { namespace, name }) : undefined;
  if (!target) return undefined;
  const guests = read.list(Guest, namespace).filter((guest) => guest.metadata.deletionTimestamp === undefined);
  const served = guests.find(
    (guest) =>
      guest.metadata.name === target.spec.guest &&
      guest.spec.mounts.some(({ volume }) => volume === target.metadata.name),
  );
  const { cluster } = target.status;
  const model = served ?? guests[0] ?? read.list(Guest).find(({ status }) => status.cluster === cluster);
  return { target, served, model };
}

/** The target has what was restored, and whoever is to have the target is ready with it. Pure. */
export function isServing({ target, served }: VolumeTarget, restore: Restore): boolean {
  const { exchange, attachedUid, moving } = target.status;
  if (!isExchanged(target, restore) || exchange?.stage !== 'done') return false;
  if (!served || served.spec.power === 'stopped') return moving === undefined && isReady(target);
  // Ready as it was before the change does not count.
  return attachedUid === served.metadata.uid && startedSince(served, exchange.since) && isReady(served);
}

/** Whether the target has the disk that was restored for it. Pure. */
export function isExchanged({ status }: Volume, { metadata }: Restore): boolean {
  const { exchange } = status;
  if (exchange?.leads !== true || exchange.restore !== metadata.uid) return false;
  const isTaken = exchange.stage === 'taken' || exchange.stage === 'done';
  return isTaken === (exchange.turn === 1);
}

/** The target's loop has said for good that its own disk stays, or came back. Pure. */
export function hasOwnDisk({ status }: Volume, { metadata }: Restore): boolean {
  const { exchange } = status;
  if (exchange?.leads !== true || exchange.restore !== metadata.uid) return false;
  return exchange.stage === (exchange.turn === 1 ? 'cancelled' : 'done');
}

/** A guest that was started with what was restored, and keeps ending. Pure. */
export function isCrashing({ target, served }: VolumeTarget, restore: Restore, now: Date): boolean {
  const since = target.status.exchange?.since;
  if (!served || since === undefined || !isExchanged(target, restore) || !startedSince(served, since)) return false;
  const ranMs = now.getTime() - Date.parse(served.status.startedAt ?? '');
  const isEnding = served.status.conditions.some(({ type, reason }) => type === 'Ready' && reason === 'CrashLoop');
  return isEnding && ranMs >= CRASHING_MS;
}

/** A process that waits for another one may end a few times before it stays. */
const CRASHING_MS = 60_000;

function startedSince({ status }: Guest, since: string): boolean {
  return status.power === 'running' && Date.parse(status.startedAt ?? '') >= Date.parse(since);
}

function isReady({ status }: Guest | Volume): boolean {
  return conditionIs(status.conditions, 'Ready', 'True');
}
