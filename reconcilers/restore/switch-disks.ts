import { Volume } from '../../crds/volume.ts';
import { quantityBytes } from '../../crds/quantity.ts';
import { findCondition } from '../../crds/condition.ts';
import { controllerOf } from '../../controller/object-key.ts';
import { waiting, type Outcome } from '../../controller/outcome.ts';
import { SAFEGUARD_OF } from '../shared/volume-login.ts';
import { HELD_CHECK_MS, fail, type StepContext } from './context.ts';
import { restoreNames } from './parts.ts';
import { askFor, dismissGuest } from './switch.ts';
import { isCrashing, isExchanged } from './volume-target.ts';

/** Has the loops of both volumes change their disks, so that the target keeps its name, and waits until it is in use again. */
export async function switchDisks(context: StepContext): Promise<Outcome> {
  const { pass, view, resources } = context;
  const { volume, volumeTarget, restore } = view;
  const { name } = restore.spec.target;
  if (!volumeTarget || volumeTarget.target.metadata.deletionTimestamp !== undefined)
    return fail(pass, { reason: 'VolumeMissing', message: `Volume ${name} was deleted while it was being restored.` });
  if (!volume || volume.metadata.deletionTimestamp !== undefined)
    return fail(pass, { reason: 'VolumeMissing', message: `Volume ${restoreNames(restore).volume} was deleted.` });
  const { target, served } = volumeTarget;
  if (!isExchanged(target, restore)) {
    if (!(await dismissGuest(context))) return waiting('Switching', 'The throwaway guest goes.', HELD_CHECK_MS);
    if (controllerOf(volume)?.uid === restore.metadata.uid)
      await resources.write.update(Volume, keeping(volume, target));
    await askFor(pass, volume.metadata.name);
    return waiting(
      'Switching',
      `Volume ${name} is being given what was restored; its guest is stopped for that.`,
      HELD_CHECK_MS,
    );
  }
  const ready = served && findCondition(served.status.conditions, 'Ready');
  const words = ready && ready.status !== 'True' ? ` ${ready.message}` : '';
  if (isCrashing(volumeTarget, restore, pass.now)) {
    const message = `Guest ${served?.metadata.name} does not come up with what was restored:${words}`;
    return fail(pass, { reason: 'CrashLoop', message });
  }
  const guest = served ? `; guest ${served.metadata.name} starts with it.${words}` : '.';
  return waiting('Switching', `Volume ${name} has what was restored${guest}`, HELD_CHECK_MS);
}

/** Has the target keep the disk that it had, or take it back. */
export async function putDiskBack(context: StepContext): Promise<Outcome> {
  const { name } = context.view.restore.spec.target;
  await dismissGuest(context);
  await askFor(context.pass, name);
  return waiting('PuttingBack', `Volume ${name} is given back the disk that it had.`, HELD_CHECK_MS);
}

/** The volume that is to hold what the target had: nobody's, kept, and large enough to say so. Pure. */
function keeping(volume: Volume, { metadata: { name }, spec: { size } }: Volume): Volume {
  const { guest: _, source: __, ...spec } = volume.spec;
  const { ownerReferences: ___, ...metadata } = volume.metadata;
  const largest = quantityBytes(spec.size) < quantityBytes(size) ? size : spec.size;
  return {
    ...volume,
    metadata: { ...metadata, labels: { ...metadata.labels, [SAFEGUARD_OF]: name } },
    spec: { ...spec, size: largest, retain: true },
  };
}
