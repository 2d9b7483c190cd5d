import { durationMs } from '../../crds/duration.ts';
import { waiting, type Outcome } from '../../controller/outcome.ts';
import { BACKUP_COMMANDS, readDigest } from '../shared/backup-commands.ts';
import { removeTrial } from './clean-up.ts';
import type { StepContext } from './context.ts';
import { bucketOf } from '../shared/copy-place.ts';
import type { CopyWork } from './copy-work.ts';
import { failedWords, runOnce } from './run-command.ts';
import { makeTrial, untilHeld } from './trial-guest.ts';

type CopyContext = Omit<StepContext, 'connection'>;

/**
 * Brings a backup that is good to its bucket, from a held guest with what was restored from it. Undefined when there is nothing
 * to do, or nothing more is tried. Whatever comes of it, the backup stays as good as it was.
 */
export async function copyBackup(context: CopyContext, work: CopyWork): Promise<Outcome | undefined> {
  const { pass } = context;
  const { spec, metadata } = pass.resource;
  if (!spec.copyTo || pass.status.copy || pass.status.copying?.over) return undefined;
  if (!pass.status.copying) {
    // From now on something may be in the bucket, which goes with the object.
    pass.status = { ...pass.status, copying: { startedAt: pass.now.toISOString(), over: false } };
    await pass.checkpoint();
  }
  work.collect(pass);
  const { copy, copying } = pass.status;
  if (copy) {
    pass.event('Normal', 'CopyCompleted', `An encrypted copy of ${copy.sizeBytes} bytes is at ${copy.url}.`);
    return undefined;
  }
  const isLate = pass.now.getTime() - Date.parse(copying?.startedAt ?? '') >= durationMs(spec.deadline);
  if (copying?.over || isLate) return giveUp(context, work);
  if (work.isRunning(metadata.uid)) return waiting('Copying', 'The backup is being copied to its bucket.');
  return work.pause(pass) ?? attempt(context, work);
}

async function attempt(context: CopyContext, work: CopyWork): Promise<Outcome> {
  const { pass, readSecret } = context;
  const bucket = bucketOf(pass.resource, readSecret);
  if (!bucket.ok) return held(context, work, bucket.reason, bucket.message);
  const trial = await makeTrial(context);
  if ('outcome' in trial) return trial.outcome;
  if ('unreadable' in trial) return held(context, work, trial.unreadable.reason, trial.unreadable.message);
  const { guest } = trial;
  // Its engine ran for a query: what it has is not the backup any more.
  if (!guest.spec.hold) return (await removeTrial(context)) ?? waiting('Copying', 'It is restored once more.', 0);
  const notHeld = untilHeld(guest);
  if (notHeld) return notHeld;
  const { digest: command } = BACKUP_COMMANDS;
  const { name, uid } = guest.metadata;
  const step = await runOnce(context, { name, uid }, command, { reason: 'Copying', what: 'The files are read' });
  if ('outcome' in step) return step.outcome;
  const digest = step.run.code === 0 ? readDigest(step.run.tail)?.sha256 : undefined;
  if (digest === undefined) return held(context, work, 'CopyFailed', failedWords(name, command, step.run));
  if (digest !== pass.status.checksum) {
    const words = `What was restored for the copy has digest ${digest} instead of ${pass.status.checksum}: the archive is not what it was.`;
    return held(context, work, 'DigestMismatch', words);
  }
  return work.run(pass, { guestUid: uid, access: bucket.access });
}

function held({ pass }: CopyContext, work: CopyWork, ...[reason, message]: Parameters<typeof waiting>): Outcome {
  work.note(pass, { reason, message });
  return work.pause(pass) ?? waiting(reason, message);
}

/** The half that may be in the bucket is thrown away when the backup goes, or by the next who copies. */
function giveUp({ pass }: CopyContext, work: CopyWork): Outcome | undefined {
  const { spec, metadata } = pass.resource;
  if (!work.stop(metadata.uid)) return waiting('Copying', 'The copying under way is being stopped.', 1_000);
  const { copying } = pass.status;
  const startedAt = copying?.startedAt ?? pass.now.toISOString();
  const failure = copying?.failure ?? `It was not copied within ${spec.deadline}.`;
  const failureReason = copying?.failureReason ?? 'DeadlineExceeded';
  pass.status = { ...pass.status, copying: { startedAt, over: true, failure, failureReason } };
  pass.event('Warning', failureReason, `The backup is good and was not copied. ${failure}`);
  return undefined;
}
