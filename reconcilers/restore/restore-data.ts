import { Database } from '../../crds/database.ts';
import { Volume } from '../../crds/volume.ts';
import { controllerOf } from '../../controller/object-key.ts';
import { waiting, type Outcome } from '../../controller/outcome.ts';
import { troubleOf, type Trouble } from '../shared/trouble.ts';
import { HELD_CHECK_MS, fail, type StepContext } from './context.ts';
import { RESTORE_LABEL, newDatabase, newVolume, restoreNames, restoredVolume } from './parts.ts';
import { seriesOf } from './plan.ts';
import { keepLogin } from './safeguard.ts';

/** With these the archive cannot be restored, now or later. */
const hopeless: ReadonlySet<string> = new Set([
  'BackupUnreadable',
  'BackupNotFound',
  'Rejected',
  'SecretNotFound',
  'VolumeElsewhere',
]);

/** Has the data restored: to a volume beside the one that the target has, or to a target that was not there. */
export async function restoreData(context: StepContext): Promise<Outcome> {
  return context.pass.status.inPlace === true ? restoreBeside(context) : restoreAnew(context);
}

async function restoreBeside(context: StepContext): Promise<Outcome> {
  const { pass, view, resources } = context;
  const { restore, backup, volume, previous } = view;
  const name = restoreNames(restore).volume;
  if (!volume) {
    if (!backup) return fail(pass, { reason: 'BackupNotFound', message: `Backup ${restore.spec.backup} is gone.` });
    if (!previous) return fail(pass, { reason: 'VolumeMissing', message: 'The volume of the target is gone.' });
    pass.status = { ...pass.status, volume: name };
    await resources.write.create(Volume, restoredVolume(restore, backup, previous));
    return waiting('Restoring', `The backup is restored to Volume ${name}.`, HELD_CHECK_MS);
  }
  if (controllerOf(volume)?.uid !== restore.metadata.uid)
    return fail(pass, {
      reason: 'Rejected',
      message: `Volume ${name} exists and is another's. Give the restore another name.`,
    });
  const from = backup?.status.credentialsSecretRef?.name;
  if (from !== undefined) {
    const held = await keepLogin(context, volume, from);
    if (held) return held;
  }
  const trouble = elsewhere(view, volume) ?? troubleOf(volume);
  if (trouble && hopeless.has(trouble.reason)) return fail(pass, trouble);
  return waiting('Restoring', trouble?.message ?? `The backup is restored to Volume ${name}.`, HELD_CHECK_MS);
}

/** A guest has disks of its own node only, and a volume keeps its guest. */
function elsewhere({ volumeTarget, restore }: StepContext['view'], { status }: Volume): Trouble | undefined {
  const node = volumeTarget?.target.status.node;
  if (node === undefined || status.node === undefined || status.node === node) return undefined;
  const { name } = restore.spec.target;
  const message = `The backup could be restored on node ${status.node} only, and Volume ${name} is on ${node}. Restore to a new name.`;
  return { reason: 'VolumeElsewhere', message };
}

async function restoreAnew(context: StepContext): Promise<Outcome> {
  const { pass, view, resources, engines } = context;
  const { restore, backup, database, volume } = view;
  const { kind, name } = restore.spec.target;
  const target = kind === 'Database' ? database : volume;
  if (!target) {
    if (!backup) return fail(pass, { reason: 'BackupNotFound', message: `Backup ${restore.spec.backup} is gone.` });
    if (kind === 'Volume') await resources.write.create(Volume, newVolume(restore, backup));
    else {
      const { engine, version } = backup.status;
      const facts = Object.entries(engines).find(([one]) => one === engine)?.[1];
      const series = seriesOf(facts?.series ?? [], version) ?? '';
      await resources.write.create(Database, newDatabase(restore, backup, series));
    }
    return waiting('Restoring', `${kind} ${name} is made from the backup.`, HELD_CHECK_MS);
  }
  if (
    target.metadata.labels?.[RESTORE_LABEL] !== restore.metadata.name ||
    target.metadata.deletionTimestamp !== undefined
  )
    return fail(pass, {
      reason: 'Rejected',
      message: `${kind} ${name} was made by somebody else meanwhile, or is being deleted.`,
    });
  if (kind === 'Volume') pass.status = { ...pass.status, volume: name };
  else if (database?.status.volume !== undefined) pass.status = { ...pass.status, volume: database.status.volume };
  const trouble = troubleOf(target);
  if (trouble && hopeless.has(trouble.reason)) return fail(pass, trouble);
  return waiting('Restoring', trouble?.message ?? `${kind} ${name} is being made from the backup.`, HELD_CHECK_MS);
}
