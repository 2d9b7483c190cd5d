import type { Restore } from '../../crds/backup.ts';
import { Guest } from '../../crds/guest.ts';
import { Volume } from '../../crds/volume.ts';
import { controllerOf } from '../../controller/object-key.ts';
import { findCondition } from '../../crds/condition.ts';
import { waiting, type Outcome } from '../../controller/outcome.ts';
import type { Pass } from '../../controller/reconciler.ts';
import { HELD_CHECK_MS, fail, type StepContext } from './context.ts';
import type { RestoreView } from './observe.ts';
import { restoreNames } from './parts.ts';

/** Asks the database's loop for what was restored; it takes it as soon as it reads that. */
export async function switchOver(context: StepContext): Promise<Outcome> {
  const { pass, view } = context;
  const { database } = view;
  const { volume } = restoreNames(view.restore);
  await dismissGuest(context);
  await askFor(pass, volume);
  if (!database || database.metadata.deletionTimestamp !== undefined)
    return fail(pass, { reason: 'Rejected', message: 'The database was deleted while it was being restored.' });
  const ready = findCondition(database.status.conditions, 'Ready');
  if (database.status.volume === volume && database.status.phase === 'Failed') {
    const message = `The database does not come up with what was restored: ${ready?.message ?? 'it failed'}`;
    return fail(pass, { reason: ready?.reason ?? 'RestoreFailed', message });
  }
  return waiting('Switching', `Database ${database.metadata.name} is being given what was restored.`, HELD_CHECK_MS);
}

/** Asks for what the database had before. */
export async function putBack(context: StepContext): Promise<Outcome> {
  const { pass } = context;
  const { previousVolume = '' } = pass.status;
  await dismissGuest(context);
  await askFor(pass, previousVolume);
  return waiting('PuttingBack', `The database is given back its Volume ${previousVolume}.`, HELD_CHECK_MS);
}

/** The throwaway guest is not needed any more. True when it is gone. */
export async function dismissGuest({ view, resources }: Pick<StepContext, 'view' | 'resources'>): Promise<boolean> {
  const { guest, restore } = view;
  if (!guest || controllerOf(guest)?.uid !== restore.metadata.uid) return true;
  if (guest.metadata.deletionTimestamp === undefined) await resources.write.delete(Guest, guest);
  return false;
}

/** What was restored and never taken by anybody goes. True when nothing of it is left. */
export async function discard({ view, resources }: Pick<StepContext, 'view' | 'resources'>): Promise<boolean> {
  const isAlone = await dismissGuest({ view, resources });
  const { volume, restore } = view;
  if (!volume || controllerOf(volume)?.uid !== restore.metadata.uid) return isAlone;
  if (volume.metadata.deletionTimestamp === undefined) await resources.write.delete(Volume, volume);
  return false;
}

/** Whether the target has, or is about to have, what was restored. Pure. */
export function isTaken({ database, restore }: RestoreView, status: Restore['status']): boolean {
  const { volume } = restoreNames(restore);
  if (restore.spec.target.kind === 'Volume') return status.switchTo !== undefined;
  return database?.status.volume === volume || status.switchTo === volume;
}

/** Says which volume the target is to have. */
export async function askFor(pass: Pass<Restore>, volume: string): Promise<void> {
  if (pass.status.switchTo === volume) return;
  pass.status = { ...pass.status, switchTo: volume };
  await pass.checkpoint();
}
